"""Value spaces: each holds a number of distinct values, and the value of any index is made without the others.

A column that must be unique takes its indices from a bijection, so that it is unique by construction; a key over
several columns shares one number out to their spaces.  Values are raw text as the type's input reads it (not yet
escaped for COPY).  Every space is written to a set and read from it by its fields (`toml/`).
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

MANY = 1 << 60
"""What counts as without end: the largest number of values of a space."""
PRIME = 2_654_435_761
"""What numbers are multiplied with so that neighbours are not alike."""


class Dice(NamedTuple):
    """The seed and the name of the column that values are made for."""

    seed: int
    stream: str


@dataclasses.dataclass(frozen=True)
class Space(abc.ABC):
    """Values by index, 0 <= index < size."""

    word: ClassVar[str] = ""

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """How many there are."""

    @abc.abstractmethod
    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        """The values of these indices."""
