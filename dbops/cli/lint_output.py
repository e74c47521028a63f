"""Findings of lint as lines for a terminal, annotations for GitHub, SARIF for code scanning, and data for JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import dbops
from dbops.events import plural
from dbops.safety.lint.model import Finding, Level

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def data(found: Finding) -> dict[str, Any]:
    """A finding for --json."""
    return {
        "rule": found.rule,
        "level": found.level.label,
        "version": found.version,
        "file": found.path,
        "line": found.line,
        "column": found.column,
        "message": found.message,
        "safer": found.safer or None,
        "help": found.page,
    }


def _terminal(found: Sequence[Finding], files: int) -> Iterator[str]:
    for one in found:
        yield f"{one.path}:{one.line}:{one.column}: {one.level.label} {one.rule}: {one.message}"
        yield f"    {one.safer} ({one.page})" if one.safer else f"    {one.page}"
    counted = ", ".join(
        plural(sum(one.level is level for one in found), level.label) for level in reversed(Level)
    )
    yield f"{plural(files, 'file')}: {counted}"


def _github(found: Sequence[Finding], files: int) -> Iterator[str]:
    """Workflow commands: GitHub shows each at its line of a pull request."""
    for one in found:
        word = "notice" if one.level is Level.NOTE else one.level.label
        where = {"file": one.path, "line": one.line, "col": one.column, "title": one.rule}
        properties = ",".join(f"{key}={_property(str(value))}" for key, value in where.items())
        text = f"{one.message}\n{one.safer} ({one.page})" if one.safer else f"{one.message} ({one.page})"
        yield f"::{word} {properties}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(found: Sequence[Finding], files: int) -> Iterator[str]:
    import json

    rules = {one.rule: one for one in found}
    names = list(rules)
    driver = {
        "name": "dbops",
        "semanticVersion": dbops.__version__,
        "rules": [_sarif_rule(rules[name]) for name in names],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(one, names.index(one.rule)) for one in found],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    yield from json.dumps(document, indent=2, ensure_ascii=False).split("\n")


def _sarif_rule(example: Finding) -> dict[str, Any]:
    foreign = {"helpUri": example.page} if example.foreign else {}
    return {"id": example.rule, "help": {"text": f"{example.safer} ({example.page})".strip()}, **foreign}


def _sarif_result(found: Finding, index: int) -> dict[str, Any]:
    from urllib.parse import quote

    location = {
        "artifactLocation": {"uri": quote(PurePath(found.path).as_posix())},
        "region": {"startLine": found.line, "startColumn": found.column},
    }
    text = f"{found.message.removesuffix('.')}. {found.safer}" if found.safer else found.message
    return {
        "ruleId": found.rule,
        "ruleIndex": index,
        "level": found.level.label,
        "message": {"text": text},
        "locations": [{"physicalLocation": location}],
    }


FORMS: Mapping[str, Callable[[Sequence[Finding], int], Iterator[str]]] = {
    "terminal": _terminal,
    "github": _github,
    "sarif": _sarif,
}
