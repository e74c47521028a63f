"""A down section that leaves what the up section makes."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.safety.lint.model import Found, Level, Rule
from dbops.safety.lint.objects import left
from dbops.safety.lint.reading import File, Parsed
from dbops.safety.lint.surroundings import Surroundings


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    if file.down is None or not file.down.statements or any(map(_is_opaque, file.down.statements)):
        return
    kept = left(file.up.statements, file.down.statements)
    if kept:
        names = ", ".join(str(thing) for thing in kept)
        yield Found(
            file.down, file.down.statements[0], f"the up section makes what the down section leaves: {names}"
        )


def _is_opaque(one: Parsed) -> bool:
    """Whether it may drop what its text does not name."""
    return one.kind in ("", "DoStmt", "CallStmt", "DropOwnedStmt", "ExecuteStmt")


RULE = Rule(
    "down-incomplete",
    Level.WARNING,
    wrong="What the down section leaves is in the way when the migration is applied again: `already exists`; or, with "
    "`IF NOT EXISTS`, the old object stays although the file may have changed. Tables, views, indexes, sequences, types, "
    "functions, triggers, rules, policies, columns, named constraints, publications and new names are compared. What "
    "goes with an object that is dropped counts as dropped, and so does what `CASCADE` takes. A `DO` block in the down "
    "section may drop anything: then nothing is said. `CREATE EXTENSION` and `CREATE SCHEMA` with `IF NOT EXISTS` make "
    "what others may need, and may stay.",
    safer="Drop in the down section all that the up section makes, the newest first. `bin/migrate verify` tells for "
    "certain.",
    instead="drop them in the down section, the newest first",
    check=_check,
)
