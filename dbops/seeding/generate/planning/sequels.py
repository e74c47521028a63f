"""Times that come one after the other: as checks ask for it, and as names suggest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from dbops.engines.catalog import Column, TableName, TypeKind
from dbops.seeding.generate.model import After, How, Own, TablePlan
from dbops.seeding.generate.planning.draft import Draft
from dbops.seeding.generate.planning.rules import TIMES
from dbops.seeding.generate.planning.words import words_of
from dbops.seeding.generate.spaces.times import Times

_STARTS = {"created": 0, "inserted": 0, "registered": 0, "joined": 0, "opened": 1, "started": 1, "start": 1,
           "begin": 1, "began": 1, "from": 1, "placed": 1, "ordered": 1, "requested": 1, "issued": 1,
           "published": 2, "sent": 2, "paid": 2, "approved": 2, "shipped": 3, "delivered": 4, "updated": 4,
           "modified": 4, "changed": 4, "ended": 4, "end": 4, "to": 4, "until": 4, "closed": 4, "finished": 4,
           "completed": 4, "resolved": 4, "cancelled": 4, "expires": 4, "expired": 4, "due": 4, "last": 4,
           "deleted": 5, "archived": 5, "removed": 5}  # fmt: skip
_LATEST_START = 2
_UNRANKED = 9


def after_births(draft: Draft, column: Column, births: tuple[tuple[str, str], ...]) -> None:
    """What comes to be does so after what it belongs to: the first times of a row."""
    maker = draft.makers.get(column.name)
    if not births or not isinstance(maker, Own) or not isinstance(maker.space, Times):
        return
    if _rank(column.name) <= _LATEST_START and maker.how is How.DRAWN and not draft.singles.get(column.name):
        form = column.type.base.name
        draft.makers[column.name] = After((), form, 0, 5 * 86_400, maker.nulls, births, maker.space)


def births(draft: Draft, plans: Mapping[TableName, TablePlan]) -> tuple[tuple[str, str], ...]:
    """The references to rows that are made before, each with the column that says when the parent came to be."""
    found = []
    for one in draft.references:
        parent = plans.get(one.table)
        plain = not (one.existing or one.linked or one.backward or one.table == draft.table.id)
        if parent is None or not plain or any(key.backward for key in parent.references):
            continue
        tied = {name for group in parent.combinations for name in group.columns}
        if column := _birth(parent.makers, tied):
            found.append((one.name, column))
    return tuple(found)


def _birth(makers: Mapping[str, Own | After], tied: Collection[str]) -> str | None:
    """Of a table's columns the one that says when a row came to be; None where none does."""
    times = [
        name
        for name, maker in makers.items()
        if name not in tied and (isinstance(maker, After) or isinstance(maker.space, Times))
    ]
    rank, name = min(((_rank(name), name) for name in times), default=(_UNRANKED, ""))
    return name if rank <= 1 else None


def _rank(name: str) -> int:
    """How early in a row's life a time comes, by its name."""
    return min((_STARTS[word] for word in words_of(name) if word in _STARTS), default=_UNRANKED)


def after_others(draft: Draft, column: Column, before: tuple[str, ...], nulls: int) -> After:
    """A time that comes after others of its row, as far behind them as checks let it."""
    form = column.type.base.name
    unit = 86_400 if form == "date" else 1
    limits = [one.seconds - unit * one.strict for one in draft.bounds if one.after == column.name]
    return After(before, form, unit, max(unit, min([10 * 86_400, *limits])), nulls)


def time_orders(draft: Draft) -> dict[str, tuple[str, ...]]:
    """For a time the columns that it comes after: those that checks ask for, and those that names suggest."""
    free = [c for c in draft.table.columns if c.writable and _is_free_time(draft, c)]
    graph: dict[str, set[str]] = {c.name: set() for c in free}
    pairs = [(one.before, one.after) for one in draft.orders] + [
        (one.before, one.after) for one in draft.bounds
    ]
    for before, after in pairs:
        if before in graph and after in graph:
            graph[after].add(before)
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
