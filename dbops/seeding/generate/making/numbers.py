"""The numbers that the rows of a block draw or count: one per row and unit.

A unit is a column, a reference, or columns that checks tie together.
"""

from __future__ import annotations

import weakref
from bisect import bisect_left
from collections.abc import Container, Mapping, Sequence
from math import prod
from operator import add
from typing import TYPE_CHECKING

from dbops.engines.catalog import TableName
from dbops.seeding.draw import Permutation, longs, words
from dbops.seeding.generate.model import Combinations, How, Key, Moved, Own, TablePlan

if TYPE_CHECKING:
    from dbops.seeding.generate.making.rows import Block

STRETCH = 3  # so many times the rows wanted are made for a sieve
_MOST_PARENTS = 16  # blocks of a parent that one block refers to
_SPREAD = 0x9E3779B97F4A7C15
_OF_SIX, _BEFORE = (0, 1, 1, 2, 2, 2), (0, 1, 3)
"""Of six rows the first is one parent's, two another's, three a third's."""


class Numbers:
    """The numbers of one block, made when they are asked for."""

    def __init__(self, block: Block) -> None:
        self._plan = block.plan
        self._block: Block = weakref.proxy(block)  # a circle would keep its texts until garbage is collected
        self._found: dict[str, list[int]] = {}

    def of(self, unit: str, size: int, how: How) -> list[int]:
        """The numbers of a unit, below `size`."""
        if unit not in self._found:
            self._found[unit] = self._choose(unit, size, how)
        return self._found[unit]

    def _choose(self, unit: str, size: int, how: How) -> list[int]:
        first = self._plan.first + self._block.start * (STRETCH if self._plan.sieve.needed else 1)
        if how in (How.COUNTED, How.UNIQUE):
            maker = self._plan.makers.get(unit)
            moved = maker.moved if isinstance(maker, Own) else ()
            counted = [
                number % size for number in _without_moved(range(first, first + self._block.count), moved)
            ]
            return counted if how is How.COUNTED else self._order(unit, size).of(counted)
        if how is How.KEY:
            self._share_out(unit)
            return self._found[unit]
        if size < 1 << 32:
            drawn = words(
                self._block.maker.seed, self._block.stream(unit), self._block.number, self._block.count
            )
            if how is How.COVERING:
                order = Permutation(self._block.maker.seed, self._block.stream(unit), size)
                rest = [((word * word >> 32) * size) >> 32 for word in drawn[size:]]
                return [*order.block(0, min(size, self._block.count)), *rest]
            if how is How.SKEWED:
                return [((word * word >> 32) * word >> 32) * size >> 32 for word in drawn]
            return [word * size >> 32 for word in drawn]
        return [
            word * size >> 64
            for word in longs(
                self._block.maker.seed, self._block.stream(unit), self._block.number, self._block.count
            )
        ]

    def _share_out(self, unit: str) -> None:
        """The numbers of all units of a key, from one number of the row that none has twice."""
        key = next(
            key for key in self._plan.keys if unit in key.units and (not key.along or unit == key.units[-1])
        )
        if key.along:
            self._follow(key)
            return
        sizes = {one: max(self._block.size_of(one), 1) for one in key.units}
        first = self._rank(key.units) * self._plan.block * (STRETCH if self._plan.sieve.needed else 1)
        first += 0 if key_of_new(self._plan, self._block.maker.tables, key) else self._plan.first
        rest = _without_moved(range(first, first + self._block.count), key.moved)
        varying = key.units[:-1] if key.counting else key.units
        within = prod(sizes[one] for one in varying)
        if key.counting:
            rest, within = self._count_within(key, rest, within)
        rest = self._order(f"{key.name}/{within}", within).of([number % within for number in rest])
        for one in varying:
            self._found[one] = [number % sizes[one] for number in rest]
            rest = [number // sizes[one] for number in rest]

    def _count_within(self, key: Key, numbers: Sequence[int], within: int) -> tuple[list[int], int]:
        """The numbers of the last unit, which counts; what is left for the others, and how many of those there are.

        Of three neighbours one gets one line in each round, one two, one three; where the values of the last do not
        suffice for that, all get alike.
        """
        *_, last = key.units
        limits = [self._block.size_of(last)]
        limits += [self._block.size_of(one.units[-1]) for one in self._plan.keys if one.along == last]
        thirds, rows = within // 3 * 3, self._plan.first + self._plan.rows * STRETCH
        if key.covering or not thirds or 3 * -(-rows // (2 * thirds)) > min(limits):
            self._found[last] = [number // within % self._block.size_of(last) for number in numbers]
            return list(numbers), within
        lines, places = [], []
        for number in numbers:
            around, rest = divmod(number, 2 * thirds)
            three, rest = divmod(rest, 6)
            which = _OF_SIX[rest]
            lines.append(around * (which + 1) + rest - _BEFORE[which])
            places.append(3 * three + which)
        self._found[last] = lines
        return places, within

    def _follow(self, key: Key) -> None:
        """The numbers of the last unit of a key from those of the unit that counts for each of the others."""
        *others, last = key.units
        size = max(self._block.size_of(last), 1)
        counted = list(self.of(key.along, self._block.size_of(key.along), How.KEY))
        for one in others:
            start = [number * _SPREAD >> 7 for number in self.of(one, self._block.size_of(one), How.KEY)]
            counted = list(map(add, counted, start))
        self._found[last] = self._order(f"{key.name}/{size}", size).of([number % size for number in counted])

    def _order(self, name: str, size: int) -> Permutation:
        schema, table = self._plan.table
        return Permutation(self._block.maker.seed, f"{schema}.{table}/{name}", size)

    def _rank(self, units: tuple[str, ...]) -> int:
        """How many blocks before this one draw from the same parents' blocks."""
        places = self._places(units, self._block.number)
        rank = 0
        while rank < self._block.number and self._places(units, self._block.number - rank - 1) == places:
            rank += 1
        return rank

    def _places(self, units: tuple[str, ...], number: int) -> list[range]:
        return key_places(self._plan, self._block.maker.tables, units, number)


def _without_moved(numbers: range, moved: Moved) -> Sequence[int]:
    """The numbers of rows, those that are moved (which stand in order) replaced."""
    begin, end = (bisect_left(moved, (bound, -1)) for bound in (numbers.start, numbers.stop))
    if begin == end:
        return numbers
    found = list(numbers)
    for number, instead in moved[begin:end]:
        found[number - numbers.start] = instead
    return found


def key_of_new(plan: TablePlan, tables: Container[TableName], key: Key) -> bool:
    """Whether a key has rows of a parent that are made in this run: then no row that is there has the like."""
    made = [one for one in plan.references if one.name in key.units and not one.existing]
    return any(one.table in tables and one.table != plan.table for one in made)


def parents_places(child: TablePlan, parent: TablePlan, number: int) -> range:
    """The numbers of the parent's blocks that block `number` of a child refers to.

    Where the parent has more blocks than the child, each block refers to several, and no two to the same.
    """
    blocks, own = parent.blocks, max(child.blocks, 1)
    first, end = number * blocks // own, (number + 1) * blocks // own
    return range(first, max(first + 1, min(end, first + _MOST_PARENTS)))


def key_places(
    plan: TablePlan, tables: Mapping[TableName, TablePlan], units: Sequence[str], number: int
) -> list[range]:
    """The blocks of the parents among a key's units that block `number` draws from."""
    made = [one for one in plan.references if one.name in units and not one.existing and one.table in tables]
    return [parents_places(plan, tables[one.table], number) for one in made if one.table != plan.table]


def unit_of_combination(one: Combinations) -> str:
    """The name of the unit of columns that checks tie together."""
    return "+".join(one.columns)
