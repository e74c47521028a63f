"""One connection to PostgreSQL that holds the migration lock and does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from dbops.config.model import DEFAULT, Settings
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
from dbops.engines.dialect import POSTGRESQL
from dbops.engines.postgres import asking, lock, tracking
from dbops.engines.postgres import connection as connections
from dbops.engines.postgres.activity import Activity
from dbops.engines.postgres.errors import raise_told
from dbops.engines.postgres.looking import Subject
from dbops.engines.postgres.protection import read_comment
from dbops.engines.postgres.sending import Command, Sender
from dbops.engines.postgres.tracking import Tables
from dbops.engines.records import Direction, Recorded
from dbops.engines.tracking import BESIDE_ANOTHER_TOOL, foreign_table
from dbops.errors import ConfigError, Refused
from dbops.events import Detail, Listener

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    from dbops.engines.db import Client
    from dbops.engines.log import LogEntry, LoggedEvent, Record
    from dbops.engines.postgres.effects.live import LiveCatalog
    from dbops.engines.postgres.ending import Ender
    from dbops.engines.postgres.tracing import Watcher
    from dbops.engines.postgres.writing import Writer
    from dbops.engines.schema import Left, Schema
    from dbops.engines.statements import Obstacle, Statement

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


class Session:
    """What migrations ask of an engine (see `dbops.engines.session.Session`), by PostgreSQL."""

    dialect = POSTGRESQL

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
        self.drift_ignore = settings.drift_ignore
        self._listen = listen
        self._lock_timeout = settings.lock_timeout.value
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
        activity = Activity(
            lambda: _connect(settings, f"{command} (watching)", listen, deadline=0),
            row[0],
            listen,
            self._ender(settings.terminate_after.value),
        )
        self._sender = Sender(connection, activity, one_by_one=one_by_one)
        info = connection.info
        self.identity = Identity(row[1], info.host or "localhost", str(info.port), row[2], row[3])
        self._found: tracking.Found | None = None
        self._beside = False

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
            raise_told(error)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Close; a failure that no migration is to blame for (no privilege, a server that went away) becomes an error.

        :raises DbopsError: in its place.
        """
        self.close()
        if error is not None:
            raise_told(error)

    def close(self) -> None:
        """End the session; the server frees its lock and rolls back what is open."""
        self._sender.close()
        self.connection.close()

    def observe(self, watcher: Watcher) -> None:
        """Let it see each statement that migrations send, which then go one by one."""
        self._sender.observer = watcher

    # -- the tracking tables ---------------------------------------------------------------------------------------

    @property
    def tables(self) -> Tables:
        """Where the tracking tables are, or will be."""
        return self._look().tables

    @property
    def table(self) -> str:
        """The tracking table as `schema.table`."""
        return str(self.tables)

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
        if self._found.foreign is not None and self._beside:
            beside = Tables(self._found.tables.schema, BESIDE_ANOTHER_TOOL)
            self._found = tracking.Found(beside, exist=False)
        if self._found.foreign is not None:
            raise foreign_table(self._found.foreign, adopts=True)
        return self._found

    def read(self) -> Recorded:
        """Rows and journal; empty where the tables are not there yet.

        :raises Refused: where the table belongs to another tool.
        """
        if self._found is not None and not self._found.exist:
            self._found = None  # whoever held the lock may have made them
        if self._found is None:
            wanted = Tables.named(self._settings.tracking_table.value)
            recorded = tracking.read_if_ours(self.connection, wanted)
            if recorded is not None:
                self._found = tracking.Found(wanted, exist=True)
                return recorded
        found = self._look()
        if not found.exist:
            return Recorded(initialised=False, elsewhere=tracking.elsewhere(self.connection))
        return tracking.read(self.connection, found.tables)

    def initialise(self) -> bool:
        """Make the tables unless they are there, under the lock; True if this call made them."""
        if self._found is None or not self._found.exist:
            self._found = None
        if self.initialised:
            return False
        statements = tracking.create(self.tables, self.connection)
        commands = [Command(Stage.RECORD, text.as_string(self.connection)) for text in statements]
        self._sender.run([Command(Stage.RECORD, self._begin), *commands, Command(Stage.COMMIT, "commit")])
        self._found = tracking.Found(self.tables, exist=True)
        return True

    def stand_beside(self) -> None:
        """Where the table of that name is another tool's: use tables beside it from here on.

        :raises ConfigError: where the other tool's table is the one that was configured.
        """
        self._beside = self._settings.tracking_table.value is None
        try:
            self._look()
        except Refused as refused:
            setting = self._settings.tracking_table
            raise ConfigError(
                f"{refused.message}: it cannot be dbops' own tracking table ({setting.origin})",
                hint="leave tracking-table out, or name another one",
            ) from None

    @property
    def rows_table(self) -> sql.Identifier:
        """The tracking table, to be put into a statement."""
        return self.tables.rows

    def comment(self) -> str | None:
        """The database's comment, which carries the mark of a development database."""
        return read_comment(self.connection, self.identity.database)

    def down_sql(self, version: str) -> str | None:
        """The stored down section of an applied version."""
        return tracking.read_down_sql(self.connection, self.tables, version)

    def positions(self, version: str, direction: Direction) -> dict[str, dict[str, Any]]:
        """Of each batched statement of a migration that stopped in the middle, by checksum."""
        return tracking.read_positions(self.connection, self.tables, version, direction)

    def events(self) -> list[LoggedEvent]:
        """The event log, oldest first; empty where the tables are not there yet."""
        return tracking.read_events(self.connection, self.tables) if self.initialised else []

    def schema_left(self) -> Left | None:
        """The schema that was stored last; None where none ever was.

        :raises DbopsError: it cannot be read.
        """
        from dbops.engines.postgres.pinned import told

        with told():
            return tracking.read_schema(self.connection, self.tables) if self.initialised else None

    def schema(self) -> Schema:
        """What is there now, but for the tracking tables.

        :raises DbopsError: it cannot be read, because another session has locked a view for instance.
        """
        from dbops.engines.postgres.pinned import told
        from dbops.engines.postgres.schema import reader

        with told():
            return reader.read(self.connection, self._own_tables() if self.initialised else ())

    def record(self, records: Sequence[Record]) -> None:
        """Write records in one transaction, if the lock is still held."""
        self.transaction((), records)

    def log(self, entry: LogEntry) -> None:
        """Write one event, lock or no lock: a failure is logged even when the lock was lost."""
        if not self.connection.closed and self.initialised:
            self._sender.run([Command(Stage.RECORD, self._writer().text(entry))])

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

    def acquire_foreign_lock(self, key: int, tool: str) -> None:
        """Take the advisory lock by which another tool keeps its runs apart.

        :raises LockNotAcquired: after the deadline of the settings.
        """
        lock.acquire_foreign(self.connection, key, tool, self._settings.deadline.value, self._listen)

    def wait_for(self, attempt: Callable[[], bool], holder: Callable[[], object], tool: str) -> None:
        """Try until it succeeds, where another tool's lock is a row.

        :raises LockNotAcquired: after the deadline of the settings.
        """
        lock.wait_for(attempt, holder, self._settings.deadline.value, self._listen, tool)

    def lock_holder(self) -> Blocker | None:
        """The session that holds the migration lock."""
        return next(iter(lock.holders(self.connection)), None)

    def end_session(self, blocker: Blocker) -> None:
        """As the server ends it: what it had not committed is rolled back."""
        self.query("select pg_catalog.pg_terminate_backend(%s)", [blocker.pid])

    def _ender(self, after: float | None) -> Ender | None:
        if after is None:
            return None
        from dbops.engines.postgres.ending import Ender

        def log(connection: psycopg.Connection[Any], entry: LogEntry) -> None:
            connection.execute(self._writer().text(entry).encode())

        return Ender(after, log, self._listen)

    # -- running statements ----------------------------------------------------------------------------------------

    def about(self, what: str, first: int = 1, of: int = 0) -> None:
        """What the next statements belong to, for who watches them."""
        self._sender.about(Subject(what, first, of))

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

    # -- what only PostgreSQL knows --------------------------------------------------------------------------------

    def settle(self, statement: Statement) -> Settled:
        """As `settle.settle`."""
        from dbops.engines.postgres import settle
        from dbops.engines.postgres.facts import facts_of

        return settle.settle(self, facts_of(statement).target)

    def clearing(self, statement: Statement, *, again: bool) -> list[tuple[str, str]]:
        """As `settle.clearing`: invalid indexes."""
        from dbops.engines.postgres import settle
        from dbops.engines.postgres.facts import facts_of

        return settle.clearing(self, facts_of(statement).target, again=again)

    def completing(self, statement: Statement) -> str:
        """As `settle.finalize`: an interrupted DETACH PARTITION CONCURRENTLY."""
        from dbops.engines.postgres import settle
        from dbops.engines.postgres.facts import facts_of

        return settle.finalize(facts_of(statement).target, self) or statement.text

    def left_invalid(self, statement: Statement) -> str | None:
        """As `settle.invalid_index`."""
        from dbops.engines.postgres import settle
        from dbops.engines.postgres.facts import facts_of

        return settle.invalid_index(self, facts_of(statement).target)

    def foresight(self) -> LiveCatalog:
        """By the grammar and the catalog."""
        from dbops.engines.postgres.effects.live import LiveCatalog

        return LiveCatalog(self.connection)

    def tables_before(self) -> object:
        """As `statistics.tables`, without dbops' own."""
        from dbops.engines.postgres import statistics
        from dbops.engines.postgres.pinned import told

        with told():
            return statistics.tables(self.connection, self._own_tables())

    def refresh_statistics(self, before: object, *, vacuum: bool) -> None:
        """As `statistics.refresh`."""
        from dbops.engines.postgres import statistics
        from dbops.engines.postgres.pinned import told

        assert isinstance(before, dict)  # what `tables_before` gave
        own = self._own_tables()
        try:
            with told():
                statistics.refresh(self.connection, self._sender, before, own, self._listen, vacuum=vacuum)
        finally:
            self.about("")
            self.reset()

    def _own_tables(self) -> list[str]:
        return [name.as_string(self.connection) for name in (self.tables.rows, self.tables.events)]

    def hint(self, error: ServerError, version: str) -> str | None:
        """As `remedies.statement_hint`."""
        from dbops.engines.postgres.remedies import statement_hint

        return statement_hint(error, version)

    def unsafe_in_one_transaction(self, sections: Iterable[Sequence[Statement]]) -> Obstacle | None:
        """As `one_transaction.unsafe_in_one_transaction`."""
        from dbops.engines.postgres.one_transaction import unsafe_in_one_transaction

        return unsafe_in_one_transaction(sections, self.connection.info.server_version)

    def _notice(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self._listen(Detail(f"{(diagnostic.severity or 'notice').lower()}: {diagnostic.message_primary}"))


def _connect(
    settings: Settings, command: str, listen: Listener, deadline: float | None = None
) -> psycopg.Connection[Any]:
    defaults, forced = "", ""
    for name, setting in (
        ("lock_timeout", settings.lock_timeout),
        ("statement_timeout", settings.statement_timeout),
    ):
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
