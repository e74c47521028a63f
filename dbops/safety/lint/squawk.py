"""squawk's rules: one run over the up sections that run in a transaction, one over the others."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dbops.backups import temporary
from dbops.engines.names import QualifiedName
from dbops.engines.postgres.nodes import qualified, relation, strings
from dbops.errors import ProgramFailed
from dbops.migrations.script import Mode
from dbops.process import POSTGRES_ENVIRON, run
from dbops.safety.lint.marks import comments, is_foreign
from dbops.safety.lint.model import Finding, Level, Matters
from dbops.safety.lint.reading import File, Parsed
from dbops.safety.lint.rules import by_name
from dbops.safety.lint.surroundings import Surroundings

_CONFIG = ".squawk.toml"
_PAGE = "https://squawkhq.com/docs/"

# What is a matter of taste: the types and spellings that dbops' own templates use, among others.
_TASTE = frozenset(
    {
        "ban-char-field", "prefer-big-int", "prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity",
        "prefer-text-field", "prefer-timestamp-tz", "require-enum-value-ordering", "require-table-schema",
    }
)  # fmt: skip
_TIMEOUTS = frozenset({"require-lock-timeout", "require-statement-timeout", "require-timeout-settings"})
# What matters as much as the table is large; what matters where it holds a row.
_WORK = _TIMEOUTS | {
    "adding-field-with-default", "adding-foreign-key-constraint", "adding-not-nullable-field",
    "adding-serial-primary-key-field", "changing-column-type", "constraint-missing-not-valid",
    "disallowed-unique-constraint", "prefer-repack", "require-concurrent-index-creation",
    "require-concurrent-index-deletion", "require-concurrent-partition-detach", "require-concurrent-reindex",
}  # fmt: skip
_ROWS = frozenset({"adding-required-field", "ban-truncate-cascade"})
# A migration that stopped is not run again from its beginning: it was rolled back, or the journal knows where it is.
_NEVER = frozenset({"prefer-robust-stmts", "unused-ignore"})


def program(search_path: str) -> Path | None:
    """squawk, of the environment that dbops is in or on the PATH; None where it is not installed."""
    beside = Path(sys.executable).with_name("squawk")
    found = str(beside) if beside.exists() else shutil.which("squawk", path=search_path)
    return Path(found) if found else None


def findings(squawk: Path, files: Sequence[File], around: Surroundings, project: Path) -> Iterator[Finding]:
    """What squawk says of the up sections, its own marks not yet heeded.

    :raises ProgramFailed: it cannot be run, or does not answer as it should.
    """
    sql = [file for file in files if not file.is_code]
    for together in (True, False):
        group = [file for file in sql if _wrapped(file) is together]
        texts = [_text(file) for file in group]
        for said in _said(squawk, texts, together, project) if group else ():
            number = int(Path(said["file"]).stem)
            found = _finding(said, group[number], texts[number], around)
            if found is not None:
                yield found


def _wrapped(file: File) -> bool:
    """Whether dbops puts a transaction around it; a file with its own BEGIN shows that by itself."""
    script = file.script
    return (
        script is not None
        and script.mode is Mode.TRANSACTION
        and all(one.begin is None for one in script.units)
    )


def _text(file: File) -> str:
    """The up section alone, on the lines that it has in the file; its marks are heeded later, to know the unused ones."""
    section = file.up.section
    sql = section.sql
    for start, end, comment in comments(sql, section.dialect):
        if is_foreign(comment):
            sql = sql[:start] + " " * (end - start) + sql[end:]
    return "\n" * (section.line - 1) + " " * (section.column - 1) + sql


def _said(squawk: Path, texts: Sequence[str], together: bool, project: Path) -> list[dict[str, Any]]:
    with temporary.folder() as folder:
        for number, text in enumerate(texts):
            (folder / f"{number}.sql").write_text(text, encoding="utf-8", newline="")
        config = next((one for one in _configs(project) if one.exists()), None)
        argv = [
            squawk,
            "--reporter=json",
            "--assume-in-transaction" if together else "--no-assume-in-transaction",
            *([f"--config={config}"] if config else []),
            *(f"{number}.sql" for number in range(len(texts))),
        ]
        done = run(argv, environ=POSTGRES_ENVIRON, cwd=folder, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    except ValueError:
        found = []
    if done.code != bool(found):
        raise ProgramFailed(f"{squawk.name} ended with code {done.code}", detail=done.last_lines() or None)
    return found


def _configs(project: Path) -> Iterator[Path]:
    return (folder / _CONFIG for folder in (project.absolute(), *project.absolute().parents))


def _finding(said: dict[str, Any], file: File, text: str, around: Surroundings) -> Finding | None:
    """What squawk said, in our terms; None where dbops knows better."""
    rule, section = said["rule_name"], file.up.section
    lines = text.split("\n")
    column = len(lines[said["line"]].encode()[: said["column"]].decode(errors="ignore"))
    before = section.line - 1 + section.column - 1
    at = _statement(file, sum(len(one) + 1 for one in lines[: said["line"]]) + column - before)
    if _is_known_better(rule, file, at, around):
        return None
    level, message, safer = _level(rule), said["message"], said["help"] or ""
    if rule == "syntax-error":
        message = f"squawk cannot read this, and says nothing more of the file: {message}"
    if rule == "require-concurrent-index-creation" and _on_partitioned(at, around):
        safer = by_name("concurrently-on-partitioned").instead
    return Finding(
        rule, level, file.file.version.text, section.label, said["line"] + 1, column + 1, message, safer, _PAGE + rule,
        statement=at.offset if at else None, foreign=True, tables=_tables(file, at, around), matters=_matters(rule),
    )  # fmt: skip


def _is_known_better(rule: str, file: File, at: Parsed | None, around: Surroundings) -> bool:
    """Whether it is no matter here, whatever the table."""
    if rule in _TIMEOUTS:
        return around.limits(file, rule)
    if rule == "syntax-error":
        return any(one.refusal for one in file.up.statements)  # said already, in PostgreSQL's words
    if rule == "require-concurrent-index-creation" and at and _on_partitioned(at, around):
        return not at.node["relation"].get("inh")  # ON ONLY: nothing is built
    return rule in _NEVER


def _on_partitioned(at: Parsed | None, around: Surroundings) -> bool:
    return at is not None and at.kind == "IndexStmt" and around.is_partitioned(relation(at.node["relation"]))


def _level(rule: str) -> Level:
    return Level.NOTE if rule in _TASTE | {"require-statement-timeout", "syntax-error"} else Level.WARNING


def _matters(rule: str) -> Matters:
    if rule in _TASTE:
        return Matters.ALWAYS
    return Matters.USED if rule in _WORK else Matters.FILLED if rule in _ROWS else Matters.KNOWN


def _statement(file: File, offset: int) -> Parsed | None:
    """The statement at a place of the up section."""
    return next((one for one in reversed(file.up.statements) if one.offset <= offset), None)


def _tables(file: File, one: Parsed | None, around: Surroundings) -> tuple[QualifiedName, ...]:
    """What the statement is about: all that it drops or empties, else the table that it changes."""
    if one is None:
        return ()
    found = [effect.relation for effect in around.effects(file, one)]
    if not found:  # of an index that is not there, no table is known
        if one.node.get("removeType") == "OBJECT_INDEX":
            found = [qualified(strings(item["List"]["items"])) for item in one.node["objects"]]
        elif one.node.get("renameType") == "OBJECT_INDEX":
            found = [relation(one.node["relation"])]
    return tuple(found if one.kind in ("DropStmt", "TruncateStmt") else found[:1])
