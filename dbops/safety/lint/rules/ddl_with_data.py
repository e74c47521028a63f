"""A change of the schema and a change of many rows in one transaction."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.effects import Cost
from dbops.engines.names import QualifiedName
from dbops.safety.lint.model import Found, Level, Matters, Rule
from dbops.safety.lint.reading import File, Parsed
from dbops.safety.lint.surroundings import Surroundings

DATA = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CopyStmt"})


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    for unit in file.transactions:
        locked = next(((one, name) for one in unit for name in locks(file, one, around)), None)
        if locked is None:
            continue
        at, name = locked
        line, _ = file.up.place(at.offset)
        for one in unit:
            worked = _works_on(file, one, around)
            if worked:
                message = f"it changes rows in the transaction that locks {name} (line {line}): both last until the commit"
                yield Found(file.up, one, message, worked, Matters.USED)


def locks(file: File, one: Parsed, around: Surroundings) -> list[QualifiedName]:
    """What was there before, and a change of the schema locks so that others wait."""
    if one.kind in DATA:
        return []
    return [
        effect.relation
        for effect in around.effects(file, one)
        if effect.mode.is_felt
        and not around.is_new(effect.relation, file, one)
        and not around.is_absent(effect.relation)
    ]


def _works_on(file: File, one: Parsed, around: Surroundings) -> tuple[QualifiedName, ...]:
    """The tables whose rows a statement goes through to change rows."""
    if one.kind not in DATA or one.kind == "CopyStmt":
        return ()
    return tuple(
        effect.relation
        for effect in around.effects(file, one)
        if effect.cost in (Cost.ROWS, Cost.SCAN)
        and not (one.kind == "InsertStmt" and effect.cost is Cost.ROWS)
    )


RULE = Rule(
    "ddl-with-data",
    Level.WARNING,
    wrong="The lock of an `ALTER TABLE` is held until the commit: while an `UPDATE`, `DELETE` or `INSERT ... SELECT` of "
    "many rows runs, nobody can use the table. When it fails near its end, all of it is done again. Rows that are "
    'changed first can make a later `ALTER TABLE` fail ("pending trigger events").',
    safer="Two migrations: the schema first; then the rows, in batches with a commit after each, in a file with "
    "`-- dbops: no-transaction` or a Python module (`db.batched`).",
    instead="change the rows in a migration of their own, in batches",
    check=_check,
)
