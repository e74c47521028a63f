"""From a draft to the plan of a table: what its rows are held against, and how many there are of those that pass."""

from __future__ import annotations

import dataclasses

from dbops.seeding.generate.making.sieve import sieve_of
from dbops.seeding.generate.model import Reference, TablePlan
from dbops.seeding.generate.planning.draft import CannotFill, Draft
from dbops.seeding.generate.planning.progress import Progress

_MOST_WHOLE = 20_000
"""Rows of a table whose rows must be compared with each other."""
_FEW = 5000
_MORE = (3, 10)
"""So many times the rows that are wanted are made, until enough pass the sieve."""


def finished(draft: Draft, progress: Progress) -> TablePlan:
    """The plan of a table, with as many rows as pass its sieve.

    :raises CannotFill: it has no column that values can be written to, or no row passes.
    """
    table = draft.table
    if all(not c.writable or c.name in draft.left_out for c in table.columns):
        raise CannotFill("it has no column that values can be written to")
    columns = tuple(c.name for c in table.columns if c.writable and c.name not in draft.left_out)
    required = tuple(
        one.name
        for one in draft.references
        if one.linked and not one.backward and not _may_be_null(draft, one)
    )
    checks = tuple(dict.fromkeys(rule.expression.text for rule in draft.residual))
    sieve = sieve_of(table, checks, tuple(draft.sieved), required)
    if draft.first and sieve.keys:
        sieve = dataclasses.replace(
            sieve, taken=progress.probe.rows(table.id, [name for name, _ in sieve.types])
        )
    made = TablePlan(
        table.id, draft.rows, columns, dict(draft.makers), tuple(draft.references), tuple(draft.combinations),
        tuple(draft.keys), sieve, draft.first, notes=tuple(draft.notes), asked=progress.wanted_rows(table),
    )  # fmt: skip
    if sieve.keys or any(one.table == table.id and not one.existing for one in made.references):
        made = _whole(made)
    return _sifted(made, progress) if sieve.needed else made


def _may_be_null(draft: Draft, reference: Reference) -> bool:
    columns = [draft.table.column(name) for name in reference.columns]
    return any(one is not None and draft.nullable(one) and one.name not in draft.concrete for one in columns)


def _whole(made: TablePlan) -> TablePlan:
    if made.rows <= _MOST_WHOLE or not made.sieve.keys:
        return dataclasses.replace(made, whole=bool(made.sieve.keys) or made.rows <= _MOST_WHOLE)
    note = "its keys can only be told apart row by row"
    return dataclasses.replace(made, whole=True, rows=_MOST_WHOLE, notes=(*made.notes, note))


def _sifted(made: TablePlan, progress: Progress) -> TablePlan:
    """With the rows that pass: where all rows are made at once, they are made here once to count them."""
    if not made.whole and made.rows <= _MOST_WHOLE:
        made = dataclasses.replace(made, whole=True)
    if not made.whole or any(one.backward for one in made.references):
        return made
    passing = 0
    for more in _MORE if made.rows <= _FEW else _MORE[:1]:
        sieve = dataclasses.replace(made.sieve, made=made.rows * more)
        trial = dataclasses.replace(made, sieve=sieve)
        passing = progress.trial(trial).block(made.table, 0).size
        if passing == made.rows:
            return trial
        made = dataclasses.replace(made, sieve=sieve)
    if not passing:
        raise CannotFill("no row was found that satisfies its keys and checks")
    note = "no more rows were found that satisfy its keys and checks"
    return dataclasses.replace(made, rows=passing, notes=(*made.notes, note))
