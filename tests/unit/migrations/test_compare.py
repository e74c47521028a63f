"""The six states of a version."""

from __future__ import annotations

from pathlib import Path

from dbops.engines.records import Action, Direction, JournalLine, Recorded
from dbops.migrations.compare import compare, current
from dbops.migrations.model import Folder, State
from tests.unit.migrations.statuses import file, line, row, statuses


def states(
    files: str, rows: str, journal: tuple[JournalLine, ...] = (), drifted: str = ""
) -> dict[str, State]:
    """Compare a folder with these versions with a database with those."""
    folder = Folder(Path("/m"), tuple(file(version) for version in files.split()))
    recorded = Recorded(initialised=True, rows=tuple(map(row, rows.split())), journal=journal)
    found = compare(folder, recorded, lambda one, _: one.version.text in drifted.split())
    return {status.version.text: status.state for status in found}


def test_pending_and_applied() -> None:
    """With a row a version is applied; without, and above all applied ones, pending."""
    assert states("1 2", "1") == {"1": State.APPLIED, "2": State.PENDING}
    assert states("1 2", "") == {"1": State.PENDING, "2": State.PENDING}


def test_a_row_and_a_file_meet_by_number() -> None:
    """A file written 001 is the row written 1; the file's spelling is shown."""
    assert states("001", "1") == {"001": State.APPLIED}


def test_missing() -> None:
    """A row without a file."""
    assert states("1", "1 2") == {"1": State.APPLIED, "2": State.MISSING}


def test_drifted() -> None:
    """The file no longer means what was applied; one that is not applied cannot drift."""
    assert states("1 2", "1", drifted="1 2") == {"1": State.DRIFTED, "2": State.PENDING}


def test_out_of_order() -> None:
    """Not applied, below the newest applied one, also where that one's file is gone."""
    assert states("1 2 3", "1 3")["2"] is State.OUT_OF_ORDER
    assert states("2", "3") == {"2": State.OUT_OF_ORDER, "3": State.MISSING}


def test_order_is_by_number() -> None:
    """10 comes after 9, whatever the text says."""
    assert list(states("10 9", "")) == ["9", "10"]


def test_partial() -> None:
    """A journal means that something of it is there, whether a file or a row is there or not."""
    assert states("1", "", (line("1"),)) == {"1": State.PARTIAL}
    assert states("1", "1", (line("1", Direction.DOWN),)) == {"1": State.PARTIAL}
    assert states("", "", (line("7"),)) == {"7": State.PARTIAL}
    assert states("1", "", (line("1", action=Action.STATEMENT_STARTED),)) == {"1": State.PARTIAL}


def test_a_statement_that_left_nothing_is_no_partial_migration() -> None:
    """A journal of nothing but undone statements says that nothing is there."""
    assert states("1", "", (line("1", action=Action.STATEMENT_UNDONE),)) == {"1": State.PENDING}


def test_current_is_the_highest_applied() -> None:
    """Drifted and missing ones are applied all the same; nothing applied is None."""
    at = current(statuses("1:applied 2:drifted 3:missing 4:pending"))
    assert at is not None
    assert at.version.text == "3"
    assert current(statuses("1:pending")) is None
