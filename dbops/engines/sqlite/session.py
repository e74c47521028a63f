"""One connection to a SQLite database, and the migration lock beside it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from dbops import interrupts
from dbops.config.model import Settings
from dbops.engines.base import (
    Answer,
    Blocker,
    Identity,
    ServerError,
    Settled,
    Stage,
    StatementFailed,
    Trouble,
)
from dbops.engines.dialect import SQLITE
from dbops.engines.sqlite import connection as connections
from dbops.engines.sqlite import lock, tracking, writing
from dbops.engines.sqlite.errors import told
from dbops.engines.sqlite.tracked import Tracked
from dbops.engines.statements import Obstacle, Statement
from dbops.engines.tracking import Found
from dbops.errors import DbopsError, LockNotAcquired, Refused, UsageError
from dbops.events import Listener, Warned

if TYPE_CHECKING:
    from dbops.engines.db import Client
    from dbops.engines.log import LogEntry, Record
    from dbops.engines.sqlite.foresight import LiveFile


class Session(Tracked):
    """What migrations ask of SQLite.  Use as a context manager; closing frees the lock.

    Until the lock is acquired nothing is written, and no file is made.
    """

    dialect = SQLITE

    def __init__(self, settings: Settings, command: str, listen: Listener) -> None:
        super().__init__(settings, listen)
        self._lock = lock.MigrationLock(self._path, command)
        self._who = lock.account()
        self.identity = Identity(
            user=self._who.partition("@")[0],
            host="",
            port="",
            database=self._path.stem,
            server_version=sqlite3.sqlite_version,
            file=str(self._path),
        )

    @classmethod
    def open(cls, settings: Settings, command: str, listen: Listener) -> Session:
        """Open the file that the settings name.

        :param command: "migrate up", for instance: who waits for the lock is told of it.
        :raises CannotConnect: it cannot be opened, or is no SQLite database.
        :raises UsageError: an option asks for what needs a server.
        """
        for setting, option in (
            (settings.terminate_after, "--terminate-blockers"),
            (settings.analyze_after, "--vacuum"),
        ):
            if setting.origin.startswith("option ") and setting.value not in {"off", "analyze"}:
                raise UsageError(f"{option} is for PostgreSQL, not for a file of SQLite", hint="leave it out")
        return cls(settings, command, listen)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Close; a failure that no migration is to blame for becomes an error.

        :raises DbopsError: in its place.
        """
        self.close()
        if isinstance(error, sqlite3.Error):
            raise told(error, self._path) from error
        if isinstance(error, StatementFailed):
            kind_of = LockNotAcquired if error.error.trouble is Trouble.LOCKED else DbopsError
            raise kind_of(f"{self._path}: {error.error.message}", hint=self.hint(error.error, "")) from error

    def close(self) -> None:
        """End the session; what is open is rolled back, and the lock is free."""
        with interrupts.held_back():
            self.connection.close()
            self._lock.release()

    # -- the tracking tables ---------------------------------------------------------------------------------------

    def initialise(self) -> bool:
        """Make the tables unless they are there, under the lock; True if this call made them."""
        if self._found is None or not self._found.exist:
            self._found = None
        if self.initialised:
            return False
        runner = self._limited(self._patience)
        with self.told(), self._rolled_back_on_failure(last=True):
            runner.begin(None, ())
            for text in tracking.create(self.tables):
                runner.run(text, 0, Stage.RECORD)
            runner.commit()
        self._found = Found(self.tables, exist=True)
        return True

    def record(self, records: Sequence[Record]) -> None:
        """Write records in one transaction, if the lock is still held."""
        self.transaction((), records)

    def log(self, entry: LogEntry) -> None:
        """Write one event, lock or no lock; where another program is writing all the time, a warning takes its place."""
        if not self.initialised:
            return
        try:
            if not self._lock.held:
                connections.make_writable(self.connection, self._path, listen=self._listen, deadline=0)
            writing.write(self.connection, self.tables, entry, who=self._who, milliseconds=0)
        except sqlite3.OperationalError as error:
            self._listen(Warned(f"the event log has not got {entry.action.value!r}: {error}"))

    # -- the lock --------------------------------------------------------------------------------------------------

    def acquire_lock(self) -> None:
        """Become the one migrator of this database; from now on the session may write.

        :raises LockNotAcquired: after the deadline of the settings.
        """
        self._lock.acquire(self._settings.deadline.value, self._listen)
        # Whoever had the lock before may have made the file, or put another one in its place.
        self.reset()
        self._found = None

    def lock_holder(self) -> Blocker | None:
        """The process that holds the migration lock."""
        return lock.holder(self._path)

    def end_session(self, blocker: Blocker) -> None:
        """:raises Refused: there is no server that could."""
        raise Refused(f"SQLite has no server that could end another session: {blocker}")

    # -- running statements ----------------------------------------------------------------------------------------

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
        """Run statements and write records in one transaction; see the protocol.  SQLite has no COPY.

        Foreign keys count for all of it, or, where a statement puts them off, for none and are checked before the
        commit.
        """
        began = time.monotonic()
        if records and not statements and lock_timeout is None:
            lock_timeout = self._patience  # what is only written down is not tried again
        runner = self._limited(lock_timeout, statement_timeout) if opens else self.runner
        with self.told(), self._rolled_back_on_failure(last=last):
            done = runner.begin(begin, statements) if opens else frozenset()
            for index, text in enumerate(statements):
                if index not in done:
                    runner.run(text, index)
            if statements or commits:
                runner.check(Stage.STATEMENT if statements else Stage.COMMIT, ends=last)
            if records:
                self._lock.require()
            for record in records:
                milliseconds = round((time.monotonic() - began) * 1000)
                writing.write(self.connection, self.tables, record, who=self._who, milliseconds=milliseconds)
            if commits:
                runner.commit()
        if commits and last and self._is_stained():
            self.reset()

    def check(
        self, queries: Sequence[str], judge: Callable[[int, Answer | None], None], *, inside: bool
    ) -> None:
        """Run queries of which nothing stays, and hand what each returns to `judge`; see the protocol."""
        from dbops.engines.sqlite.asking import ask

        if inside:
            closing = ("rollback to dbops_check", "release dbops_check")
            ask(
                self.connection, self.runner, queries, judge, opening="savepoint dbops_check", closing=closing
            )
            return
        runner = self._limited()
        before = self.connection.execute("pragma query_only").fetchone()[0]
        try:
            self.connection.execute("pragma query_only = on")
            ask(self.connection, runner, queries, judge, opening="begin", closing=("rollback",))
        except StatementFailed as failure:
            if failure.error.trouble is not Trouble.READ_ONLY:
                raise
            self.connection.execute("pragma query_only = off")
            ask(self.connection, runner, queries, judge, opening="begin immediate", closing=("rollback",))
        finally:
            self.connection.execute(f"pragma query_only = {before:d}")

    def alone(self, statement: str, deadline: float) -> None:
        """Run a statement that cannot be in a transaction; SQLite does all of it or nothing."""
        try:
            self._limited(deadline).run(statement, 0)
        except StatementFailed as failure:
            if failure.error.trouble is Trouble.LOCKED:
                raise StatementFailed(
                    failure.error, blockers=failure.blockers, past_deadline=True
                ) from failure
            raise
        finally:
            self._limited()

    def client(self, lock_timeout: float | None = None) -> Client:
        """By the driver's own calls; how long they wait was said when the transaction began."""
        from dbops.engines.sqlite.db import SqliteClient

        return SqliteClient(self)

    # -- what only the engine knows --------------------------------------------------------------------------------

    def settle(self, statement: Statement) -> Settled:
        """What cannot be in a transaction is a VACUUM or a PRAGMA: done or not, it may run again."""
        return Settled.LEFT_NOTHING

    def clearing(self, statement: Statement, *, again: bool) -> list[tuple[str, str]]:
        """Nothing: SQLite leaves nothing half done."""
        return []

    def completing(self, statement: Statement) -> str:
        """The statement itself."""
        return statement.text

    def left_invalid(self, statement: Statement) -> str | None:
        """Nothing."""
        return None

    def foresight(self) -> LiveFile:
        """By the words of each statement and what the file has."""
        from dbops.engines.sqlite.foresight import LiveFile

        return LiveFile(self.connection)

    def about(self, what: str, first: int = 1, of: int = 0) -> None:
        """Nobody can look into a file while a statement runs."""

    def tables_before(self) -> None:
        """Nothing: SQLite's planner does without statistics until somebody runs ANALYZE."""

    def refresh_statistics(self, before: object, *, vacuum: bool) -> None:
        """Nothing."""

    def hint(self, error: ServerError, version: str) -> str | None:
        """The next step after a migration failed with this error; None where SQLite's words must do."""
        from dbops.engines.sqlite.failure import hint

        return error.hint or hint(error, version)

    def unsafe_in_one_transaction(self, sections: Iterable[Sequence[Statement]]) -> Obstacle | None:
        """The first statement that forbids running all sections, in this order, in one transaction."""
        from dbops.engines.sqlite.dialect import obstacle

        for number, section in enumerate(sections):
            for statement in section:
                reason = obstacle(statement)
                if reason is not None:
                    return Obstacle(number, statement, reason)
        return None
