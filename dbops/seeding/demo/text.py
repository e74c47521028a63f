"""Numbers and times as COPY writes them, by integer arithmetic."""

from __future__ import annotations

import datetime

from dbops.seeding.demo.model import DAY, SECOND

NULL = "\\N"


def decimal(value: int, scale: int = 8) -> str:
    """A number in units of 10**-scale with all its digits."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    whole, rest = divmod(value, 10**scale)
    return f"{sign}{whole}.{rest:0{scale}d}"


def ratio(numerator: int, denominator: int) -> int:
    """The quotient, rounded to the nearest as the server does: a half goes away from zero."""
    if numerator < 0:
        return -((denominator - 2 * numerator) // (2 * denominator))
    return (2 * numerator + denominator) // (2 * denominator)


class Clock:
    """Times since the beginning as text.  `start` in milliseconds since the epoch, a midnight."""

    def __init__(self, start: int, days: int) -> None:
        first = datetime.date(1970, 1, 1) + datetime.timedelta(days=start // DAY)
        self._dates = [str(first + datetime.timedelta(days=day)) for day in range(days + 1)]
        self._minutes = [f" {minute // 60:02d}:{minute % 60:02d}" for minute in range(1440)]
        self._seconds = [f":{second:02d}" for second in range(60)]
        self._millis = [f".{milli:03d}+00" for milli in range(SECOND)]

    def at(self, time: int) -> str:
        """As COPY takes it."""
        second = time // SECOND
        return (
            f"{self._dates[second // 86_400]}{self._minutes[second // 60 % 1440]}{self._seconds[second % 60]}"
            f"{self._millis[time % SECOND]}"
        )

    def json(self, time: int) -> str:
        """As `to_jsonb` writes a timestamptz in a session whose time zone is UTC, with its quotes."""
        text = self.at(time)[:-3].replace(" ", "T")
        return f'"{text.rstrip("0").rstrip(".")}+00:00"'
