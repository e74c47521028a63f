"""Files against rows: how each version stands.  Pure, but for reading the files that may have drifted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from dbops.engines.records import Action, Applied, JournalLine, Recorded
from dbops.migrations.model import Folder, MigrationFile, State, Status
from dbops.migrations.version import Version

_NONE: Mapping[str, str] = {}


def compare(
    folder: Folder,
    recorded: Recorded,
    drifted: Callable[[MigrationFile, Applied], bool],
    counted_as: Mapping[str, str] = _NONE,
) -> list[Status]:
    """Every version that has a file, a row, or something of it in the database, in order.

    :param drifted: whether a file no longer means what its row's checksum says.
    :param counted_as: of rows that were renumbered, the sort key that they had before: what is between the two is
        not out of order for that.
    """
    files = {file.version.key: file for file in folder.files}
    rows = {row.sort_key: row for row in recorded.rows}
    journal = _journal(recorded.journal)
    newest = max(
        (counted_as.get(key, key) for key, row in rows.items() if not Version(row.version, key).repeatable),
        default="",
    )

    def status(key: str) -> Status:
        file, row = files.get(key), rows.get(key)
        lines = journal.get(key, ())
        if file:
            version, name = file.version, file.name
        else:
            version, name = (
                (Version(row.version, key), row.name) if row else (Version.named(lines[0].version), "")
            )
        return Status(version, name, _state(file, row, lines, newest, drifted), file, row, lines)

    return [status(key) for key in sorted(files.keys() | rows.keys() | journal.keys())]


def _state(
    file: MigrationFile | None,
    row: Applied | None,
    lines: tuple[JournalLine, ...],
    newest: str,
    drifted: Callable[[MigrationFile, Applied], bool],
) -> State:
    if lines:
        return State.PARTIAL
    if row is None:
        assert file is not None  # a version has a file or a row
        return State.OUT_OF_ORDER if file.version.key < newest else State.PENDING
    if file is None:
        return State.MISSING
    if not drifted(file, row):
        return State.APPLIED
    return State.CHANGED if file.version.repeatable else State.DRIFTED


def _journal(lines: Iterable[JournalLine]) -> dict[str, tuple[JournalLine, ...]]:
    """The journals that mean that something is there: lines of a statement that left nothing do not count."""
    found: dict[str, tuple[JournalLine, ...]] = {}
    for line in lines:
        if line.action is not Action.STATEMENT_UNDONE:
            key = Version.named(line.version).key
            found[key] = (*found.get(key, ()), line)
    return found


def newest_row(rows: Sequence[Applied]) -> Applied | None:
    """That of the highest applied version, of rows in order; None where nothing is applied."""
    versions = (row for row in reversed(rows) if not Version(row.version, row.sort_key).repeatable)
    return next(versions, None)


def current(statuses: Iterable[Status]) -> Status | None:
    """The highest applied version, None on an empty database; a repeatable migration is none."""
    return max(
        (status for status in statuses if status.is_applied and not status.version.repeatable),
        key=lambda status: status.version.key,
        default=None,
    )
