"""Points in time as values, and how they are written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache

from dbops.seeding.generate.spaces.space import Dice, Space

SECOND = 1_000_000
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of a time in UTC."""
    return (moment.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def moments(space: Space, indices: Iterable[int], dice: Dice) -> list[int]:
    """The times of a space in microseconds since 1970."""
    if isinstance(space, Times):
        return space.moments(indices)
    return [micros(datetime.fromisoformat(text)) for text in space.texts(indices, dice)]


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
        second, fraction = divmod(rest, SECOND)
        clock = minutes[second // 60] + seconds[second % 60]
        if fraction:
            clock += f".{fraction:06}"
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
