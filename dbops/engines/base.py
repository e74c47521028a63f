"""What all engines speak: who is connected, what a server says of a failure, who blocks whom."""

from __future__ import annotations

import dataclasses
import enum


@dataclasses.dataclass(frozen=True)
class Identity:
    """The database that a session is connected to, as the server sees it."""

    user: str
    host: str
    port: str
    database: str
    server_version: str
    file: str | None = None
    """The path of a SQLite database, which has no user, host and port."""

    def __str__(self) -> str:
        if self.file is not None:
            return f"{self.file} (SQLite {self.server_version})"
        return f"{self.user}@{self.host}:{self.port}/{self.database}"


@dataclasses.dataclass(frozen=True)
class Blocker:
    """A session that holds what another one waits for.

    What a role may not see of another role's session is empty; `age` is the
    seconds since its transaction began, None where that is hidden.
    A prepared transaction has no process, so that its `pid` is 0, and its `query` is the statement that ends it.
    `is_local`: it is a process of this machine that opened the database's file.
    `spared`: why it was not ended, although that was asked for; else empty.
    """

    pid: int
    user: str
    application: str
    query: str
    age: float | None
    is_local: bool = False
    spared: str = ""

    def __str__(self) -> str:
        if not self.pid:
            age = "" if self.age is None else f", for {self.age:.0f} s"
            return f"a prepared transaction of user {self.user}{age} (to end it: {self.query})"
        who = f"pid {self.pid}, user {self.user or '?'}"
        if self.application:
            who += f", application {self.application!r}"
        if self.age is not None:
            who += f", in a transaction for {self.age:.0f} s"
        # What dbops sends is a migration with all that belongs to it, and says less than its application name.
        if not self.query or self.application.startswith("dbops "):
            return who
        return f"{who}: {' '.join(self.query.split())[:120]}"


class Stage(enum.Enum):
    """Where in a transaction the server said no."""

    STATEMENT = "statement"
    LOCK_CHECK = "lock check"
    RECORD = "record"
    COMMIT = "commit"
    CLEANING = "cleaning up"
    CHECK = "check"


class Settled(enum.Enum):
    """What is to be seen of a statement that was started outside a transaction."""

    DONE = "done"
    LEFT_NOTHING = "left nothing"
    RUN_AGAIN = "to be run again"
    UNKNOWN = "unknown"


class Trouble(enum.Enum):
    """What dbops acts on, of all that a server can say."""

    LOCKED = "a lock was not to be had in time"
    DEADLOCK = "deadlock"
    NEEDS_NO_TRANSACTION = "cannot run in a transaction"
    READ_ONLY = "changes something in a transaction that is read-only"
    ROWS = "a value that cannot be, or a row that breaks a constraint"
    NO_ROOM = "no room on the disk or in memory, or for another connection"


@dataclasses.dataclass(frozen=True)
class ServerError:
    """The server's own words on a failure.

    `position` counts characters of the statement from 1, None if unknown;
    `trouble` is what kind of failure it is, where that matters to us; `table` (schema, name) and `column` whose rows
    are to blame.
    """

    message: str
    sqlstate: str | None = None
    detail: str | None = None
    hint: str | None = None
    context: str | None = None
    position: int | None = None
    internal_query: str | None = None
    trouble: Trouble | None = None
    table: tuple[str, str] | None = None
    column: str | None = None


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a query returned: how many rows, and as text the first of them and the first whose first column is false."""

    rows: int
    first: tuple[str | None, ...] | None = None
    refuted: tuple[str | None, ...] | None = None


class StatementFailed(Exception):
    """The server refused a statement; the transaction around it has been rolled back.

    :param index: which of the statements given, meaningful for `Stage.STATEMENT` and `Stage.CHECK`.
    :param blockers: for a lock that was not to be had: who held it.
    :param past_deadline: dbops itself cancelled it, since it had waited for too long.
    """

    def __init__(
        self,
        error: ServerError,
        *,
        stage: Stage = Stage.STATEMENT,
        index: int = 0,
        blockers: tuple[Blocker, ...] = (),
        past_deadline: bool = False,
    ) -> None:
        super().__init__(error.message)
        self.error = error
        self.stage = stage
        self.index = index
        self.blockers = blockers
        self.past_deadline = past_deadline


class SessionLost(Exception):
    """The connection broke.  `outcome_unknown`: a COMMIT was on its way, and only the server knows what came of it."""

    def __init__(self, message: str, *, outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown
