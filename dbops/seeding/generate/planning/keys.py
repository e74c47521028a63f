"""Unique keys by construction: one column that differs by itself, or a number shared out to the key's units.

What neither can do (an expression that is not one to one, a key over columns that checks tie) is left to the sieve.
"""

from __future__ import annotations

from dbops.engines.catalog import TypeKind
from dbops.seeding.generate.expressions.values import FRACTIONS, INTEGERS, STRINGS
from dbops.seeding.generate.model import How, Key
from dbops.seeding.generate.planning.draft import Draft
from dbops.seeding.generate.planning.progress import Progress
from dbops.seeding.generate.planning.room import MOST_COMPARED
from dbops.seeding.generate.planning.rules import domain_rules, names_values
from dbops.seeding.generate.planning.wanted import Wanted, is_line, wanted_keys


def _counts_on(draft: Draft, name: str) -> bool:
    return how_of(draft, name) is How.COUNTED and not draft.singles.get(name)


def choose_keys(draft: Draft, progress: Progress) -> list[Wanted]:
    """Decide for every key how it is met: `draft.unique`, `draft.keys` or `draft.sieved`.

    Returns the keys whose values may be there already, which only the server can tell.
    """
    met = []
    for wanted in wanted_keys(draft):
        if _met(draft, wanted, progress):
            met.append(wanted)
        else:
            draft.sieved.append(wanted.sieved)
    if draft.stretched and (draft.rows <= MOST_COMPARED or draft.sieved):
        draft.sieved += [wanted.sieved for wanted in met if not _never_twice(draft, wanted)]
        return []
    return [wanted for wanted in met if not _never_twice(draft, wanted)] if draft.first else []


def _never_twice(draft: Draft, wanted: Wanted) -> bool:
    """Whether what comes cannot be there already: numbers beyond the highest, UUIDs."""
    columns = [draft.table.column(name) for name in {*(wanted.columns or ())} & draft.unique]
    return any(
        one is not None and (one.type.base.name == "uuid" or _counts_on(draft, one.name)) for one in columns
    )


def _met(draft: Draft, wanted: Wanted, progress: Progress) -> bool:
    columns = wanted.columns
    if columns is None or any(one in draft.left_out for one in columns):
        return False
    if draft.unique & {*columns} or any({*columns} >= _spoken_for(draft, key) for key in draft.keys):
        return True
    if draft.always_null & {*columns} and not wanted.nulls_equal:
        return True
    if wanted.predicate is not None and len(columns) == 1 and draft.reference_with(columns[0]):
        return False  # one marked row of each parent: the others may be many
    units = _units(draft, columns, progress)
    if units is not None and len(units) == 1:
        return _alone(draft, units[0])
    anchors = sorted((one for one in columns if _can_anchor(draft, one)), key=lambda one: _rank(draft, one))
    if units is not None and _shares_well(draft, units) and _share(draft, wanted, units):
        return True
    anchors = [one for one in anchors if progress.values_of(draft, one) >= draft.first + draft.rows]
    if anchors:
        draft.unique.add(anchors[0])
        return True
    return units is not None and _share(draft, wanted, units)


def _spoken_for(draft: Draft, key: Key) -> set[str]:
    """The columns of the units of a key that is met already."""
    found: set[str] = set()
    for unit in key.units:
        reference = draft.reference(unit)
        found |= {*reference.columns} if reference else {unit}
    return found


def _units(draft: Draft, columns: tuple[str, ...], progress: Progress) -> list[str] | None:
    """What decides the key's columns; None if something of it cannot be numbered."""
    units: list[str] = []
    left = list(columns)
    while left:
        column = left.pop(0)
        found = draft.table.column(column)
        if (
            column in draft.concrete
            or column in _later(draft)
            or found is None
            or found.generated is not None
        ):
            return None
        reference = draft.reference_with(column)
        if reference is None:
            units.append(column)
            continue
        part = [one for one in reference.columns if one in columns]
        referenced = [reference.referenced[reference.columns.index(one)] for one in part]
        if reference.linked or not progress.unique_in(reference.table, referenced):
            return None
        left = [one for one in left if one not in part]
        units.append(reference.name)
    return units


def _later(draft: Draft) -> set[str]:
    return {order.after for order in draft.orders}


def _alone(draft: Draft, unit: str) -> bool:
    if any(one.name == unit for one in draft.references):
        if _taken(draft, unit):
            return False
        draft.keys.append(Key(unit, (unit,)))
        draft.change(unit, How.KEY)
        return True
    draft.unique.add(unit)
    return True


def _taken(draft: Draft, unit: str) -> bool:
    return any(unit in key.units for key in draft.keys)


def _can_anchor(draft: Draft, name: str) -> bool:
    column = draft.table.column(name)
    if column is None or name in draft.concrete or name in _later(draft) or name in draft.referring:
        return False
    if column.generated is not None or _taken(draft, name):
        return False
    base, rules = column.type.base, [*draft.singles.get(name, ()), *domain_rules(column.type)]
    if any(names_values(rule) for rule in rules):
        return False  # some few values
    return base.kind is TypeKind.BASE and base.name not in ("bool", "char") and (base.length or 99) >= 6


def _rank(draft: Draft, name: str) -> int:
    """The less it hurts belief, the lower."""
    column = draft.table.column(name)
    assert column is not None
    base = column.type.base.name
    if base == "uuid" or column.sequence is not None:
        return 0
    if base in STRINGS:
        return 1
    if base in ("timestamp", "timestamptz"):
        return 2
    if base in FRACTIONS:
        return 4
    return 3 if base in INTEGERS else 5


def _shares_well(draft: Draft, units: list[str]) -> bool:
    """Whether rows of a parent, or of several, each with a small number of its own, is what the key means."""
    references = {one.name for one in draft.references}
    own = [unit for unit in units if unit not in references]
    return len(own) < len(units) and all(_is_line(draft, unit) for unit in own)


def _is_line(draft: Draft, name: str) -> bool:
    column = draft.table.column(name)
    if column is None:
        return False
    base = column.type.base
    return base.name in INTEGERS or base.kind is TypeKind.ENUM or base.name in ("bool", "date")


def _share(draft: Draft, wanted: Wanted, units: list[str]) -> bool:
    if wanted.nulls_equal:
        return False
    references = {one.name for one in draft.references}
    ordered = sorted(units, key=lambda unit: (unit not in references, _rank_wide(draft, unit)))
    if any(_taken(draft, unit) for unit in units):
        key = _alongside(draft, wanted, units)
    else:
        covering = any(one.how is How.COVERING for one in draft.references if one.name in units)
        counting = covering or _counts_within(draft, ordered)
        key = Key(wanted.name, tuple(ordered), counting and len(units) > 1, covering)
    if key is None:
        return False
    draft.keys.append(key)
    for unit in units:
        if unit in references:
            draft.change(unit, How.KEY)
    return True


def _counts_within(draft: Draft, units: list[str]) -> bool:
    """Whether the last of a key's units is a line's number within what the others name."""
    return len(units) > 1 and draft.reference(units[0]) is not None and is_line(draft, units[-1])


def _alongside(draft: Draft, wanted: Wanted, units: list[str]) -> Key | None:
    """A key of an order and a product, where a key of the order and its lines is met already."""
    free = [unit for unit in units if not _taken(draft, unit)]
    shared = {*units} - {*free}
    for key in draft.keys:
        if key.counting and len(free) == 1 and {*key.units[:-1]} == shared:
            return Key(wanted.name, (*key.units[:-1], free[0]), along=key.units[-1])
    return None


def _rank_wide(draft: Draft, unit: str) -> int:
    column = draft.table.column(unit)
    if column is None:
        return 0
    base = column.type.base
    return {TypeKind.ENUM: 0}.get(base.kind, 0 if base.name == "bool" else 2 if base.name in INTEGERS else 1)


def how_of(draft: Draft, name: str) -> How:
    """How a column's numbers are chosen."""
    if any(name in key.units for key in draft.keys):
        return How.KEY
    if name not in draft.unique:
        return How.DRAWN
    column = draft.table.column(name)
    assert column is not None
    counted = column.sequence is not None or column.type.base.name == "uuid"
    return How.COUNTED if counted or _is_primary_number(draft, name) else How.UNIQUE


def _is_primary_number(draft: Draft, name: str) -> bool:
    primary = draft.table.primary_key
    column = draft.table.column(name)
    return bool(primary and primary.columns == (name,) and column and column.type.base.name in INTEGERS)
