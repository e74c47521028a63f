"""One connection to PostgreSQL that holds the migration lock and does the work."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dbops.config.model import DEFAULT, Settings
from dbops.engines.base import Identity, Stage, StatementFailed
from dbops.engines.postgres import connection as connections
from dbops.engines.postgres import lock, tracking
from dbops.engines.postgres.protection import read_comment
from dbops.engines.postgres.failure import LOCK_NOT_AVAILABLE, raise_told, server_error, session_lost
from dbops.engines.records import ForeignTable, LogEntry, LoggedEvent, Record, Recorded
from dbops.errors import Refused
from dbops.events import Detail, Listener

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.postgres.activity import Activity

# In a transaction that ends a migration: what follows it starts clean.
START_CLEAN = ("reset session authorization", "reset role", "reset all")
# After a migration: what no transaction undoes; several statements in one round trip.
CLEAR_SESSION = "close all; unlisten *; discard temp; deallocate all"
# A file may have set default_transaction_read_only.
BEGIN = "begin read write"
# In a transaction between two statements of a file: the file's own settings come back after it.
STEP_ASIDE = (
    "set local session authorization default",
    "set local role none",
    "set local search_path = pg_catalog",
    "set local statement_timeout = 0",
)
# A large file is sent in portions, so that an early failure is noticed early and memory stays bounded.
PORTION = 200


@dataclasses.dataclass
class _Command:
    """One entry of a pipeline; `outcome` is the cursor that has a result once it succeeded."""

    stage: Stage
    index: int
    query: Any
    parameters: list[Any] | None = None
    outcome: Any = None


class Session:
    """What migrations ask of PostgreSQL.  Use as a context manager; closing frees the lock."""

    def __init__(self, connection: psycopg.Connection[Any], settings: Settings, command: str, listen: Listener) -> None:
        self.connection = connection
        self._settings = settings
        self._command = command
        self._listen = listen
        self._lock_timeout = settings.lock_timeout.value
        self._activity: Activity | None = None
        self._who = connections.application_name("").split(maxsplit=1)[1]
        connection.prepare_threshold = None  # a migration may DEALLOCATE ALL
        connection.add_notice_handler(self._notice)
        row = connection.execute(
            "select pg_backend_pid(), session_user::text, current_database()::text, current_setting('server_version')"
        ).fetchone()
        assert row is not None  # noqa: S101  # a SELECT without FROM has one row
        connections.refuse_pooler(connection, row[0])
        self.backend_pid: int = row[0]
        info = connection.info
        self.identity = Identity(row[1], info.host or "localhost", str(info.port), row[2], row[3])
        self.tables, self.initialised, self.foreign = tracking.find(connection, settings.tracking_table.value)

    @classmethod
    def open(cls, settings: Settings, command: str, listen: Listener) -> Session:
        """Connect as `settings` say.  `command` ("migrate up") becomes part of the application name.

        :raises CannotConnect: and ConfigError behind a pooler.
        """
        connection = _connect(settings, command, listen)
        try:
            return cls(connection, settings, command, listen)
        except BaseException as error:
            connection.close()
            raise_told(error)
            raise

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Close; a failure that no migration is to blame for (no privilege, a server that went away) becomes an error.

        :raises DbopsError: in its place.
        """
        self.close()
        raise_told(error)

    def close(self) -> None:
        """End the session; the server frees its lock and rolls back what is open."""
        if self._activity is not None:
            self._activity.close()
        self.connection.close()

    # -- the tracking tables ---------------------------------------------------------------------------------------

    def read(self) -> Recorded:
        """Rows and journal; empty where the tables are not there yet.

        :raises Refused: where the table belongs to another tool.
        """
        if self.foreign is not None:
            raise _foreign(self.foreign)
        return tracking.read(self.connection, self.tables) if self.initialised else Recorded(initialised=False)

    def initialise(self) -> bool:
        """Make the tables unless they are there, under the lock; True if this call made them."""
        self.tables, self.initialised, self.foreign = tracking.find(
            self.connection, self._settings.tracking_table.value
        )
        if self.foreign is not None:
            raise _foreign(self.foreign)
        if self.initialised:
            return False
        commands = [_Command(Stage.RECORD, 0, statement) for statement in tracking.create(self.tables)]
        self._run([_Command(Stage.RECORD, 0, BEGIN), *commands, _Command(Stage.COMMIT, 0, "commit")])
        self.initialised = True
        return True

    def comment(self) -> str | None:
        """The database's comment, which carries the mark of a development database."""
        return read_comment(self.connection, self.identity.database)

    def down_sql(self, version: str) -> str | None:
        """The stored down section of an applied version."""
        return tracking.read_down_sql(self.connection, self.tables, version)

    def events(self) -> list[LoggedEvent]:
        """The event log, oldest first; empty where the tables are not there yet."""
        self.read()
        return tracking.read_events(self.connection, self.tables) if self.initialised else []

    def record(self, records: Sequence[Record]) -> None:
        """Write records in one transaction, if the lock is still held."""
        self.transaction((), records)

    def log(self, entry: LogEntry) -> None:
        """Write one event, lock or no lock: a failure is logged even when the lock was lost."""
        if self.initialised and not self.connection.closed:
            query, parameters = tracking.write(self.tables, entry, self._who)
            self.connection.execute(query, parameters)

    # -- the lock --------------------------------------------------------------------------------------------------

    def acquire_lock(self) -> None:
        """Become the one migrator of this database.

        :raises LockNotAcquired: after the deadline of the settings.
        """
        lock.acquire(self.connection, self._settings.deadline.value, self._listen)

    # -- running statements ----------------------------------------------------------------------------------------

    def transaction(
        self,
        statements: Sequence[str],
        records: Sequence[Record],
        *,
        begin: str | None = None,
        lock_timeout: float | None = None,
        statement_timeout: float | None = None,
        last: bool = True,
        opens: bool = True,
        commits: bool = True,
    ) -> None:
        """Run statements and write records in one transaction, in as few round trips as possible.

        :param begin: the statement that opens it, where a file brings its own (with an isolation level).
        :param lock_timeout: seconds, for this transaction; None leaves it as it is.  `statement_timeout` likewise.
        :param last: nothing of this migration follows, so that settings and temporary tables are cleared with it.
        :param opens: begin it; False goes on in the one that a call with `commits=False` left open.
        :param commits: end it; on any failure it is rolled back all the same.
        :raises StatementFailed: rolled back, nothing is left; at `Stage.LOCK_CHECK` the lock had been given away.
        :raises SessionLost: the connection broke.
        """
        aside = START_CLEAN if last else STEP_ASIDE
        commands = [_Command(Stage.RECORD, 0, begin or BEGIN)] if opens else []
        for name, seconds in (("lock_timeout", lock_timeout), ("statement_timeout", statement_timeout)):
            if seconds is not None:
                commands.append(_Command(Stage.RECORD, 0, f"set local {name} = {seconds * 1000:.0f}"))
        commands += [_Command(Stage.STATEMENT, index, text) for index, text in enumerate(statements)]
        if records:
            commands += [_Command(Stage.RECORD, 0, text) for text in aside]
            commands.append(_Command(Stage.LOCK_CHECK, 0, lock.STILL_HELD))
            commands += [
                _Command(Stage.RECORD, 0, *tracking.write(self.tables, record, self._who)) for record in records
            ]
        if commits:
            commands.append(_Command(Stage.COMMIT, 0, "commit"))
        self._run(commands, lock_timeout=lock_timeout)
        if commits and last and statements:
            self._run([_Command(Stage.RECORD, 0, CLEAR_SESSION)])

    def alone(self, statement: str) -> None:
        """Run a statement that cannot be in a transaction, without a lock timeout.

        It must wait for every older snapshot in the database; only the deadline
        stands over its waiting (not over its work).

        :raises StatementFailed: which may leave something behind, an invalid index for instance.
        """
        row = self.connection.execute("select current_setting('lock_timeout')").fetchone()
        self.connection.execute("set lock_timeout = 0")
        try:
            self._run([_Command(Stage.STATEMENT, 0, statement)], limit_waiting=True)
        finally:
            if not self.connection.closed and row is not None:
                self.connection.execute("select set_config('lock_timeout', %s, false)", [row[0]])

    def set_timeouts(self, *, lock_timeout: float | None, statement_timeout: float | None) -> None:
        """Set timeouts (seconds) until `reset`; None leaves one as it is."""
        for name, seconds in (("lock_timeout", lock_timeout), ("statement_timeout", statement_timeout)):
            if seconds is not None:
                self.query("select set_config(%s, %s, false)", [name, f"{seconds * 1000:.0f}"])
        if lock_timeout is not None:
            self._lock_timeout = lock_timeout

    def query(self, statement: Any, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a catalog query."""
        return self.connection.execute(statement, parameters).fetchall()

    def reset(self) -> None:
        """Undo what a migration set for its session, after a file that was not one transaction."""
        self._lock_timeout = self._settings.lock_timeout.value
        if self.connection.closed:
            return
        for text in (*START_CLEAN, CLEAR_SESSION):
            self.connection.execute(text)

    def _run(
        self, commands: Sequence[_Command], *, limit_waiting: bool = False, lock_timeout: float | None = None
    ) -> None:
        """Send commands and fetch their results; on an error roll back and say which one failed."""
        import psycopg

        activity = self._watch()
        # Who blocks can be seen only while it waits, hence before a lock timeout ends that.
        timeout = self._lock_timeout if lock_timeout is None else lock_timeout
        activity.begin(first_look=min(1.0, timeout / 2 or 1.0), limit_waiting=limit_waiting)
        try:
            if len(commands) == 1:
                self._send(commands[0])
            else:
                for first in range(0, len(commands), PORTION):
                    self._pipeline(commands[first : first + PORTION])
        except psycopg.Error as error:
            raise self._failed(commands, error) from error
        except BaseException:
            self._abandon()
            raise
        finally:
            activity.end()

    def _pipeline(self, commands: Sequence[_Command]) -> None:
        with self.connection.pipeline() as pipeline:
            for command in commands:
                self._send(command)
            pipeline.sync()

    def _send(self, command: _Command) -> None:
        command.outcome = self.connection.cursor()
        command.outcome.execute(command.query, command.parameters)

    def _failed(self, commands: Sequence[_Command], error: psycopg.Error) -> Exception:
        """What to raise for a failed command, with the transaction rolled back."""
        culprit = next((command for command in commands if not _succeeded(command)), commands[-1])
        if self.connection.broken or self.connection.closed:
            # A COMMIT that was sent behind a statement may have been carried out, unless the server says that it ended there.
            sent = any(command.stage is Stage.COMMIT and command.outcome is not None for command in commands)
            said = culprit.stage is not Stage.COMMIT and error.sqlstate is not None
            return session_lost(error, outcome_unknown=sent and not said)
        blockers = self._watch().blockers if error.sqlstate in {LOCK_NOT_AVAILABLE, "57014"} else ()
        self._abandon()
        return StatementFailed(
            server_error(error),
            stage=culprit.stage,
            index=culprit.index,
            blockers=blockers,
            past_deadline=self._watch().cancelled,
        )

    def _abandon(self) -> None:
        """Roll back whatever is open, and make sure that the next one starts clean."""
        from psycopg.pq import TransactionStatus

        if self.connection.broken or self.connection.closed:
            return
        if self.connection.info.transaction_status is TransactionStatus.ACTIVE:
            self.connection.cancel_safe()
            self.connection.close()
        elif self.connection.info.transaction_status is not TransactionStatus.IDLE:
            self.connection.execute("rollback")

    def _watch(self) -> Activity:
        if self._activity is None:
            from dbops.engines.postgres.activity import Activity

            def connect() -> psycopg.Connection[Any]:
                return _connect(self._settings, f"{self._command} (watching)", self._listen, deadline=0)

            self._activity = Activity(
                connect,
                self.backend_pid,
                self._listen,
                deadline=self._settings.deadline.value,
            )
        return self._activity

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self._listen(Detail(f"{(diagnostic.severity or 'notice').lower()}: {diagnostic.message_primary}"))


def _succeeded(command: _Command) -> bool:
    return command.outcome is not None and command.outcome.pgresult is not None


def _connect(
    settings: Settings, command: str, listen: Listener, deadline: float | None = None
) -> psycopg.Connection[Any]:
    defaults, forced = "", ""
    for name, setting in (("lock_timeout", settings.lock_timeout), ("statement_timeout", settings.statement_timeout)):
        option = f" -c {name}={round(setting.value * 1000)}"
        if setting.origin == DEFAULT:
            defaults += option
        else:
            forced += option
    return connections.connect(
        settings.target,
        application=connections.application_name(command),
        listen=listen,
        deadline=settings.deadline.value if deadline is None else deadline,
        default_options=defaults,
        forced_options=forced,
    )


def _foreign(foreign: ForeignTable) -> Refused:
    return Refused(
        f"{foreign.table} belongs to {foreign.tool}; dbops does not write to it",
        hint='keep dbops\' records beside it: tracking-table = "dbops_migrations" under [tool.dbops] in pyproject.toml, '
        "then bin/migrate baseline VERSION records what is applied already",
    )


Opener = Callable[[Settings, str, Listener], Session]
