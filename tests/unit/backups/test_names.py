"""What a backup may be called."""

from __future__ import annotations

import datetime
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbops.backups import names
from dbops.errors import UsageError

GOOD = [
    "before_release",
    "v1.2.3",
    "2026-01-18",
    "наш бэкап",
    "a",
    "x" * 200,
    "list_of_things",
    "a..b",
    "a:b",
]
BAD = [
    "", ".", "..", "a/b", "../x", "/etc", "a\\b", "-rf", "--yes", ".hidden", "a\nb", "a\0b", "a\x1b[31m", " a",
    "a ", "list", "prune", "Verify", "latest", "undo", "from", "x" * 201, "ё" * 101, "\udcff", "a\u202eb",
]  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_plain_word_is_a_name(name: str) -> None:
    """Letters of any language, digits, dots inside and spaces inside are fine."""
    assert names.check(name) == name


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_plain_word_is_refused(name: str) -> None:
    """Paths, options, hidden names, verbs, control characters and what would not fit are wrong usage."""
    with pytest.raises(UsageError, match="a backup cannot be called"):
        names.check(name)


@given(st.text(max_size=300))
def test_every_name_that_passes_is_one_file_name(name: str) -> None:
    """Whatever is accepted stays in its folder, fits with the temporary prefix, and is no option."""
    try:
        names.check(name)
    except UsageError:
        return
    assert os.path.basename(name) == name
    assert os.path.normpath(name) == name
    assert name[0] not in ".-"
    assert len(f".partial-{name}-12345678".encode()) <= 255


def test_the_default_name_is_the_time_in_utc() -> None:
    """A time of any zone is written in UTC; a name that is taken gets a number, and all of them are good names."""
    zone = datetime.timezone(datetime.timedelta(hours=3))
    now = datetime.datetime(2026, 1, 18, 15, 0, 7, tzinfo=zone)
    first = names.default_label(now)
    assert first == "backup_20260118_120007"
    assert names.default_label(now, {first}) == "backup_20260118_120007_2"
    assert names.default_label(now, {first, f"{first}_2"}) == names.check("backup_20260118_120007_3")
