"""What the command line gives to seeding: numbers, times, rows per table."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Iterable, Mapping

from dbops.cli import machine
from dbops.config.model import Settings
from dbops.errors import UsageError

_MOST_JOBS = 2  # the server is what bounds it: more would take memory and gain nothing
_FOR_EVER = 7 * 86400.0
_YEARS = 1980, 2100  # of --as-of: those of the time zones' rules, and of people who live
DEFAULT_SEED = 42


def random_seed(arguments: argparse.Namespace) -> int:
    """--random-seed."""
    return (
        DEFAULT_SEED if arguments.random_seed is None else number(arguments.random_seed, "--random-seed", 0)
    )


def jobs(arguments: argparse.Namespace) -> int:
    """--jobs; by default one for each processor that this process may use, two at most."""
    if arguments.jobs is not None:
        return number(arguments.jobs, "--jobs", 1)
    return min(machine.processors(), _MOST_JOBS)


def patience(settings: Settings) -> float:
    """Seconds to wait for a table's lock; a lock timeout of 0 is none."""
    return settings.lock_timeout.value or _FOR_EVER


def as_of(arguments: argparse.Namespace) -> datetime.datetime:
    """--as-of, by default the last midnight of UTC; a time without a zone is one of UTC.

    :raises UsageError: it is no time, or so far off that times before and after it are none any more.
    """
    if arguments.as_of is None:
        return datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        given = datetime.datetime.fromisoformat(arguments.as_of)
    except ValueError:
        raise UsageError(
            f"--as-of {arguments.as_of!r} is no time", hint="--as-of 2026-01-31T12:00:00Z"
        ) from None
    first, last = _YEARS
    if not first <= given.year <= last:
        raise UsageError(
            f"--as-of {arguments.as_of}: the data are of the years {first} to {last}",
            hint=f"--as-of {datetime.datetime.now(datetime.UTC):%Y}-01-31",
        )
    return given.replace(tzinfo=given.tzinfo or datetime.UTC).astimezone(datetime.UTC)


def rows(given: Iterable[str]) -> tuple[int | None, Mapping[str, int]]:
    """--rows: the number for all tables, None where none is given, and those of single tables.

    :raises UsageError: a number is none, or given twice.
    """
    for_all: int | None = None
    of_tables: dict[str, int] = {}
    for text in given:
        table, equals, count = text.rpartition("=")
        if table in of_tables or (not equals and for_all is not None):
            raise UsageError(f"--rows {text}: its number is given twice", hint="give it once")
        if not equals:
            for_all = number(count, "--rows", 0)
        elif table:
            of_tables[table] = number(count, f"--rows {table}=", 0)
        else:
            raise UsageError(f"--rows {text!r} names no table", hint="--rows orders=5_000_000")
    return for_all, of_tables


def number(text: str, flag: str, least: int) -> int:
    """A whole number, written with underscores where that reads better.

    :raises UsageError: it is none, or below `least`.
    """
    try:
        value = int(text)
    except ValueError:
        raise UsageError(f"{flag} {text!r} is no whole number", hint=f"{flag.rstrip('=')} 100") from None
    if value < least:
        raise UsageError(f"{flag} {text} is below {least}", hint=f"give {least} or more")
    return value
