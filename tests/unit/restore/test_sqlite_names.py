"""Side and displaced SQLite databases: names, marks, and what is removed."""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

import pytest

from dbops.events import Event, ignore
from dbops.restore import sqlite_names as names
from dbops.restore.names import Displacement

AT = datetime.datetime(2026, 1, 18, 12, tzinfo=datetime.UTC)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    path = tmp_path / "app.db"
    path.write_bytes(b"live")
    return path


def displaced(live: Path, backup: str | None = "one") -> Path:
    path = names.displaced(live, AT)
    path.write_bytes(b"former")
    names.mark(path, Displacement(live.name, AT, backup), "wal")
    return path


def test_a_name_that_nothing_has(live: Path) -> None:
    """By the time in UTC, with a number where that is taken by a file or by a mark alone."""
    first = displaced(live)
    assert first.name == "app.db.before_20260118_120000"
    second = displaced(live)
    assert second.name == "app.db.before_20260118_120000_1"
    second.unlink()
    assert names.displaced(live, AT).name == "app.db.before_20260118_120000_2"


def test_what_a_mark_says(live: Path) -> None:
    """Whose it was, when, what replaced it, and its journal; only its owner reads the mark."""
    path = displaced(live)
    (found,) = names.all_displaced(live)
    assert (found.path, found.live, found.journal_mode, found.bytes) == (path, live, "wal", 6)
    assert found.displacement == Displacement("app.db", AT, "one")
    assert path.with_name(path.name + names.MARK).stat().st_mode & 0o777 == 0o600
    names.unmark(path)
    assert names.all_displaced(live) == []


def test_of_one_database_or_of_the_folder(live: Path) -> None:
    """Another database's are listed, and not taken for this one's."""
    other = live.with_name("other.db")
    theirs, ours = displaced(other), displaced(live)
    assert [one.path for one in names.all_displaced(live)] == [ours]
    assert {one.path for one in names.all_displaced(live, of_folder=True)} == {ours, theirs}


@pytest.mark.parametrize(
    "mark",
    [
        "",
        "{",
        "[]",
        "{}",
        {"database": "../app.db"},
        {"database": 5},
        {"at": "yesterday"},
        {"at": "2026-01-18T12:00:00"},
    ],
)
def test_a_mark_that_is_none(live: Path, mark: str | dict[str, Any]) -> None:
    """An edited one names nothing, least of all in another folder."""
    path = displaced(live)
    beside = path.with_name(path.name + names.MARK)
    if isinstance(mark, dict):
        mark = json.dumps({**json.loads(beside.read_text()), **mark})
    beside.write_text(mark)
    assert names.all_displaced(live, of_folder=True) == []


def test_what_a_killed_swap_left(live: Path) -> None:
    """A second name of the live file goes, with its mark, and gives back what lay beside it; a displaced one stays."""
    kept, told = displaced(live), list[Event]()
    second = names.displaced(live, AT)
    names.mark(second, Displacement(live.name, AT, "one"), "wal")
    os.link(live, second)
    second.with_name(second.name + "-journal").write_bytes(b"journal")
    assert [one.path for one in names.all_displaced(live)] == [kept]
    names.sweep(live, told.append)
    assert [one.sentence() for one in told] == [
        f"removed {names.shown(second)}, which an interrupted restore had left"
    ]
    left = {path.name for path in live.parent.iterdir()}
    assert left == {"app.db", "app.db-journal", kept.name, kept.name + names.MARK}
    assert live.read_bytes() == b"live"


def test_a_mark_without_its_file(live: Path) -> None:
    """Killed before the link: the mark goes."""
    names.mark(names.displaced(live, AT), Displacement(live.name, AT, "one"), "wal")
    names.sweep(live, ignore)
    assert [path.name for path in live.parent.iterdir()] == ["app.db"]


def test_the_side_database_goes_with_its_journals(live: Path) -> None:
    """Whatever a killed restore had come to."""
    side = names.side(live)
    for path in (side, side.with_name(side.name + "-wal"), side.with_name(side.name + "-shm")):
        path.write_bytes(b"x")
    names.sweep(live, ignore)
    assert [path.name for path in live.parent.iterdir()] == ["app.db"]
