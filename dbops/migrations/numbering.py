"""The version that comes next: a number after the highest, or the present time, as a folder counts."""

from __future__ import annotations

import datetime
import re

from dbops.errors import UsageError
from dbops.migrations.formats import Format
from dbops.migrations.model import MigrationFile
from dbops.migrations.version import Version

TIMESTAMP = "%Y%m%d%H%M%S"
DIESELS_FIRST = "0" * 14  # the folder that Diesel sets up before any other
# How a time is written in so many digits: the pattern of strptime, the digits behind it, and its smallest step.
_TIMES = {
    8: ("%Y%m%d", "", datetime.timedelta(days=1)),
    12: ("%Y%m%d%H%M", "", datetime.timedelta(minutes=1)),
    14: (TIMESTAMP, "", datetime.timedelta(seconds=1)),
    18: (TIMESTAMP, "0000", datetime.timedelta(seconds=1)),
}
_EPOCH_DIGITS = {10: 1, 13: 1000}  # seconds as golang-migrate has them, milliseconds as node-pg-migrate
_THESE_CENTURIES = re.compile(r"2\d+", re.ASCII)


def following(known: Format, newest: MigrationFile | None, *, timestamp: bool = False) -> str:
    """The version of the next migration.

    :param newest: of the folder, None where it has none.
    :param timestamp: the present time also where the folder has numbers.
    :raises UsageError: where the newest version is no number, or higher than any present time.
    """
    last = None if newest is None or newest.version.repeatable else newest.version.text
    own = known.next_version(last)
    if own is not None:
        return own
    if timestamp and last is not None and known.name == "tern":
        raise UsageError("tern takes no timestamps: its versions are counted", hint="leave --timestamp out")
    if last is None:
        return _now().strftime(TIMESTAMP) if timestamp else "001"
    if not last.replace(".", "").isdigit():
        raise UsageError(
            f"the newest version {last} is no number, so there is no next one",
            hint="make the file by hand, under a name that comes after it",
        )
    time = _time_after(last)
    if time is not None:
        return time
    if timestamp:
        return _changed_over(last)
    head, dot, tail = last.rpartition(".")
    return f"{head}{dot}{int(tail) + 1:0{len(tail)}d}"


def _changed_over(last: str) -> str:
    made = _now().strftime(TIMESTAMP)
    if Version.parse(made) < Version.parse(last):
        raise UsageError(
            f"the newest version {last} is higher than the time now, {made}", hint="leave --timestamp out"
        )
    return made


def _time_after(last: str) -> str | None:
    """The time now as the newest version has it, but later than that: another clock may be ahead of this one.

    None where the newest version is no time.
    """
    if last.startswith("1") and len(last) in _EPOCH_DIGITS:
        return str(max(int(_now().timestamp() * _EPOCH_DIGITS[len(last)]), int(last) + 1))
    if last == DIESELS_FIRST:
        return _now().strftime(TIMESTAMP)
    if not _THESE_CENTURIES.fullmatch(last):
        return None
    if len(last) == 17:  # milliseconds, as node-pg-migrate has them
        return max(f"{_now():%Y%m%d%H%M%S%f}"[:17], str(int(last) + 1))
    pattern, more, step = _TIMES.get(len(last), (None, "", None))
    if pattern is None or step is None:
        return None
    try:
        digits = last[: len(last) - len(more)]
        later = datetime.datetime.strptime(digits, pattern).replace(tzinfo=datetime.UTC) + step
    except (ValueError, OverflowError):
        return None
    return max(_now().strftime(pattern), later.strftime(pattern)) + more


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
