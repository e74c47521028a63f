"""How a session on PostgreSQL runs statements, in a transaction or without one, and is clean afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.config.model import Settings
from dbops.engines.base import Answer, Stage, StatementFailed, Trouble
from dbops.engines.postgres import asking, lock
from dbops.engines.postgres.sending import Command, Sender
from dbops.engines.postgres.tracked import Tracked

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.db import Client
    from dbops.engines.log import Record

# In a transaction that ends a migration: what follows it starts clean.
START_CLEAN = ("reset session authorization", "reset role", "reset all")
# After a migration's commit: what else would live as long as the session.
LEAVE_NOTHING = ("close all", "unlisten *", "discard temp", "deallocate all")
# In a transaction between two statements of a file: the file's own settings come back after it.
STEP_ASIDE = (
    "set local session authorization default",
    "set local role none",
    "set local search_path = pg_catalog",
    "set local statement_timeout = 0",
)


class Running(Tracked):
    """A connection on which migrations run, and with them what is written down of them."""

    def __init__(
        self, connection: psycopg.Connection[Any], sender: Sender, settings: Settings, begin: str
    ) -> None:
        super().__init__(connection, sender, settings, begin)
        self._lock_timeout = settings.lock_timeout.value

    def record(self, records: Sequence[Record]) -> None:
        """Write records in one transaction, if the lock is still held."""
        self.transaction((), records)

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
        """Run statements and write records in one transaction, in as few round trips as possible.

        :param copies: what the statements that copy from the client take in, by their place in `statements`.
        :param begin: the statement that opens it, where a file brings its own (with an isolation level).
        :param lock_timeout: seconds, for this transaction; None leaves it as it is.  `statement_timeout` likewise.
        :param last: nothing of this migration follows, so that settings and temporary tables are cleared with it.
        :param opens: begin it; False goes on in the one that a call with `commits=False` left open.
        :param commits: end it; on any failure it is rolled back all the same.
        :raises StatementFailed: rolled back, nothing is left; at `Stage.LOCK_CHECK` the lock had been given away.
        :raises SessionLost: the connection broke.
        """
        aside = START_CLEAN if last else STEP_ASIDE
        commands = [Command(Stage.RECORD, begin or self._begin)] if opens else []
        for name, seconds in (("lock_timeout", lock_timeout), ("statement_timeout", statement_timeout)):
            if seconds is not None:
                commands.append(Command(Stage.RECORD, f"set local {name} = {seconds * 1000:.0f}"))
        data = copies or {}
        commands += [
            Command(Stage.STATEMENT, text, index, data.get(index)) for index, text in enumerate(statements)
        ]
        if records:
            commands += [Command(Stage.RECORD, text) for text in aside]
            commands.append(Command(Stage.LOCK_CHECK, lock.STILL_HELD))
            commands += [Command(Stage.RECORD, self._writer().text(record)) for record in records]
        if commits:
            commands.append(Command(Stage.COMMIT, "commit"))
            if last and (statements or not opens):
                commands += [Command(Stage.CLEANING, text) for text in LEAVE_NOTHING]
        self._sender.run(commands, lock_timeout=self._lock_timeout if lock_timeout is None else lock_timeout)

    def check(
        self, queries: Sequence[str], judge: Callable[[int, Answer | None], None], *, inside: bool
    ) -> None:
        """Run queries of which nothing stays, and hand what each returns to `judge`."""
        if inside:
            savepoint = "savepoint dbops_check"
            closing = f"rollback to {savepoint}; release {savepoint}"
            asking.ask(self.connection, self._sender, savepoint, queries, judge, closing)
            return
        try:
            asking.ask(self.connection, self._sender, "begin read only", queries, judge, "rollback")
        except StatementFailed as failure:
            if failure.error.trouble is not Trouble.READ_ONLY:
                raise
            asking.ask(self.connection, self._sender, self._begin, queries, judge, "rollback")

    def alone(self, statement: str, deadline: float) -> None:
        """Run a statement that cannot be in a transaction, without a lock timeout.

        It must wait for every older snapshot in the database; only the deadline
        stands over its waiting (not over its work).

        :param deadline: seconds of waiting for locks after which it is cancelled.
        :raises StatementFailed: which may leave something behind, an invalid index for instance.
        """
        row = self.connection.execute("select current_setting('lock_timeout')").fetchone()
        self.connection.execute("set lock_timeout = 0")
        try:
            self._sender.run([Command(Stage.STATEMENT, statement)], deadline=deadline)
        finally:
            if not self.connection.closed and row is not None:
                self.connection.execute("select set_config('lock_timeout', %s, false)", [row[0]])

    def client(self, lock_timeout: float | None = None) -> Client:
        """By psycopg's own calls."""
        from dbops.engines.postgres.db import PostgresClient

        timeout = self._lock_timeout if lock_timeout is None else lock_timeout
        return PostgresClient(self.connection, self._sender, timeout)

    def set_timeouts(self, *, lock_timeout: float | None, statement_timeout: float | None) -> None:
        """Set timeouts (seconds) until `reset`; None leaves one as it is."""
        for name, seconds in (("lock_timeout", lock_timeout), ("statement_timeout", statement_timeout)):
            if seconds is not None:
                self.query("select set_config(%s, %s, false)", [name, f"{seconds * 1000:.0f}"])
        if lock_timeout is not None:
            self._lock_timeout = lock_timeout

    def query(self, statement: Any, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Rows of a catalog query; the parameters by position or by name."""
        return self.connection.execute(statement, parameters).fetchall()

    def reset(self) -> None:
        """Undo what a migration set for its session, after a file that was not one transaction."""
        self._lock_timeout = self._settings.lock_timeout.value
        if self.connection.closed:
            return
        for text in (*START_CLEAN, *LEAVE_NOTHING):
            self.connection.execute(text)
