"""One connection to PostgreSQL that holds the migration lock and does the work."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from dbops.config.model import DEFAULT, Settings
from dbops.engines.base import Identity, ServerError, SessionLost, Stage, StatementFailed
from dbops.engines.postgres import connection as connections
from dbops.engines.postgres import lock, tracking
from dbops.engines.postgres.failure import ENDS_SESSION, LOCK_NOT_AVAILABLE, QUERY_CANCELED
from dbops.engines.postgres.protection import read_comment
from dbops.engines.postgres.tracking import Tables
from dbops.engines.records import ForeignTable, Recorded
from dbops.errors import CannotConnect, DbopsError, Refused
from dbops.events import Detail, Listener

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.log import LogEntry, LoggedEvent, Record
    from dbops.engines.postgres.activity import Activity
    from dbops.engines.postgres.writing import Writer

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
# Characters that are sent at once: a large file goes in portions, so that memory stays bounded.
PORTION = 1_000_000


_SEPARATOR = ";\n"


class _Command(NamedTuple):
    """One statement to send; `number` counts those of a migration, from 0."""

    stage: Stage
    text: str
    number: int = 0


class Session:
    """What migrations ask of PostgreSQL.  Use as a context manager; closing frees the lock."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        settings: Settings,
        command: str,
        listen: Listener,
        *,
        one_by_one: bool = False,
    ) -> None:
        self.connection = connection
        self._settings = settings
        self._command = command
        self._one_by_one = one_by_one
        self._listen = listen
        self._lock_timeout = settings.lock_timeout.value
        self._activity: Activity | None = None
        self._written_with: Writer | None = None
        self._who = connections.application_name("").split(maxsplit=1)[1]
        connection.prepare_threshold = None  # a migration may DEALLOCATE ALL
        connection.add_notice_handler(self._notice)
        row = connection.execute(
            "select pg_backend_pid(), session_user::text, current_database()::text, current_setting('server_version'), "
            "current_setting('transaction_read_only')"
        ).fetchone()
        assert row is not None  # a SELECT without FROM has one row
        connections.refuse_pooler(connection, row[0])
        self.backend_pid: int = row[0]
        # A file may set default_transaction_read_only; a server or a database that is read-only stays so.
        self._begin = "begin" if row[4] == "on" else "begin read write"
        info = connection.info
        self.identity = Identity(row[1], info.host or "localhost", str(info.port), row[2], row[3])
        self._found: tracking.Found | None = None

    @classmethod
    def open(cls, settings: Settings, command: str, listen: Listener, *, one_by_one: bool = False) -> Session:
        """Connect as `settings` say.

        :param command: "migrate up", for instance: becomes part of the application name.
        :param one_by_one: send each statement by itself, so that the server shows which one runs.

        :raises CannotConnect: and ConfigError behind a pooler.
        """
        connection = _connect(settings, command, listen)
        try:
            return cls(connection, settings, command, listen, one_by_one=one_by_one)
        except BaseException as error:
            connection.close()
            _raise_told(error)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Close; a failure that no migration is to blame for (no privilege, a server that went away) becomes an error.

        :raises DbopsError: in its place.
        """
        self.close()
        if error is not None:
            _raise_told(error)

    def close(self) -> None:
        """End the session; the server frees its lock and rolls back what is open."""
        if self._activity is not None:
            self._activity.close()
        self.connection.close()

    # -- the tracking tables ---------------------------------------------------------------------------------------

    @property
    def tables(self) -> Tables:
        """Where the tracking tables are, or will be."""
        return self._look().tables

    @property
    def initialised(self) -> bool:
        """Whether they are there."""
        return self._look().exist

    def _look(self) -> tracking.Found:
        """Where the tables are, looked up once.

        :raises Refused: where the table belongs to another tool.
        """
        if self._found is None:
            self._found = tracking.find(self.connection, self._settings.tracking_table.value)
        if self._found.foreign is not None:
            raise _foreign(self._found.foreign)
        return self._found

    def read(self) -> Recorded:
        """Rows and journal; empty where the tables are not there yet.

        :raises Refused: where the table belongs to another tool.
        """
        if self._found is None:
            wanted = Tables.named(self._settings.tracking_table.value)
            recorded = tracking.read_if_ours(self.connection, wanted)
            if recorded is not None:
                self._found = tracking.Found(wanted, exist=True)
                return recorded
        found = self._look()
        return tracking.read(self.connection, found.tables) if found.exist else Recorded(initialised=False)

    def initialise(self) -> bool:
        """Make the tables unless they are there, under the lock; True if this call made them."""
        if self._found is None or not self._found.exist:
            self._found = None
        if self.initialised:
            return False
        commands = [_Command(Stage.RECORD, text.as_string(self.connection)) for text in tracking.create(self.tables)]
        self._run([_Command(Stage.RECORD, self._begin), *commands, _Command(Stage.COMMIT, "commit")])
        self._found = tracking.Found(self.tables, exist=True)
        return True

    def comment(self) -> str | None:
        """The database's comment, which carries the mark of a development database."""
        return read_comment(self.connection, self.identity.database)

    def down_sql(self, version: str) -> str | None:
        """The stored down section of an applied version."""
        return tracking.read_down_sql(self.connection, self.tables, version)

    def events(self) -> list[LoggedEvent]:
        """The event log, oldest first; empty where the tables are not there yet."""
        return tracking.read_events(self.connection, self.tables) if self.initialised else []

    def record(self, records: Sequence[Record]) -> None:
        """Write records in one transaction, if the lock is still held."""
        self.transaction((), records)

    def log(self, entry: LogEntry) -> None:
        """Write one event, lock or no lock: a failure is logged even when the lock was lost."""
        if not self.connection.closed and self.initialised:
            self._run([_Command(Stage.RECORD, self._writer().text(entry))])

    def _writer(self) -> Writer:
        if self._written_with is None:
            from dbops.engines.postgres.writing import Writer

            self._written_with = Writer(self.connection, self.tables, self._who)
        return self._written_with

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
        commands = [_Command(Stage.RECORD, begin or self._begin)] if opens else []
        for name, seconds in (("lock_timeout", lock_timeout), ("statement_timeout", statement_timeout)):
            if seconds is not None:
                commands.append(_Command(Stage.RECORD, f"set local {name} = {seconds * 1000:.0f}"))
        commands += [_Command(Stage.STATEMENT, text, index) for index, text in enumerate(statements)]
        if records:
            commands += [_Command(Stage.RECORD, text) for text in aside]
            commands.append(_Command(Stage.LOCK_CHECK, lock.STILL_HELD))
            commands += [_Command(Stage.RECORD, self._writer().text(record)) for record in records]
        if commits:
            commands.append(_Command(Stage.COMMIT, "commit"))
            if last and statements:
                commands += [_Command(Stage.CLEANING, text) for text in LEAVE_NOTHING]
        self._run(commands, lock_timeout=lock_timeout)

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
            self._run([_Command(Stage.STATEMENT, statement)], deadline=deadline)
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

    def _run(
        self, commands: Sequence[_Command], *, deadline: float | None = None, lock_timeout: float | None = None
    ) -> None:
        """Send commands, as many at a time as make sense; on an error roll back and say which one failed."""
        import psycopg

        activity = self._watch()
        # Who blocks can be seen only while it waits, hence before a lock timeout ends that.
        timeout = self._lock_timeout if lock_timeout is None else lock_timeout
        commit_sent = False
        try:
            for portion in self._portions(commands):
                activity.begin(first_look=min(1.0, timeout / 2 or 1.0), deadline=deadline)
                commit_sent = commit_sent or any(command.stage is Stage.COMMIT for command in portion)
                self._send(portion)
        except psycopg.OperationalError as error:
            raise SessionLost(_first_line(error), outcome_unknown=commit_sent) from error
        except BaseException:
            self._abandon()
            raise
        finally:
            activity.end()

    def _portions(self, commands: Sequence[_Command]) -> Iterator[list[_Command]]:
        """Many statements in one message, but one by one where somebody wants to see which one runs."""
        portion: list[_Command] = []
        size = 0
        for command in commands:
            if portion and (size + len(command.text) > PORTION or self._one_by_one):
                yield portion
                portion, size = [], 0
            portion.append(command)
            size += len(command.text)
        yield portion

    def _send(self, portion: Sequence[_Command]) -> None:
        from dbops.engines.postgres.wire import exchange

        succeeded, error = exchange(self.connection, _SEPARATOR.join(command.text for command in portion))
        if error is not None:
            at, error = _culprit(portion, succeeded, error)
            raise self._failed(portion[at], error)
        if succeeded < len(portion):
            raise RuntimeError(f"the server answered {succeeded} times to {len(portion)} statements")

    def _failed(self, culprit: _Command, error: ServerError) -> Exception:
        """What to raise for a failed command, with the transaction rolled back."""
        if self.connection.closed or error.sqlstate in ENDS_SESSION:
            return SessionLost(error.message, outcome_unknown=culprit.stage is Stage.COMMIT)
        blockers = self._watch().blockers if error.sqlstate in {LOCK_NOT_AVAILABLE, QUERY_CANCELED} else ()
        self._abandon()
        return StatementFailed(
            error,
            stage=culprit.stage,
            index=culprit.number,
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
            )
        return self._activity

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self._listen(Detail(f"{(diagnostic.severity or 'notice').lower()}: {diagnostic.message_primary}"))


def _culprit(portion: Sequence[_Command], succeeded: int, error: ServerError) -> tuple[int, ServerError]:
    """Which command of a portion failed, and the error with its position counted within that command.

    A syntax error stops the whole portion, so that then only the position tells.
    """
    starts = list(itertools.accumulate((len(command.text) + len(_SEPARATOR) for command in portion), initial=0))
    at = min(succeeded, len(portion) - 1)
    if error.position is None:
        return at, error
    if succeeded == 0:
        at = min(bisect.bisect_right(starts, error.position - 1), len(portion)) - 1
    return at, dataclasses.replace(error, position=error.position - starts[at])


def _raise_told(error: BaseException) -> None:
    """Return, unless it is a failure of the server or the connection that nobody has put into words yet.

    :raises DbopsError: in its place; what was not committed is not there.
    """
    import psycopg

    of_server = isinstance(error, psycopg.Error) and error.pgresult is not None
    if not of_server and not isinstance(error, (psycopg.OperationalError, SessionLost, StatementFailed)):
        return
    from dbops.engines.postgres.remedies import statement_hint
    from dbops.engines.postgres.wire import server_error

    if isinstance(error, psycopg.Error) and error.pgresult is not None:
        told = server_error(error.pgresult)
    else:
        told = error.error if isinstance(error, StatementFailed) else ServerError(_first_line(error))
    if told.sqlstate is None or told.sqlstate in ENDS_SESSION:
        hint = "bin/migrate status, once the server is back"
        raise CannotConnect(f"the connection was lost: {told.message}", hint=hint) from error
    detail = f"  SQLSTATE: {told.sqlstate}"
    raise DbopsError(told.message, detail=detail, hint=statement_hint(told, "VERSION")) from error


def _first_line(error: BaseException) -> str:
    """libpq explains a lost connection in several lines, and the first says it."""
    return str(error).strip().partition("\n")[0]


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

