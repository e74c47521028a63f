"""Parents' rows for foreign keys that share columns, or whose columns something else decides.

Row by row: a parent of the first key is drawn, of those that lead to an end; of every further key only such rows
are tried that agree in the columns that are decided already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.seeding.draw import words
from dbops.seeding.generate.model import NULLS, Reference

if TYPE_CHECKING:
    from dbops.seeding.generate.making.rows import Block, Texts


_BRANCHES = 12  # parents that are tried of each key, for each row
_PRIME = 2_654_435_761


def link(block: Block) -> dict[str, list[int]]:
    """For each linked reference the places of the parents' rows; -1 where no row agrees, or for NULL."""
    picks: dict[str, list[int]] = {}
    for component in components(block.plan.references):
        picks.update(_Component(block, component).picks())
    return picks


def components(references: Sequence[Reference]) -> list[list[Reference]]:
    """Linked references, those that share columns together, each group in the order in which they are decided."""
    groups: list[list[Reference]] = []
    for reference in references:
        if not reference.linked:
            continue
        touching = [group for group in groups if any({*one.columns} & {*reference.columns} for one in group)]
        merged = [one for group in touching for one in group] + [reference]
        groups = [group for group in groups if group not in touching] + [merged]
    return [_ordered(group) for group in groups]


def _ordered(group: Sequence[Reference]) -> list[Reference]:
    """The widest first, then always the one of which the most is decided."""
    left = sorted(group, key=lambda one: (-len(one.columns), one.name))
    order, decided = [left.pop(0)], set()
    decided = {*order[0].columns}
    while left:
        following = min(left, key=lambda one: (len({*one.columns} - decided), one.name))
        left.remove(following)
        order.append(following)
        decided |= {*following.columns}
    return order


class _Component:
    def __init__(self, block: Block, references: Sequence[Reference]) -> None:
        self.block, self.references = block, references
        self.parents = [self._rows(reference) for reference in references]
        decided: set[str] = {column for one in references for column in one.fixed}
        self.shared: list[tuple[str, ...]] = []
        for reference in references:
            self.shared.append(tuple(column for column in reference.columns if column in decided))
            decided |= {*reference.columns}
        self.indexes = [self._index(place) for place in range(len(references))]
        self.fixed = {column: block.candidates(column) for one in references for column in one.fixed}
        self.leading: dict[tuple[Any, ...], tuple[Sequence[int], bool, bool]] = {}
        self.apart, self.loose = True, False

    def _rows(self, reference: Reference) -> list[tuple[str | None, ...]]:
        columns: list[Texts] = [self.block.parent_column(reference, name) for name in reference.referenced]
        return list(zip(*columns, strict=True))

    def _index(self, place: int) -> Mapping[tuple[str | None, ...], list[int]]:
        reference, found = self.references[place], defaultdict(list)
        at = [reference.columns.index(column) for column in self.shared[place]]
        for number, row in enumerate(self.parents[place]):
            if None not in row:
                found[tuple(row[one] for one in at)].append(number)
        return found

    def picks(self) -> dict[str, list[int]]:
        block, names = self.block, [one.name for one in self.references]
        drawn = words(block.maker.seed, block.stream("+".join(names)), block.number, block.count)
        nulls = self._nulls()
        picked: list[list[int]] = [[] for _ in names]
        for place, word in enumerate(drawn):
            decided = {column: texts[place] for column, texts in self.fixed.items()}
            found = None if place in nulls else self._find(0, decided, word)
            for column, one in zip(picked, found or [-1] * len(names), strict=True):
                column.append(one)
        return dict(zip(names, picked, strict=True))

    def _nulls(self) -> set[int]:
        first = self.references[0]
        if not first.nulls:
            return set()
        drawn = words(
            self.block.maker.seed,
            self.block.stream(first.name + "/none"),
            self.block.number,
            self.block.count,
        )
        return {place for place, word in enumerate(drawn) if word < (first.nulls << 32) // NULLS}

    def _find(self, place: int, decided: Mapping[str, str | None], word: int) -> list[int] | None:
        """The parents' rows of the references from `place` on; None where no rows agree."""
        if place == len(self.references):
            return []
        reference = self.references[place]
        wanted = tuple(decided[column] for column in self.shared[place])
        if None in wanted:  # a NULL among its columns: the key asks nothing
            rest = self._find(place + 1, {**dict.fromkeys(reference.columns), **decided}, word)
            return None if rest is None else [-1, *rest]
        for number in self._candidates(place, wanted, decided, word):
            found = self._with(place, number, decided, word)
            if found is not None:
                return found
        if self.loose and place and reference.optional:
            rest = self._find(place + 1, {**dict.fromkeys(reference.columns), **decided}, word)
            return None if rest is None else [-1, *rest]
        return None

    def _with(
        self, place: int, number: int, decided: Mapping[str, str | None], word: int
    ) -> list[int] | None:
        row = dict(zip(self.references[place].columns, self.parents[place][number], strict=True))
        rest = self._find(place + 1, {**decided, **row}, word * _PRIME & 0xFFFFFFFF)
        return None if rest is None or self._twice(place, number, rest) else [number, *rest]

    def _twice(self, place: int, number: int, rest: Sequence[int]) -> bool:
        """Whether another reference to the same table has taken the very row: two orders of a trade are two."""
        table = self.references[place].table
        return self.apart and any(
            other.table == table and one == number
            for other, one in zip(self.references[place + 1 :], rest, strict=True)
        )

    def _candidates(
        self, place: int, wanted: tuple[str | None, ...], decided: Mapping[str, str | None], word: int
    ) -> Iterator[int]:
        numbers: Sequence[int] = self.indexes[place].get(wanted, ())
        if place == 0:
            numbers = self._leading(numbers, decided)
        if not numbers:
            return
        start = (word * word >> 32) * len(numbers) >> 32
        for step in range(min(len(numbers), _BRANCHES)):
            yield numbers[(start + step) % len(numbers)]

    def _leading(self, numbers: Sequence[int], decided: Mapping[str, str | None]) -> Sequence[int]:
        """The parents of the first key that lead to rows that agree; found once for all rows with the same columns."""
        state = tuple(decided.get(column) for column in sorted(self.fixed))
        if state not in self.leading:
            self.leading[state] = self._that_lead(numbers, decided)
        found, self.apart, self.loose = self.leading[state]
        return found

    def _that_lead(
        self, numbers: Sequence[int], decided: Mapping[str, str | None]
    ) -> tuple[Sequence[int], bool, bool]:
        """Those parents, whether references to one table take different rows of it, and whether one may be NULL for that.

        They should be different, and none NULL, if that is possible.
        """
        if len(self.references) == 1:
            return numbers, True, False
        for self.apart, self.loose in ((True, False), (True, True), (False, False)):
            found = [one for one in numbers if self._with(0, one, decided, one * _PRIME & 0xFFFFFFFF)]
            if found:
                return found, self.apart, self.loose
        return [], True, False
