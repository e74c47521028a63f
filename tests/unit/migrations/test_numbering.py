"""The version that comes next: a number, or a time in the digits that the folder has."""

from __future__ import annotations

import datetime
import re

import pytest

from dbops.errors import UsageError
from dbops.migrations.formats import by_name
from dbops.migrations.model import MigrationFile
from dbops.migrations.numbering import following
from dbops.migrations.version import Version


def after(last: str, *, timestamp: bool = False) -> str:
    """What follows a version of a single file."""
    file = MigrationFile(Version.named(last), "x", "single", "/m", f"{last}_x.sql")
    return following(by_name("single"), file, timestamp=timestamp)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("001", "002"),
        ("009", "010"),
        ("999", "1000"),
        ("7", "8"),
        ("1.0.9", "1.0.10"),
        ("2.09", "2.10"),
        ("20259999", "20260000"),
        ("29991231", "30000101"),
        ("29991231235959", "30000101000000"),
        ("29991231235959999", "29991231235960000"),
        ("299912312359590000", "300001010000000000"),
        ("1999999999999", "2000000000000"),
    ],
)
def test_the_next_version(last: str, expected: str) -> None:
    """The number after the highest, as wide; a time never falls behind one that is there."""
    assert after(last) == expected


@pytest.mark.parametrize(
    ("last", "pattern"),
    [
        ("20250105", "%Y%m%d"),
        ("202501051200", "%Y%m%d%H%M"),
        ("00000000000000", "%Y%m%d%H%M%S"),
        ("20250105120000", "%Y%m%d%H%M%S"),
        ("202501051200000000", "%Y%m%d%H%M%S"),
    ],
)
def test_the_next_version_of_times_is_now(last: str, pattern: str) -> None:
    """In UTC, in as many digits as the folder has."""
    before = datetime.datetime.now(datetime.UTC).strftime(pattern)
    made = after(last)
    later = datetime.datetime.now(datetime.UTC).strftime(pattern)
    assert len(made) == len(last)
    assert before <= made[: len(before)] <= later


def test_milliseconds_and_seconds_since_1970() -> None:
    """As node-pg-migrate and golang-migrate count."""
    seconds = datetime.datetime.now(datetime.UTC).timestamp()
    assert abs(int(after("1704000000001")) - seconds * 1000) < 60_000
    assert abs(int(after("1704000000")) - seconds) < 60


def test_the_first_version_and_what_has_none() -> None:
    """001; what is no number has no next one; numbers higher than any time cannot change over."""
    assert following(by_name("single"), None) == "001"
    assert re.fullmatch(r"20\d{12}", following(by_name("single"), None, timestamp=True))
    assert re.fullmatch(r"20\d{6}_01_[A-Za-z0-9]{5}", following(by_name("yoyo"), None))
    with pytest.raises(UsageError, match="the newest version add-x is no number"):
        after("add-x")
    with pytest.raises(UsageError, match="is higher than the time now"):
        after("99999999999999", timestamp=True)
    assert re.fullmatch(r"20\d{12}", after("1.2.3", timestamp=True))
