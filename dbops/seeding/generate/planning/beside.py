"""Rows beside those that are there: the server is asked which of the planned keys it has, and those get other numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from dbops.seeding.generate.expressions.expression import read_expression
from dbops.seeding.generate.making.numbers import STRETCH, key_of_new
from dbops.seeding.generate.model import How, Moved, Own, TablePlan
from dbops.seeding.generate.planning.progress import Progress
from dbops.seeding.generate.planning.wanted import Wanted

_ASKED = 50_000
"""Rows that the server is asked about at a time."""
_ROUNDS = 20
"""How often taken numbers are replaced by others that may be taken as well."""


def beside(made: TablePlan, unsure: Sequence[Wanted], progress: Progress) -> TablePlan:
    """The plan with other numbers for the rows whose keys are in the table.

    Where the numbers run out, or more than one column or key decides, it stays as it is: the server will tell.

    :param unsure: the keys that may be there already.
    """
    for wanted in unsure:
        if not any(key.name == wanted.name and key_of_new(made, progress.plans, key) for key in made.keys):
            made = _moved(made, wanted, progress)
    return made


def _moved(made: TablePlan, wanted: Wanted, progress: Progress) -> TablePlan:
    unit = _deciding(made, wanted)
    if unit is None:
        return made
    spare = made.first + made.rows * (STRETCH if made.sieve.needed else 1)
    taken = _taken(made, wanted, progress)
    moved: dict[int, int] = {}
    for _ in range(_ROUNDS):
        if not taken:
            break
        for row in taken:
            moved[row] = spare
            spare += 1
        made = _with(made, unit, tuple(sorted(moved.items())))
        taken = _taken(made, wanted, progress, {*taken})
    return made


def _deciding(made: TablePlan, wanted: Wanted) -> str | None:
    """The column or the key whose number decides the values of a key."""
    if any(key.name == wanted.name and not key.along for key in made.keys):
        return wanted.name
    for column in wanted.columns or ():
        maker = made.makers.get(column)
        if isinstance(maker, Own) and maker.how in (How.UNIQUE, How.COUNTED):
            return column
    return None


def _with(made: TablePlan, unit: str, moved: Moved) -> TablePlan:
    if unit in made.makers and not any(key.name == unit for key in made.keys):
        maker = made.makers[unit]
        assert isinstance(maker, Own)
        return dataclasses.replace(
            made, makers={**made.makers, unit: dataclasses.replace(maker, moved=moved)}
        )
    keys = (dataclasses.replace(key, moved=moved) if key.name == unit else key for key in made.keys)
    return dataclasses.replace(made, keys=tuple(keys))


def _taken(made: TablePlan, wanted: Wanted, progress: Progress, among: set[int] | None = None) -> list[int]:
    """The numbers of the rows whose key is taken, of all or of these."""
    table, maker = progress.catalog.by_id[made.table], progress.trial(made)
    names = sorted({name for text in wanted.expressions for name in read_expression(text).columns})
    kinds = [(one.name, one.type.base.sql) for name in names if (one := table.column(name))]
    stretch = STRETCH if made.sieve.needed else 1
    found: list[int] = []
    numbers: list[int] = []
    rows: list[Sequence[str | None]] = []
    for place in range(made.blocks):
        block = maker.block(made.table, place)
        first = made.first + block.start * stretch
        for number, row in enumerate(zip(*(block.candidates(name) for name in names), strict=True), first):
            if among is None or number in among:
                numbers.append(number)
                rows.append(row)
        if rows and (len(rows) >= _ASKED or place == made.blocks - 1):
            found += [
                numbers[one] for one in progress.probe.taken(made.table, kinds, rows, wanted.expressions)
            ]
            numbers, rows = [], []
    return found
