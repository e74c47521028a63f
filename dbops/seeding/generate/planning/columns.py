"""The makers of the columns that no foreign key and no combination decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from dbops.engines.catalog import Column, Exclusion, TypeKind
from dbops.engines.postgres.nodes import strings
from dbops.seeding.generate.expressions.expression import read_expression
from dbops.seeding.generate.expressions.tree import column_of
from dbops.seeding.generate.expressions.values import INTEGERS
from dbops.seeding.generate.model import NULLS, After, How, Own
from dbops.seeding.generate.planning.choose import Chooser
from dbops.seeding.generate.planning.draft import CannotFill, Draft
from dbops.seeding.generate.planning.keys import how_of
from dbops.seeding.generate.planning.meaning import words_of
from dbops.seeding.generate.planning.rules import TIMES, Rule, rules_of
from dbops.seeding.generate.planning.types import times
from dbops.seeding.generate.spaces.compound import Ranges
from dbops.seeding.generate.spaces.plain import Listed, Numbers
from dbops.seeding.generate.spaces.pooled import Person, Pooled
from dbops.seeding.generate.spaces.space import Space
from dbops.seeding.generate.spaces.times import DAY, SECOND, Times

NOTHING = Own(Listed(("",)), nulls=NULLS)
_SHARE = 150  # thousandths of NULL in a column that takes it
_MOSTLY = 850
_STARTS = {"created": 0, "inserted": 0, "registered": 0, "joined": 0, "opened": 1, "started": 1, "start": 1,
           "begin": 1, "began": 1, "from": 1, "placed": 1, "ordered": 1, "requested": 1, "issued": 1,
           "published": 2, "sent": 2, "paid": 2, "approved": 2, "shipped": 3, "delivered": 4, "updated": 4,
           "modified": 4, "changed": 4, "ended": 4, "end": 4, "to": 4, "until": 4, "closed": 4, "finished": 4,
           "completed": 4, "resolved": 4, "cancelled": 4, "expires": 4, "expired": 4, "due": 4, "last": 4,
           "deleted": 5, "archived": 5, "removed": 5}  # fmt: skip
_GONE = frozenset({"deleted", "archived", "removed", "cancelled"})
_LATEST_START = 2
_UPPER = {
    "min": "max", "minimum": "maximum", "low": "high", "lower": "upper", "lowest": "highest", "from": "to",
    "start": "end", "floor": "ceiling", "first": "last", "begin": "end",
}  # fmt: skip
_STEP = 3600 * SECOND


def choose_columns(draft: Draft, chooser: Chooser, births: tuple[tuple[str, str], ...] = ()) -> None:
    """Give every column that is left a maker.

    :param births: references, each with the column of its table that says when the parent came to be.
    :raises CannotFill: no values are known for a column that must have one.
    """
    orders = _orders(draft)
    referring = draft.referring
    for column in draft.table.columns:
        name = column.name
        if not column.writable or name in draft.makers or name in draft.concrete:
            continue
        if name in draft.always_null:
            draft.makers[name] = NOTHING
        elif name not in referring:
            _choose(draft, chooser, column, orders.get(name, ()))
            _after_births(draft, column, births)
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
        draft.makers[name] = _after(draft, column, after, nulls)
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


def _after_births(draft: Draft, column: Column, births: tuple[tuple[str, str], ...]) -> None:
    """What comes to be does so after what it belongs to: the first times of a row."""
    maker = draft.makers.get(column.name)
    if not births or not isinstance(maker, Own) or not isinstance(maker.space, Times):
        return
    rank = min((_STARTS[word] for word in words_of(column.name) if word in _STARTS), default=9)
    if rank <= _LATEST_START and maker.how is How.DRAWN and not draft.singles.get(column.name):
        form = column.type.base.name
        draft.makers[column.name] = After((), form, 0, 5 * 86_400, maker.nulls, births, maker.space)


def birth(makers: Mapping[str, Own | After], tied: Collection[str]) -> str | None:
    """Of a table's columns the one that says when a row came to be; None where none does."""
    times = [
        name
        for name, maker in makers.items()
        if name not in tied and (isinstance(maker, After) or isinstance(maker.space, Times))
    ]
    ranked = [
        (min((_STARTS[word] for word in words_of(name) if word in _STARTS), default=9), name)
        for name in times
    ]
    rank, name = min(ranked, default=(9, ""))
    return name if rank <= 1 else None


def _after(draft: Draft, column: Column, before: tuple[str, ...], nulls: int) -> After:
    form = column.type.base.name
    unit = 86_400 if form == "date" else 1
    limits = [one.seconds - unit * one.strict for one in draft.bounds if one.after == column.name]
    return After(before, form, unit, max(unit, min([10 * 86_400, *limits])), nulls)


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


# -- times in order ------------------------------------------------------------------------------------


def _orders(draft: Draft) -> dict[str, tuple[str, ...]]:
    """For a time the columns that it comes after: those that checks ask for, and those that names suggest."""
    free = [c for c in draft.table.columns if c.writable and _is_free_time(draft, c)]
    graph: dict[str, set[str]] = {c.name: set() for c in free}
    pairs = [(one.before, one.after) for one in draft.orders] + [
        (one.before, one.after) for one in draft.bounds
    ]
    for before, after in pairs:
        if before in graph and after in graph:
            graph[after].add(before)
    _in_order(graph)  # a circle of checks: equal times would do; the server will tell
    for early in free:
        for late in free:
            if early.type.base.name == late.type.base.name and _suggested(draft, early.name, late.name):
                graph[late.name].add(early.name)
                if not _in_order(graph):
                    graph[late.name].discard(early.name)
    return {name: tuple(sorted(before)) for name, before in graph.items() if before}


def _is_free_time(draft: Draft, column: Column) -> bool:
    name = column.name
    taken = (
        name in draft.concrete or name in draft.referring or name in draft.makers or name in draft.always_null
    )
    return column.type.base.name in TIMES and column.type.base.kind is TypeKind.BASE and not taken


def _suggested(draft: Draft, early: str, late: str) -> bool:
    if late in draft.unique or draft.singles.get(late) or any(late in key.units for key in draft.keys):
        return False
    first, second = (
        max((_STARTS[w] for w in words_of(one) if w in _STARTS), default=None) for one in (early, late)
    )
    return first is not None and second is not None and first < second


def _in_order(graph: dict[str, set[str]]) -> bool:
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError:
        return False
    return True


# -- exclusion constraints -----------------------------------------------------------------------------


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
