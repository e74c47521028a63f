"""Values made of others: arrays, composites, ranges."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cached_property

from dbops.seeding.generate.spaces.space import MANY, PRIME, Dice, Space

_OF_A_LENGTH = 1 << 20


@dataclasses.dataclass(frozen=True)
class Arrays(Space):
    """Arrays of `least` to `most` different elements of a space."""

    word = "arrays"
    element: Space
    least: int = 0
    most: int = 3
    delimiter: str = ","

    @cached_property
    def _counts(self) -> list[int]:
        """For each length, the shortest first, how many arrays of it may come: no length crowds out the others."""
        size = self.element.size
        return [min(size**length, _OF_A_LENGTH) for length in range(self.least, self.most + 1)]

    @property
    def size(self) -> int:
        return sum(self._counts)

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        return [self._one(index, dice) for index in indices]

    def _one(self, index: int, dice: Dice) -> str:
        length = self.least
        for count in self._counts:
            if index < count:
                break
            index -= count
            length += 1
        size, parts = self.element.size, []
        number = index * PRIME % max(size**length, 1)  # one to one, and the elements all vary
        for _ in range(length):
            number, digit = divmod(number, size)
            parts.append(digit)
        values = self.element.texts(parts, dice)
        return "{" + self.delimiter.join(map(quoted_element, values)) + "}"


def quoted_element(value: str) -> str:
    """A value within an array's or composite's text."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclasses.dataclass(frozen=True)
class Composite(Space):
    """Values of a composite type: one of each field's space."""

    word = "composite"
    fields: tuple[Space, ...]

    @property
    def size(self) -> int:
        size = 1
        for field in self.fields:
            size *= field.size
        return min(size, MANY)

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        numbers = list(indices)
        columns = []
        for field in self.fields:
            columns.append(field.texts([number % field.size for number in numbers], dice))
            numbers = [number // field.size for number in numbers]
        return ["(" + ",".join(map(quoted_element, row)) + ")" for row in zip(*columns, strict=True)]


@dataclasses.dataclass(frozen=True)
class Ranges(Space):
    """Ranges over numbers or times that never overlap: index n has its own stretch of `width` values of `bound`."""

    word = "ranges"
    bound: Space
    width: int = 10
    multi: bool = False

    @property
    def size(self) -> int:
        return self.bound.size // self.width

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        width = self.width
        starts = [index * width for index in indices]
        # Lengths differ, but no range reaches into the next stretch.
        ends = [start + 1 + (start // width * 7919) % (width - 1) for start in starts]
        pairs = zip(self.bound.texts(starts, dice), self.bound.texts(ends, dice), strict=True)
        plain = [f'["{low}","{high}")' for low, high in pairs]
        return [f"{{{one}}}" for one in plain] if self.multi else plain
