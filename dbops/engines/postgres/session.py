"""One connection to PostgreSQL that holds the migration lock and does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from dbops.config.model import DEFAULT, Settings
from dbops.engines.base import Blocker, Identity, ServerError, Settled
from dbops.engines.dialect import POSTGRESQL
from dbops.engines.postgres import connection as connections
from dbops.engines.postgres import lock
from dbops.engines.postgres.activity import Activity
from dbops.engines.postgres.errors import raise_told
from dbops.engines.postgres.looking import Subject
from dbops.engines.postgres.protection import read_comment
from dbops.engines.postgres.running import Running
from dbops.engines.postgres.sending import Sender
from dbops.events import Detail, Listener

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.log import LogEntry
    from dbops.engines.postgres.effects.live import LiveCatalog
    from dbops.engines.postgres.ending import Ender
    from dbops.engines.postgres.tracing import Watcher
    from dbops.engines.statements import Obstacle, Statement


class Session(Running):
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
        self._listen = listen
        connection.prepare_threshold = None  # a migration may DEALLOCATE ALL
        connection.add_notice_handler(self._notice)
        row = connection.execute(
            "select pg_backend_pid(), session_user::text, current_database()::text, current_setting('server_version'), "
            "current_setting('transaction_read_only')"
        ).fetchone()
        assert row is not None  # a SELECT without FROM has one row
        connections.refuse_pooler(connection, row[0])
        self.backend_pid: int = row[0]
        activity = Activity(
            lambda: _connect(settings, f"{command} (watching)", listen, deadline=0),
            row[0],
            listen,
            self._ender(settings.terminate_after.value),
        )
        sender = Sender(connection, activity, one_by_one=one_by_one)
        # A file may set default_transaction_read_only; a server or a database that is read-only stays so.
        super().__init__(connection, sender, settings, "begin" if row[4] == "on" else "begin read write")
        info = connection.info
        self.identity = Identity(row[1], info.host or "localhost", str(info.port), row[2], row[3])

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

    def comment(self) -> str | None:
        """The database's comment, which carries the mark of a development database."""
        return read_comment(self.connection, self.identity.database)

    def about(self, what: str, first: int = 1, of: int = 0) -> None:
        """What the next statements belong to, for who watches them."""
        self._sender.about(Subject(what, first, of))

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
