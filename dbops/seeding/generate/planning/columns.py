"""The makers of the columns that no foreign key and no combination decides."""

from __future__ import annotations

import dataclasses

from dbops.engines.catalog import Column
from dbops.seeding.generate.expressions.values import INTEGERS
from dbops.seeding.generate.model import NULLS, How, Own
from dbops.seeding.generate.planning.choose import Chooser
from dbops.seeding.generate.planning.draft import CannotFill, Draft
from dbops.seeding.generate.planning.keys import how_of
from dbops.seeding.generate.planning.sequels import after_births, after_others, time_orders
from dbops.seeding.generate.planning.words import words_of
from dbops.seeding.generate.spaces.plain import Listed, Numbers
from dbops.seeding.generate.spaces.pooled import Person, Pooled
from dbops.seeding.generate.spaces.space import Space

NOTHING = Own(Listed(("",)), nulls=NULLS)
_SHARE = 150  # thousandths of NULL in a column that takes it
_MOSTLY = 850
_GONE = frozenset({"deleted", "archived", "removed", "cancelled"})
_UPPER = {
    "min": "max", "minimum": "maximum", "low": "high", "lower": "upper", "lowest": "highest", "from": "to",
    "start": "end", "floor": "ceiling", "first": "last", "begin": "end",
}  # fmt: skip


def choose_columns(draft: Draft, chooser: Chooser, births: tuple[tuple[str, str], ...] = ()) -> None:
    """Give every column that is left a maker.

    :param births: references, each with the column of its table that says when the parent came to be.
    :raises CannotFill: no values are known for a column that must have one.
    """
    orders = time_orders(draft)
    referring = draft.referring
    for column in draft.table.columns:
        name = column.name
        if not column.writable or name in draft.makers or name in draft.concrete:
            continue
        if name in draft.always_null:
            draft.makers[name] = NOTHING
        elif name not in referring:
            _choose(draft, chooser, column, orders.get(name, ()))
            after_births(draft, column, births)
    _part(draft)


def _part(draft: Draft) -> None:
    """The lower half of the values for `min_price`, the upper for `max_price`."""
    names = {words_of(name): name for name in draft.makers}
    for words, low in names.items():
        for place, word in enumerate(words):
            other = names.get((*words[:place], _UPPER.get(word, ""), *words[place + 1 :]))
            if other is not None:
                _halve(draft, low, other)


def _halve(draft: Draft, low: str, high: str) -> None:
    below, above = draft.makers[low], draft.makers[high]
    if not isinstance(below, Own) or not isinstance(above, Own) or below.space != above.space:
        return
    space = below.space
    if isinstance(space, Numbers) and {below.how, above.how} == {How.DRAWN} and space.size > 1:
        middle = space.low + (space.size // 2 - 1) * space.step
        draft.makers[low] = dataclasses.replace(below, space=dataclasses.replace(space, high=middle))
        draft.makers[high] = dataclasses.replace(
            above, space=dataclasses.replace(space, low=middle + space.step)
        )


def _choose(draft: Draft, chooser: Chooser, column: Column, after: tuple[str, ...]) -> None:
    name, how = column.name, how_of(draft, column.name)
    nulls = _nulls(draft, column)
    if after and how is How.DRAWN:
        draft.makers[name] = after_others(draft, column, after, nulls)
        return
    space = _counting(draft, chooser, column) if how is How.COUNTED else None
    space = space or chooser.column(
        draft.table, column, draft.singles.get(name, ()), _needed(draft, name, how)
    )
    if space is not None:
        # What belongs to a person goes by the row's number, so that all of a row belongs to one.
        counted = isinstance(space, Person) or (isinstance(space, Pooled) and how is How.UNIQUE)
        draft.makers[name] = Own(space, How.COUNTED if counted else how, nulls)
    elif draft.nullable(column) and name not in draft.never_null:
        draft.makers[name] = NOTHING
    elif column.default is not None or column.identity.value:
        draft.left_out.add(name)
    else:
        raise CannotFill(f"no values are known for {name} ({column.type.sql})")


def _needed(draft: Draft, name: str, how: How) -> int:
    if how in (How.UNIQUE, How.COUNTED):
        return draft.first + draft.rows
    key = next((key for key in draft.keys if key.units[-1] == name), None)
    return 0 if key is None or len(key.units) > 1 else draft.first + draft.rows


def _counting(draft: Draft, chooser: Chooser, column: Column) -> Space | None:
    """Whole numbers from the highest on that is there."""
    if column.type.base.name not in INTEGERS or draft.singles.get(column.name):
        return None
    if chooser.probe and column.sequence and (down := chooser.probe.downward(column.sequence)):
        start, step, least = down
        lowest = chooser.probe.lowest(draft.table.id, column.name) + step if draft.first else start
        return Numbers(lowest - draft.first * step, least, step)
    highest = chooser.probe.highest(draft.table.id, column.name) if chooser.probe and draft.first else 0
    low = max(highest, 0) + 1 - draft.first
    limits = {"int2": 1 << 15, "int4": 1 << 31}
    return Numbers(low, limits.get(column.type.base.name, 1 << 63) - 1)


def _nulls(draft: Draft, column: Column) -> int:
    """Thousandths of NULL; none where a combination says which rows have it."""
    name = column.name
    tied = any(name in one.columns for one in draft.combinations)
    keyed = name in draft.unique or any(name in key.units for key in draft.keys)
    if tied or keyed or not draft.nullable(column) or name in draft.never_null:
        return 0
    return _MOSTLY if _GONE & {*words_of(name)} else _SHARE
