"""Values that a number makes by itself: listed ones, numbers, UUIDs, a type's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from dbops.seeding.draw import Uuids
from dbops.seeding.generate.spaces.encoded import ENCODED
from dbops.seeding.generate.spaces.space import MANY, Dice, Space


@dataclasses.dataclass(frozen=True)
class Listed(Space):
    """One of the values given."""

    word = "listed"
    values: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.values)

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        return list(map(self.values.__getitem__, indices))


@dataclasses.dataclass(frozen=True)
class Numbers(Space):
    """Numbers from `low` to `high` by `step`, in units of the last decimal (`scale` of them behind the point)."""

    word = "numbers"
    low: int
    high: int
    step: int = 1
    scale: int = 0

    @property
    def size(self) -> int:
        return max(0, (self.high - self.low) // self.step + 1)

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        low, step = self.low, self.step
        units = [low + index * step for index in indices]
        return (
            list(map(str, units)) if self.scale == 0 else [decimal_text(unit, self.scale) for unit in units]
        )


def decimal_text(units: int, scale: int) -> str:
    """`-12345` with scale 2 is `-123.45`; a negative scale stands for zeros."""
    if scale <= 0:
        return str(units * 10**-scale)
    whole, rest = divmod(abs(units), 10**scale)
    return f"{'-' if units < 0 else ''}{whole}.{rest:0{scale}}"


@dataclasses.dataclass(frozen=True)
class Encoded(Space):
    """A type's values made from a number: `kind` is the type's name (`inet`, `bytea`, `json`, ...)."""

    word = "encoded"
    kind: str
    length: int = 0

    @property
    def size(self) -> int:
        return min(ENCODED[self.kind].size(self.length), MANY)

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        make, length = ENCODED[self.kind].make, self.length
        return [make(index, length) for index in indices]


@dataclasses.dataclass(frozen=True)
class Uuid(Space):
    """UUIDs; they differ from column to column."""

    word = "uuid"

    @property
    def size(self) -> int:
        return MANY

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        return Uuids(dice.seed, dice.stream).of(indices)
