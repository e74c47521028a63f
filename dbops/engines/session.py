"""What migrations ask of an engine: one session that holds the migration lock and does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from dbops.config.model import Settings
    from dbops.engines.base import Answer, Blocker, Identity, ServerError, Settled
    from dbops.engines.db import Client
    from dbops.engines.effects import Foresight
    from dbops.engines.log import LogEntry, LoggedEvent, Record
    from dbops.engines.records import Direction, Recorded
    from dbops.engines.schema import Left, Schema
    from dbops.engines.statements import Obstacle, Statement
    from dbops.events import Listener


class Session(Protocol):
    """Primitives, never a workflow.  Use as a context manager; closing frees the lock."""

    identity: Identity
    dialect: str
    """The name of the dialect that its migrations are written in."""
    drift_ignore: tuple[str, ...]
    """Patterns of objects that are left out where a schema is held against another one."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Close; a failure that no migration is to blame for becomes an error.

        :raises DbopsError: in its place.
        """

    def close(self) -> None:
        """End the session; what is open is rolled back, and the lock is free."""

    # -- the tracking tables ---------------------------------------------------------------------------------------

    @property
    def table(self) -> str:
        """The name of the tracking table, there or to be made, for people."""

    @property
    def initialised(self) -> bool:
        """Whether the tracking tables are there.

        :raises Refused: where the table belongs to another tool.
        """

    def initialise(self) -> bool:
        """Make them unless they are there, under the lock; True if this call made them."""

    def read(self) -> Recorded:
        """Rows and journal; empty where the tables are not there yet.

        :raises Refused: where the table belongs to another tool.
        """

    def down_sql(self, version: str) -> str | None:
        """The stored down section of an applied version."""

    def positions(self, version: str, direction: Direction) -> dict[str, dict[str, Any]]:
        """Of a migration that stopped in the middle: the `detail` of the last `BATCH_DONE` of each statement checksum.

        Those before an event that settles the version (`SETTLING`) do not count.
        """

    def events(self) -> list[LoggedEvent]:
        """The event log, oldest first; empty where the tables are not there yet."""

    def schema_left(self) -> Left | None:
        """The schema that was stored last, as `Action.SCHEMA_STORED`; None where none ever was.

        :raises DbopsError: it cannot be read.
        """

    def schema(self) -> Schema:
        """What is there now, but for the tracking tables.

        :raises DbopsError: it cannot be read, because another session has locked a part of it for instance.
        """

    def record(self, records: Sequence[Record]) -> None:
        """Write records in one transaction, if the lock is still held.

        :raises StatementFailed: nothing was written.
        """

    def log(self, entry: LogEntry) -> None:
        """Write one event, lock or no lock: a failure is logged even when the lock was lost."""

    def comment(self) -> str | None:
        """What carries the mark of a development database."""

    # -- the lock --------------------------------------------------------------------------------------------------

    def acquire_lock(self) -> None:
        """Become the one migrator of this database.

        :raises LockNotAcquired: after the deadline of the settings.
        """

    def lock_holder(self) -> Blocker | None:
        """Who holds the migration lock; None where nobody does."""

    def end_session(self, blocker: Blocker) -> None:
        """End the session that holds the lock; what it had not committed is rolled back.

        :raises Refused: the engine cannot do that.
        """

    # -- running statements ----------------------------------------------------------------------------------------

    def about(self, what: str, first: int = 1, of: int = 0) -> None:
        """What the next statements belong to, for who watches them: a migration, say.

        :param first: the number in it, from 1, of the next statement; `of` is how many it has, 0 for no matter.
        """

    def transaction(
        self,
        statements: Sequence[str],
        records: Sequence[Record],
        *,
        copies: Mapping[int, str] | None = None,
        begin: str | None = None,
        lock_timeout: float | None = None,
        statement_timeout: float | None = None,
        last: bool = True,
        opens: bool = True,
        commits: bool = True,
    ) -> None:
        """Run statements and write records in one transaction.

        :param copies: what the statements that copy from the client take in, by their place in `statements`.
        :param begin: the statement that opens it, where a file brings its own (with an isolation level).
        :param lock_timeout: seconds, for this transaction; None leaves it as it is.  `statement_timeout` likewise.
        :param last: nothing of this migration follows, so that settings and temporary tables are cleared with it.
        :param opens: begin it; False goes on in the one that a call with `commits=False` left open.
        :param commits: end it; on any failure it is rolled back all the same.
        :raises StatementFailed: rolled back, nothing is left; at `Stage.LOCK_CHECK` the lock had been given away.
        :raises SessionLost: the connection broke.
        """

    def alone(self, statement: str, deadline: float) -> None:
        """Run a statement that cannot be in a transaction.

        :param deadline: seconds of waiting for locks after which it is cancelled.
        :raises StatementFailed: which may leave something behind, an invalid index for instance.
        """

    def check(
        self, queries: Sequence[str], judge: Callable[[int, Answer | None], None], *, inside: bool
    ) -> None:
        """Run queries of which nothing stays, and hand what each returns to `judge`: None where it returns no rows.

        :param inside: in the transaction that a call with `commits=False` left open, which goes on as it was; else in
            one of their own, read-only unless a query will not be.
        :raises StatementFailed: at `Stage.CHECK`, or what `judge` raises; then all of the transaction is rolled back.
        :raises SessionLost: the connection broke.
        """

    def client(self, lock_timeout: float | None = None) -> Client:
        """What the `db` object of a Python migration stands on.

        :param lock_timeout: seconds that the transaction has been given, None for those of the session.
        """

    def set_timeouts(self, *, lock_timeout: float | None, statement_timeout: float | None) -> None:
        """Set timeouts (seconds) until `reset`; None leaves one as it is."""

    def reset(self) -> None:
        """Undo what a migration set for its session, after a file that was not one transaction."""

    # -- what only the engine knows --------------------------------------------------------------------------------

    def settle(self, statement: Statement) -> Settled:
        """Whether a statement that was started outside a transaction has finished, by what it makes or removes."""

    def clearing(self, statement: Statement, *, again: bool) -> list[tuple[str, str]]:
        """What an interrupted run of a statement has left and what would be in its way: names, and how to drop them.

        :param again: it was begun before.
        :raises LockNotAcquired: where another session is at work on that very thing.
        """

    def completing(self, statement: Statement) -> str:
        """What to run in the place of a statement to complete it; the statement itself, where nothing is half done."""

    def left_invalid(self, statement: Statement) -> str | None:
        """The name of what a statement should have made valid and has not."""

    def foresight(self) -> Foresight:
        """What statements would do to the database as it is now."""

    def tables_before(self) -> object | None:
        """What the tables are before migrations run, for `refresh_statistics`; None where the engine needs none.

        :raises DbopsError: they cannot be looked at.
        """

    def refresh_statistics(self, before: object, *, vacuum: bool) -> None:
        """Renew the planner's statistics of the tables that are not what they were; what cannot be is told.

        :param vacuum: VACUUM them as well.
        :raises DbopsError: the tables cannot be looked at; nothing that ran before is touched by that.
        """

    def hint(self, error: ServerError, version: str) -> str | None:
        """The next step after a migration failed with this error; None where the engine's words must do.

        :param version: the migration's, for the commands in the hint.
        """

    def unsafe_in_one_transaction(self, sections: Iterable[Sequence[Statement]]) -> Obstacle | None:
        """The first statement that forbids running all sections, in this order, in one transaction."""


def open_session(settings: Settings, command: str, listen: Listener, *, one_by_one: bool = False) -> Session:
    """Connect to the database that the settings name.

    :param command: "migrate up", for instance: others see it beside the session.
    :param one_by_one: send each statement by itself, so that it can be seen which one runs.
    :raises CannotConnect: and ConfigError, where a session there could not hold a lock.
    """
    if settings.target.engine == "sqlite":
        from dbops.engines.sqlite.session import Session as SqliteSession

        return SqliteSession.open(settings, command, listen)
    from dbops.engines.postgres.session import Session as PostgresSession

    return PostgresSession.open(settings, command, listen, one_by_one=one_by_one)
