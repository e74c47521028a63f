"""Strings that a regular expression matches, as values."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from functools import cached_property

from dbops.seeding.generate.spaces.patterns import parse_pattern
from dbops.seeding.generate.spaces.space import MANY, PRIME, Dice, Space

_MERSENNE = (1 << 127) - 1
_CHUNK = 4096


@dataclasses.dataclass(frozen=True)
class Pattern(Space):
    """Strings that a regular expression matches (see `patterns.py` for what of them is known)."""

    word = "pattern"
    pattern: str
    longest: int = 24

    @cached_property
    def _chunks(self) -> list[Sequence[str]]:
        """The parts of a string, neighbours taken together as far as their choices stay few."""
        chunks: list[Sequence[str]] = [("",)]
        for choices in parse_pattern(self.pattern, self.longest):
            if len(chunks[-1]) * len(choices) <= _CHUNK:
                chunks[-1] = [one + other for one in chunks[-1] for other in choices]
            else:
                chunks.append(choices)
        return chunks

    @cached_property
    def _counted(self) -> tuple[int, int]:
        """How many chunks tell all values apart, from the last on, and how many strings those make."""
        strings = used = 1
        for used, choices in enumerate(reversed(self._chunks), 1):  # noqa: B007  # both are the answer
            strings *= len(choices)
            if strings >= MANY:
                break
        return used, strings

    @property
    def size(self) -> int:
        return min(self._counted[1], MANY)

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        used, strings = self._counted
        backward = list(reversed(self._chunks))
        counting, drawing = (
            [(one, len(one)) for one in backward[:used]],
            [(one, len(one)) for one in backward[used:]],
        )
        made = []
        for number in indices:
            left, parts = number * _MERSENNE % strings, []  # one to one, and all places vary
            for choices, count in counting:
                left, digit = divmod(left, count)
                parts.append(choices[digit])
            word = number
            for choices, count in drawing:
                word = (word + 1) * PRIME & 0xFFFFFFFFFFFF
                parts.append(choices[(word >> 16) * count >> 32])
            made.append("".join(reversed(parts)))
        return made
