"""Value spaces: each holds a number of distinct values, and the value of any index is made without the others.

A column that must be unique takes its indices from a bijection, so that it is unique by construction; a key over
several columns shares one number out to their spaces.  Values are raw text as the type's input reads it (not yet
escaped for COPY).  Every space is written to a set and read from it by its fields (`written.py`).
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from typing import ClassVar, NamedTuple

from dbops.seeding.draw import Uuids
from dbops.seeding.generate.encoded import ENCODED
from dbops.seeding.generate.patterns import parse_pattern

SECOND = 1_000_000
DAY = 86_400 * SECOND
MANY = 1 << 60
"""What counts as without end: the largest number of values of a space."""
_OF_A_LENGTH = 1 << 20
_PRIME = 2_654_435_761
_MERSENNE = (1 << 127) - 1
_CHUNK = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
class Times(Space):
    """Points in time from `first` (microseconds since 1970, UTC), `count` of them, `step` apart.

    :param form: `timestamp`, `date`, or `time` (of the day).
    """

    word = "times"
    first: int
    step: int
    count: int
    form: str = "timestamp"

    @property
    def size(self) -> int:
        return self.count

    def moments(self, indices: Iterable[int]) -> list[int]:
        """Microseconds since 1970."""
        first, step = self.first, self.step
        return [first + index * step for index in indices]

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        return written_moments(self.moments(indices), self.form)


def moments(space: Space, indices: Iterable[int], dice: Dice) -> list[int]:
    """The times of a space in microseconds since 1970."""
    if isinstance(space, Times):
        return space.moments(indices)
    read = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in space.texts(indices, dice))
    return [(moment - _EPOCH) // timedelta(microseconds=1) for moment in read]


def written_moments(moments: Sequence[int], form: str) -> list[str]:
    """Times as `2026-01-31 12:00:00`, dates as `2026-01-31`, `epoch` as seconds since 1970; UTC (the session's time zone is set to it)."""
    if form == "date":
        return [_day(moment // DAY) for moment in moments]
    if form == "epoch":
        return [str(moment // SECOND) for moment in moments]
    minutes, seconds = _minutes(), _seconds()
    written = []
    for moment in moments:
        day, rest = divmod(moment, DAY)
        second, micros = divmod(rest, SECOND)
        clock = minutes[second // 60] + seconds[second % 60]
        if micros:
            clock += f".{micros:06}"
        if form == "time":
            written.append(clock)
        else:
            written.append(f"{_day(day)} {clock}+00" if form == "timestamptz" else f"{_day(day)} {clock}")
    return written


@cache
def _day(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=number)).isoformat()


@cache
def _minutes() -> list[str]:
    return [f"{minute // 60:02}:{minute % 60:02}:" for minute in range(1440)]


@cache
def _seconds() -> list[str]:
    return [f"{second:02}" for second in range(60)]


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
                word = (word + 1) * _PRIME & 0xFFFFFFFFFFFF
                parts.append(choices[(word >> 16) * count >> 32])
            made.append("".join(reversed(parts)))
        return made


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
        number = index * _PRIME % max(size**length, 1)  # one to one, and the elements all vary
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
