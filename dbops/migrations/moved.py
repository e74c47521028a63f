"""Migrations that were applied under another number than their files have now: pure decisions.

A file that is pending, and a row whose file is gone or has become another one,
are one migration where their checksums are the same: `renumber` renames files
and asks no database.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from dbops.engines.records import SETTLING, Action, Applied
from dbops.migrations.model import MigrationFile, State, Status
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.engines.log import LoggedEvent

Same = Callable[[MigrationFile, Sequence[Applied]], Sequence[Applied]]
"""Those of the rows that were made by what the file says now."""


def recognised(statuses: Sequence[Status], same: Same) -> list[Status]:
    """The statuses, with the row of each renumbered migration beside its file; its old number is free again.

    What is not clear, since several rows or files are alike and have other names, stays as it is.
    """
    left = [status.row for status in statuses if status.row and _has_lost_its_file(status)]
    if not left:
        return list(statuses)
    found = _matches([status for status in statuses if _may_be_renumbered(status)], left, same)
    gone = {row.sort_key for row in found.values()}
    made = []
    for status in statuses:
        key, row = status.version.key, found.get(status.version.key)
        if row is not None:
            made.append(dataclasses.replace(status, state=State.APPLIED, row=row))
        elif key not in gone:
            made.append(status)
        elif status.file is not None:
            made.append(dataclasses.replace(status, state=State.PENDING, row=None))
    return made


def counted_as(events: Iterable[LoggedEvent]) -> dict[str, str]:
    """Of rows that were moved, the sort key of the number under which they were applied, by their own sort key."""
    found: dict[str, str] = {}
    for event in events:
        entry = event.entry
        if entry.action is Action.RENUMBERED and entry.detail:
            old, new = (Version.named(entry.detail[word]).key for word in ("old", "new"))
            found[new] = found.pop(old, old)
        elif entry.action in SETTLING and entry.version:
            found.pop(Version.named(entry.version).key, None)
    return found


def _has_lost_its_file(status: Status) -> bool:
    return (
        status.state in {State.MISSING, State.DRIFTED}
        and not status.version.repeatable
        and status.row is not None
        and status.row.raw_checksum is not None
    )


def _may_be_renumbered(status: Status) -> bool:
    return (
        status.state in {State.PENDING, State.OUT_OF_ORDER, State.DRIFTED} and not status.version.repeatable
    )


def _matches(candidates: Sequence[Status], rows: Sequence[Applied], same: Same) -> dict[str, Applied]:
    """Of each file that was renumbered the row, by the file's sort key."""
    alike: dict[str, list[Applied]] = {}
    for status in candidates:
        assert status.file is not None  # what has no file is missing
        others = [row for row in rows if row.sort_key != status.version.key]
        those = list(same(status.file, others)) if others else []
        alike[status.version.key] = [row for row in those if row.name == status.name] or those
    names = {status.version.key: status.name for status in candidates}
    found: dict[str, Applied] = {}
    for row in rows:
        keys = [key for key, those in alike.items() if row in those]
        keys = [key for key in keys if names[key] == row.name] or keys
        if len(keys) == 1 and len(alike[keys[0]]) == 1:
            found[keys[0]] = row
    # The number of a file whose own row stays is not free.
    kept = {status.version.key for status in candidates if status.row}
    while blocked := (kept & found.keys()) - {row.sort_key for row in found.values()}:
        for key in blocked:
            del found[key]
    return found
