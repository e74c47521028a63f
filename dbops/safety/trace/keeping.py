"""Traces kept beside the backups, as JSON for programs and as a page for people; what is read back is not trusted."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dbops.backups.disk import write_file
from dbops.errors import DbopsError
from dbops.events import Listener, Warned
from dbops.safety.rounds.model import Round
from dbops.safety.trace.html import page
from dbops.safety.trace.model import HeldLock, Trace, TracedMigration, TracedStatement

FOLDER = "traces"
"""In the folder of backups."""
_FORM = 1
"""Of the JSON; a file of another form is not read."""
_MOST_BYTES = 50_000_000
_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[\w.-]+\.json")


@dataclasses.dataclass(frozen=True)
class Ran:
    """A file that ran, and the fingerprint of the schema that it met; None where nobody can meet that one again."""

    version: str
    checksum: str
    schema: str | None


@dataclasses.dataclass(frozen=True)
class Kept:
    """What a kept trace proves: these files, in this order and manner, ran and came back, or did not.

    :param target: the database on which they were pending, "app@127.0.0.1:5432/shop".
    """

    path: Path
    target: str
    at: datetime.datetime
    files: tuple[Ran, ...]
    single_transaction: bool
    passed: bool


def keep(trace: Trace, backups: Path) -> Path:
    """Write both files; returns the path of the JSON.

    :raises DbopsError: they cannot be written.
    """
    folder = backups / FOLDER
    database = re.sub(r"[^\w.-]", "_", trace.database)
    stem = f"{trace.at.astimezone(datetime.UTC):%Y%m%dT%H%M%SZ}-{database}"
    try:
        for one in (backups, folder):
            one.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                one.mkdir(mode=0o700)
        folder.chmod(0o700)
    except OSError as error:
        raise DbopsError(f"{folder} cannot be made: {error.strerror}") from error
    path = folder / f"{stem}.json"
    write_file(path.with_suffix(".html"), [page(trace)])
    write_file(path, [json.dumps(data(trace), indent=1, ensure_ascii=False), "\n"])
    return path


def kept(backups: Path, listen: Listener) -> Iterator[Kept]:
    """The traces that are kept there, the newest first; one that cannot be used is told of.

    :raises DbopsError: the folder cannot be read.
    """
    folder = backups / FOLDER
    try:
        names = sorted((one.name for one in folder.iterdir() if _NAME.fullmatch(one.name)), reverse=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DbopsError(f"{folder} cannot be read: {error.strerror}") from error
    for name in names:
        try:
            yield _read(folder / name)
        except (OSError, ValueError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is damaged"
            listen(Warned(f"{folder / name} is not considered: {reason}"))


def _read(path: Path) -> Kept:
    """:raises ValueError: it is not what `keep` writes."""
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError("too large")
    found = _object(json.loads(path.read_bytes()))
    files, passed, single = found.get("files"), found.get("passed"), found.get("single_transaction")
    if found.get("form") != _FORM or not isinstance(files, list):
        raise ValueError("of another form")
    if not isinstance(passed, bool) or not isinstance(single, bool):
        raise ValueError("not true or false")  # noqa: TRY004  # of data, not of a caller
    at = datetime.datetime.fromisoformat(_text(found, "at"))
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return Kept(path, _text(found, "target"), at, tuple(map(_ran, map(_object, files))), single, passed)


def _ran(found: dict[str, object]) -> Ran:
    schema = None if found.get("schema") is None else _text(found, "schema")
    return Ran(_text(found, "version"), _text(found, "checksum"), schema)


def _object(found: object) -> dict[str, object]:
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004  # of data, not of a caller
    return found


def _text(found: dict[str, object], key: str) -> str:
    value = found.get(key)
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004  # of data, not of a caller
    return value


# -- as JSON data ------------------------------------------------------------------------------------------------------


def data(trace: Trace) -> dict[str, Any]:
    """All of it; `docs/trace.md` names the keys."""
    schemas = {one.version: one.schema for one in trace.migrations}
    return {
        "form": _FORM,
        "database": trace.database,
        "target": trace.target,
        "server": trace.server,
        "at": trace.at.isoformat(timespec="seconds"),
        "scratch": trace.scratch.value,
        "source": trace.source.value,
        "origin": trace.origin,
        "schema": trace.schema,
        "single_transaction": trace.single_transaction,
        "files": [
            {"version": version, "checksum": checksum, "schema": schemas.get(version)}
            for version, checksum in trace.checksums.items()
        ],
        "passed": trace.passed,
        "migrations": [_migration(one) for one in trace.migrations],
        "rounds": None if trace.rounds is None else [_round(one) for one in trace.rounds.rounds],
    }


def _migration(one: TracedMigration) -> dict[str, Any]:
    return {
        "version": one.version,
        "name": one.name,
        "mode": one.mode,
        **_times(one),
        "statements": [_statement(each) for each in one.statements],
        "invalid": list(one.invalid),
        "failure": one.failure and {"message": one.failure.message, "detail": one.failure.detail},
    }


def _times(one: TracedMigration | TracedStatement) -> Mapping[str, float]:
    return {"began": round(one.began, 6), "seconds": round(one.seconds, 6)}


def _statement(one: TracedStatement) -> dict[str, Any]:
    return {
        "number": one.number,
        "line": one.line,
        "text": one.text,
        "in_transaction": one.in_transaction,
        **_times(one),
        "locks": [_lock(each) for each in one.locks],
        "rewritten": list(one.rewritten),
        "built": list(one.built),
        "times": one.times,
    }


def _lock(one: HeldLock) -> dict[str, Any]:
    return {
        "relation": one.relation,
        "kind": one.kind,
        "mode": one.mode.words,
        "began": round(one.began, 6),
        "ended": round(one.ended, 6),
        "sampled": one.sampled,
        "new": one.new,
    }


def _round(one: Round) -> dict[str, Any]:
    return {
        "version": one.file.version.text,
        "result": one.verdict.value,
        "verified": one.verdict.good,
        "differences": [
            {
                "after": each.after.value,
                "object": each.difference.object,
                "change": each.difference.change.value,
            }
            for each in one.found
        ],
        "message": one.failure and one.failure.message,
        "lost": [{"table": each.table, "column": each.column, "values": each.values} for each in one.lost],
    }
