"""Exclusion constraints: ranges that never overlap, or values that are all the same."""

from __future__ import annotations

from dbops.engines.catalog import Column, Exclusion
from dbops.engines.postgres.nodes import strings
from dbops.seeding.generate.expressions.expression import read_expression
from dbops.seeding.generate.expressions.tree import column_of
from dbops.seeding.generate.expressions.values import INTEGERS
from dbops.seeding.generate.model import How, Own
from dbops.seeding.generate.planning.choose import Chooser
from dbops.seeding.generate.planning.draft import Draft
from dbops.seeding.generate.planning.rules import TIMES, Rule, rules_of
from dbops.seeding.generate.planning.types import times
from dbops.seeding.generate.spaces.compound import Ranges
from dbops.seeding.generate.spaces.plain import Listed, Numbers
from dbops.seeding.generate.spaces.space import Space
from dbops.seeding.generate.spaces.times import DAY, SECOND, Times

_STEP = 3600 * SECOND


def keep_apart(draft: Draft, chooser: Chooser) -> None:
    """Makers for the columns of exclusion constraints, before all else: ranges that never overlap, or values that are all the same."""
    for exclusion in draft.table.exclusions:
        if all(operator == "=" for operator in exclusion.operators):
            continue  # a key
        if not any(_apart(draft, chooser, exclusion, place) for place in range(len(exclusion.operators))):
            draft.notes.append(f"{exclusion.name}: no way is known to keep its rows apart")


def _apart(draft: Draft, chooser: Chooser, exclusion: Exclusion, place: int) -> bool:
    operator, name = exclusion.operators[place], exclusion.columns[place]
    column = draft.table.column(name) if name else None
    if operator == "&&" and column is not None and column.generated is not None:
        return _bounds_apart(draft, chooser, column.generated)
    if operator == "&&" and column is not None:
        return _range_apart(draft, chooser, column)
    if operator == "&&":
        return _bounds_apart(draft, chooser, exclusion.expressions[place])
    if operator == "<>" and column is not None and column.name not in draft.referring | draft.concrete:
        space = chooser.column(draft.table, column, _singles(draft, column.name))
        if space is not None:
            draft.makers[column.name] = Own(Listed(tuple(chooser.sample(space, 1))))
            return True
    return False


def _range_apart(draft: Draft, chooser: Chooser, column: Column) -> bool:
    if column.name in draft.concrete | draft.referring:
        return False
    if column.name in draft.makers:
        return True
    space = chooser.column(draft.table, column, _singles(draft, column.name), draft.first + draft.rows)
    if space is None:
        return False
    draft.unique.add(column.name)
    draft.makers[column.name] = Own(space, How.COUNTED if isinstance(space, Ranges) else How.UNIQUE)
    return True


def _bounds_apart(draft: Draft, chooser: Chooser, text: str) -> bool:
    """`tstzrange(starts, ends)`: both columns count on together, so that no two rows overlap."""
    call = read_expression(text).tree.get("FuncCall")
    if not call or not strings(call["funcname"])[-1].endswith("range"):
        return False
    names = [column_of(argument) for argument in call["args"][:2]]
    columns = [draft.table.column(name) for name in names if name]
    taken = draft.referring | draft.concrete | draft.makers.keys()
    if len(columns) != 2 or any(column is None or column.name in taken for column in columns):
        return False
    for column, later in zip(columns, (False, True), strict=True):
        assert column is not None
        space = _bound(column, chooser, later=later)
        if space is None:
            return False
        draft.makers[column.name] = Own(space, How.COUNTED)
        draft.unique.add(column.name)
    return True


def _singles(draft: Draft, name: str) -> list[Rule]:
    return [rule for rule in rules_of(draft.table) if rule.columns == {name}]


def _bound(column: Column, chooser: Chooser, *, later: bool) -> Space | None:
    base = column.type.base.name
    if base in TIMES:
        start, step = times(base, chooser.as_of), 10 * DAY if base == "date" else _STEP
        first = (
            start.first
            + (step // 2 // (DAY if base == "date" else 1) * (DAY if base == "date" else 1)) * later
        )
        return Times(first, step, 100_000 if base == "date" else 10_000_000, base)
    if base in INTEGERS:
        return Numbers(5 if later else 0, (1 << 31) - 10, 10)
    return None
