"""The names of side and displaced databases, and what their comments say."""

from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st

from dbops.restore import names
from dbops.restore.names import Displacement

AT = datetime.datetime(2026, 1, 18, 12, 0, 0, tzinfo=datetime.UTC)
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda name: len(name.encode()) <= names.LIMIT
)


def test_names_people_read() -> None:
    """Where there is room, the whole name and what became of it."""
    assert names.side("orders") == "orders__restoring"
    assert names.displaced("orders", AT) == "orders__displaced_20260118_120000"
    assert names.displaced("orders", AT, 2) == "orders__displaced_20260118_120000_2"


def test_the_time_is_utc() -> None:
    """Wherever the restore runs."""
    there = AT.astimezone(datetime.timezone(datetime.timedelta(hours=9)))
    assert names.displaced("orders", there) == names.displaced("orders", AT)


@given(NAMES)
def test_names_fit_and_differ(name: str) -> None:
    """Any name of up to 63 bytes: what is made from it fits, is not the name itself, and differs among itself."""
    made = [names.side(name), names.unnamed(name), names.displaced(name, AT), names.displaced(name, AT, 1)]
    assert all(len(one.encode()) <= names.LIMIT for one in made)
    assert len({name, *made}) == 5


def test_long_names_do_not_meet() -> None:
    """Two names that differ at their very end only."""
    first, second = "é" * 31 + "a", "é" * 31 + "b"
    assert names.side(first) != names.side(second)
    assert names.displaced(first, AT) != names.displaced(second, AT)


@given(NAMES, st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_marks_are_found_again_and_taken_away(name: str, comment: str | None) -> None:
    """Whatever the name and the comment: the marks are read as they were written, and leave nothing behind."""
    displacement = Displacement(name, AT, "backup_20260118_110000")
    kept = names.without_marks(comment)
    marked = names.mark_displaced(comment, displacement)
    assert names.read_displaced(marked) == displacement
    assert names.without_marks(marked) == kept
    assert names.is_restoring(names.mark_restoring(name), name)
    assert not names.is_restoring(names.mark_restoring(name), f"{name}x")


def test_marks_of_others_are_not_ours() -> None:
    """Comments that only look like it."""
    for comment in (
        None,
        "",
        "dbops=displaced",
        "dbops=displaced {}",
        'dbops=displaced {"at": 1}',
        "dbops=displaced 7",
    ):
        assert names.read_displaced(comment) is None
    assert not names.is_restoring(None, "a")
    assert not names.is_restoring('x dbops=restoring "a"', "a")
