"""Objects that ought to be there: of the schema that the last migration left, or of what the applied files make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dbops.engines.postgres.effects.live import quoted
from dbops.engines.records import Action
from dbops.engines.schema import Change
from dbops.errors import DbopsError
from dbops.events import plural
from dbops.migrations import schema_drift
from dbops.migrations.model import Status
from dbops.migrations.schema_drift import Drift
from dbops.safety.checkup.asking import Asker
from dbops.safety.checkup.model import Finding, Level

if TYPE_CHECKING:
    from dbops.engines.session import Session
    from dbops.safety.lint.making import Thing

_MAKING = frozenset(
    {"CreateStmt", "CreateTableAsStmt", "CreateForeignTableStmt", "SelectStmt", "ViewStmt", "DropStmt", "RenameStmt"}
)  # fmt: skip
_RELATIONS = frozenset({"table", "view", "materialized view", "foreign table"})
_QUERY = (
    "select name from unnest(%s::text[]) as name where pg_catalog.to_regclass(name) is null order by name"
)


def left_by_migrations(session: Session) -> Iterator[Finding]:
    """What is gone of the schema that was stored, and one hint at all else that differs."""
    try:
        yield from _of_drift(schema_drift.look(session))
    except DbopsError as error:
        yield Finding("missing-object", Level.HINT, "the schema", f"is not known: {error.message}", "")


def _of_drift(drift: Drift) -> Iterator[Finding]:
    gone = [one for one in drift.differences if one.change is Change.GONE]
    for one in gone:
        version = drift.left and drift.left.version
        said = f"is missing: it was there after {version or 'the last migration'}"
        mend = f"make it anew: {one.before}"
        yield Finding("missing-object", Level.PROBLEM, one.object, said, "bin/migrate drift", mend)
    others = len(drift.differences) - len(gone)
    if others:
        said = f"has {plural(others, 'object')} that the last migration did not leave so"
        yield Finding("drift", Level.HINT, "the schema", said, "bin/migrate drift", "bin/migrate drift")


def made_by_files(session: Session, ask: Asker, applied: Iterable[Status]) -> Iterator[Finding]:
    """The tables and views that applied files make and none of them drops, and that the stored schema has not either.

    As after a baseline of what was not there.  Hints, since what a block of code drops cannot be read from a file.
    What was accepted as gone is not told.
    """
    left, accepted = session.schema_left(), _accepted(session)
    known = accepted.union(left.schema.objects if left else ())
    things = {quoted(thing.name): thing for thing in _made(applied)}
    for (name,) in ask.rows(_QUERY, [list(things)]):
        thing = things[name]
        if any(one.startswith(f"{thing.kind} ") and one.endswith(f".{thing.name.name}") for one in known):
            continue
        query = f"select pg_catalog.to_regclass('{name.replace(chr(39), chr(39) * 2)}')"
        said = "is missing: an applied migration makes it, and none drops it"
        mend = "make it as its migration does"
        yield Finding("missing-object", Level.HINT, f"{thing.kind} {thing.name}", said, query, mend)


def _accepted(session: Session) -> set[str]:
    """The objects that `drift --accept` has found gone."""
    entries = [one.entry for one in session.events() if one.entry.action is Action.DRIFT_ACCEPTED]
    return {name for entry in entries for name in (entry.detail or {}).get("objects", ())}


def _made(applied: Iterable[Status]) -> list[Thing]:
    from dbops.safety.lint.objects import left
    from dbops.safety.lint.reading import read

    statements, moved = [], set()
    for number, status in enumerate(applied):
        try:
            file = read(number, status)
        except DbopsError:
            continue  # `status` and `lint` say what is wrong with it
        statements += [one for one in file.up.statements if one.kind in _MAKING]
        for one in file.up.statements:
            if one.kind == "AlterObjectSchemaStmt" and "relation" in one.node:
                moved.add(one.node["relation"]["relname"])
    return [
        thing for thing in left(statements, ()) if thing.kind in _RELATIONS and thing.name.name not in moved
    ]
