"""How many rows there is room for: what the unique columns and the keys hold."""

from __future__ import annotations

from collections import Counter

from dbops.seeding.generate.making.numbers import STRETCH, key_of_new, key_places
from dbops.seeding.generate.model import Key, Own, TablePlan
from dbops.seeding.generate.planning.draft import CannotFill, Draft
from dbops.seeding.generate.planning.progress import Progress

MOST_COMPARED = 20_000
"""Rows that are compared, one by one, with those that are there."""


def fit(draft: Draft, progress: Progress) -> None:
    """Bring the rows down to what the unique spaces and keys hold.

    :raises CannotFill: nothing fits.
    """
    for name in sorted(draft.unique):
        maker = draft.makers.get(name)
        room = maker.space.size - draft.first if isinstance(maker, Own) else draft.rows
        if draft.rows > MOST_COMPARED and draft.stretched:
            room //= STRETCH
        if isinstance(maker, Own) and room < draft.rows:
            _lower(draft, room, f"{name} has {maker.space.size} different values")
    for key in draft.keys:
        stretch = STRETCH if draft.rows > MOST_COMPARED and draft.stretched else 1
        while (most := _room(draft, progress, key, draft.rows * stretch) // stretch) < draft.rows:
            _lower(draft, most, f"{key.name} allows no more different rows")


def _lower(draft: Draft, rows: int, reason: str) -> None:
    if rows <= 0:
        raise CannotFill(f"{reason}, and they are all taken")
    draft.notes.append(reason)
    draft.rows = rows


def _room(draft: Draft, progress: Progress, key: Key, rows: int) -> int:
    """How many of so many rows a key has place for, with the parents' blocks that each block draws from."""
    if any(one.table == draft.table.id and one.name in key.units for one in draft.references):
        return rows  # a ring through the rows themselves
    trial = TablePlan(draft.table.id, rows, (), references=tuple(draft.references))
    plans = progress.plans
    made = [
        one for one in draft.references
        if one.name in key.units and one.table in plans and not one.existing
    ]  # fmt: skip
    there = 0 if key_of_new(trial, plans, key) else draft.first
    fixed = _without_parents(draft, progress, key)
    seen: Counter[tuple[range, ...]] = Counter()
    for number in range(trial.blocks):
        places = tuple(key_places(trial, plans, key.units, number))
        seen[places] += min(trial.block, rows - number * trial.block)
        room = fixed
        for one, blocks in zip(made, places, strict=True):
            room *= sum(_block_rows(plans[one.table], block) for block in blocks)
        if seen[places] + there > room:
            return max(number * trial.block, room - there if len(seen) == 1 else 0)
    return rows


def _without_parents(draft: Draft, progress: Progress, key: Key) -> int:
    """How many combinations there are of those units of a key that are not a parent's rows made in this run."""
    found = 1
    for unit in key.units:
        maker, reference = draft.makers.get(unit), draft.reference(unit)
        if isinstance(maker, Own):
            found *= maker.space.size
        elif reference is not None and reference.existing:
            found *= len(reference.keys)
        elif reference is not None and reference.table not in progress.plans:
            found *= progress.wanted_rows(progress.catalog.by_id[reference.table])
    return found


def _block_rows(plan: TablePlan, number: int) -> int:
    return min(plan.block, plan.rows - number * plan.block)
