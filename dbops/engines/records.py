"""What the tracking tables say of migrations, as data; an engine reads it with its own SQL.

A row of the tracking table always means *applied*.  The event log is
append-only; history, audit and the journal for resuming are read from it.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum


class Direction(enum.Enum):
    """Which section of a migration runs."""

    UP = "up"
    DOWN = "down"


class Action(enum.Enum):
    """What an event says.  The words are stored: never change one."""

    INITIALISED = "initialised"
    APPLIED = "applied"
    REVERTED = "reverted"
    FAILED = "failed"
    STATEMENT_STARTED = "statement started"
    STATEMENT_DONE = "statement done"
    STATEMENT_FAILED = "statement failed"
    STATEMENT_UNDONE = "statement undone"
    BATCH_DONE = "batch done"
    MARKED = "marked"
    UNMARKED = "unmarked"
    FORCED = "forced"
    BASELINED = "baselined"
    REPAIRED = "repaired"
    UNLOCKED = "unlocked"
    BLOCKER_ENDED = "blocker ended"
    BACKED_UP = "backed up"
    RESTORED = "restored"
    ADOPTED = "adopted"
    RENUMBERED = "renumbered"
    SCHEMA_STORED = "schema stored"
    DRIFT_ACCEPTED = "drift accepted"


# The lines of the journal.  Failed: the server said so, and something may be left of it; undone: nothing is left.
JOURNAL = (Action.STATEMENT_STARTED, Action.STATEMENT_DONE, Action.STATEMENT_FAILED, Action.STATEMENT_UNDONE)
# What is for going on, or to compare with, and no part of the history.
UNTOLD = (*JOURNAL, Action.BATCH_DONE, Action.SCHEMA_STORED)
# After one of these, the schema that was stored before says nothing any more.
CHANGING = (*JOURNAL, Action.BATCH_DONE, Action.APPLIED, Action.REVERTED)
# After one of these, an earlier journal of the same version says nothing any more.
SETTLING = (
    *(Action.APPLIED, Action.REVERTED, Action.MARKED, Action.UNMARKED),
    *(Action.FORCED, Action.BASELINED, Action.ADOPTED),
)


# What a stored checksum is taken over: the tokens of the up section; the text of a Python module but for the version
# that it says; or the bytes of the file.
TOKENS = "tokens"
MODULE = "module"
RAW = "raw"
BY_CONTENT = frozenset({TOKENS, MODULE})
"""Those that stay the same where a file's bytes change without changing what it does."""


@dataclasses.dataclass(frozen=True)
class Applied:
    """One row of the tracking table.  `down_sql` is None unless it was asked for."""

    version: str
    sort_key: str
    name: str
    description: str | None = None
    applied_at: datetime.datetime | None = None
    execution_time_ms: int | None = None
    checksum: str | None = None
    raw_checksum: str | None = None
    checksum_algorithm: str | None = None
    applied_by: str | None = None
    down_sql: str | None = None


@dataclasses.dataclass(frozen=True)
class JournalLine:
    """What the journal last says of one unit of a migration that runs statement by statement.

    `number` is that of the unit's first statement, from 1; `action` is one of `JOURNAL`.
    """

    version: str
    direction: Direction
    number: int
    checksum: str
    action: Action

    @classmethod
    def read(cls, version: str, direction: str, number: int, checksum: str, action: str) -> JournalLine:
        """From a row of the event log."""
        return cls(version, Direction(direction), number, checksum, Action(action))


# What a table is said to belong to whose columns are nobody's.
UNKNOWN_TOOL = "another tool"


@dataclasses.dataclass(frozen=True)
class ForeignTable:
    """A tracking table that another tool made.  It is never written to, unless it is mirrored."""

    table: str
    tool: str


@dataclasses.dataclass(frozen=True)
class Recorded:
    """All that the tracking tables say: rows in order of version, and the journals of what stopped in the middle.

    :param mirror: the other tool's table that is kept in step, None where there is none.
    :param elsewhere: where dbops has no tables yet: tables that look like another tool's.
    """

    initialised: bool
    rows: tuple[Applied, ...] = ()
    journal: tuple[JournalLine, ...] = ()
    mirror: ForeignTable | None = None
    elsewhere: tuple[str, ...] = ()
