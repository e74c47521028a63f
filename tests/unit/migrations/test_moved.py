"""Renumbered migrations, recognised by what their files and rows say."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

import pytest

from dbops.engines.log import LogEntry, LoggedEvent
from dbops.engines.records import Action, Applied, Recorded
from dbops.migrations.compare import compare
from dbops.migrations.model import Folder, MigrationFile, State
from dbops.migrations.moved import counted_as, recognised
from dbops.migrations.planner import Work, plan_down, plan_up
from dbops.migrations.version import Version
from tests.unit.migrations.statuses import file, row


def statuses(files: str, rows: str, earlier: dict[str, str] | None = None) -> dict[str, str]:
    """Version to state of `"7:a 8:b"`, the files and the rows by the letters of their content and name."""
    found = recognised(_compared(files, rows, earlier or {}), _same)
    return {
        status.version.text: f"{status.state.value}{f' as {status.applied_as}' if status.applied_as else ''}"
        for status in found
    }


def _compared(files: str, rows: str, earlier: dict[str, str]) -> list:  # type: ignore[type-arg]
    keys = {Version.parse(new).key: Version.parse(old).key for new, old in earlier.items()}
    folder = Folder(path=None, files=tuple(file(*word.split(":")) for word in files.split()))  # type: ignore[arg-type]
    recorded = [
        dataclasses.replace(row(*word.split(":")), raw_checksum=word.split(":")[1][0])
        for word in rows.split()
    ]
    return compare(
        folder,
        Recorded(initialised=True, rows=tuple(recorded)),
        lambda one, of: one.name[0] != of.raw_checksum,
        keys,
    )


def _same(one: MigrationFile, rows: Sequence[Applied]) -> list[Applied]:
    """A content is the first letter of a name."""
    return [of for of in rows if of.raw_checksum == one.name[0]]


@pytest.mark.parametrize(
    ("files", "rows", "expected"),
    [
        ("1:a 2:b", "1:a", {"1": "applied", "2": "pending"}),
        ("1:a 3:b", "1:a 2:b", {"1": "applied", "3": "applied as 2"}),
        ("1:a 2:c 3:b", "1:a 2:b", {"1": "applied", "2": "pending", "3": "applied as 2"}),
        ("1:a 2:c 3:d 4:b", "1:a 2:b", {"1": "applied", "2": "pending", "3": "pending", "4": "applied as 2"}),
        ("7:c 8:a 9:b", "7:a 8:b", {"7": "pending", "8": "applied as 7", "9": "applied as 8"}),
        ("7:b 8:a", "7:a 8:b", {"7": "applied as 8", "8": "applied as 7"}),
        ("7:b 8:a", "7:a 8:c", {"7": "drifted", "8": "drifted"}),
        ("2:b1 3:b2", "1:b3", {"1": "missing", "2": "pending", "3": "pending"}),
        ("2:b1 3:b3", "1:b3", {"2": "pending", "3": "applied as 1"}),
        ("3:b", "1:b1 2:b2", {"1": "missing", "2": "missing", "3": "pending"}),
        ("1:x 2:c", "1:a", {"1": "drifted", "2": "pending"}),
        ("1:a", "1:a 2:b", {"1": "applied", "2": "missing"}),
    ],
)
def test_rows_find_their_files(files: str, rows: str, expected: dict[str, str]) -> None:
    """By content, and where several are alike by name; what stays unclear stays missing or drifted."""
    assert statuses(files, rows) == expected


def test_what_was_renumbered_counts_with_its_old_number() -> None:
    """2 became 5: what lies between is pending, what is lower than 2 is out of order."""
    assert statuses("1:a 3:c 5:b", "5:b", {"5": "2"}) == {"1": "out of order", "3": "pending", "5": "applied"}


def test_the_event_log_tells_the_old_number() -> None:
    """The last move of a version that is still the same; one that was applied anew has forgotten it."""

    def event(action: Action, version: str, old: str = "") -> LoggedEvent:
        detail = {"old": old, "new": version} if old else None
        return LoggedEvent(
            1, datetime.datetime.now(datetime.UTC), "", "", LogEntry(action, version, detail=detail)
        )

    moved = [event(Action.RENUMBERED, "3", "2"), event(Action.RENUMBERED, "5", "3")]
    assert counted_as(moved) == {Version.parse("5").key: Version.parse("2").key}
    assert counted_as([*moved, event(Action.REVERTED, "5")]) == {}
    assert counted_as([event(Action.APPLIED, "5"), *moved]) == {
        Version.parse("5").key: Version.parse("2").key
    }


def test_up_moves_first_and_down_needs_no_move() -> None:
    """All records are moved before anything runs, whatever number of steps; a down takes the row as it is."""
    found = recognised(_compared("1:a 2:c 3:d 4:b", "1:a 2:b", {}), _same)
    assert [(step.work, step.version.text) for step in plan_up(found, steps=1).steps] == [
        (Work.MOVE, "4"), (Work.RUN_UP, "2")
    ]  # fmt: skip
    (step,) = plan_down(found).steps
    assert (step.version.text, step.status.row and step.status.row.version) == ("4", "2")
    assert step.status.state is State.APPLIED
