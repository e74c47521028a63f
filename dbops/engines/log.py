"""What dbops writes into the tracking tables, and reads back as history."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from dbops.engines.records import Action, Applied, Direction


@dataclasses.dataclass(frozen=True)
class LogEntry:
    """One event to write.  Texts hold no password: statements are redacted before they come here."""

    action: Action
    version: str | None = None
    name: str | None = None
    direction: Direction | None = None
    statement_number: int | None = None
    statement_checksum: str | None = None
    statement: str | None = None
    sqlstate: str | None = None
    message: str | None = None
    duration_ms: int | None = None
    detail: dict[str, Any] | None = None


@dataclasses.dataclass(frozen=True)
class LoggedEvent:
    """One event as it was read back."""

    id: int
    at: datetime.datetime
    who: str
    role: str
    entry: LogEntry

    @classmethod
    def read(
        cls, event_id: int, at: datetime.datetime, who: str, role: str, action: str, *rest: Any
    ) -> LoggedEvent:
        """From a row of the event log, its columns in the order of the fields, and of the entry's."""
        version, name, direction, *details = rest
        entry = LogEntry(Action(action), version, name, direction and Direction(direction), *details)
        return cls(event_id, at, who, role, entry)


@dataclasses.dataclass(frozen=True)
class DeleteRow:
    """The version is no longer applied."""

    version: str


@dataclasses.dataclass(frozen=True)
class UpdateChecksums:
    """The row takes over what the file says now."""

    row: Applied


@dataclasses.dataclass(frozen=True)
class ForeignStatement:
    """A statement on another tool's table, complete as it is: what a mirror writes beside dbops' own records."""

    text: str


Record = Applied | DeleteRow | UpdateChecksums | LogEntry | ForeignStatement
