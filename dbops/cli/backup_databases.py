"""The database that is backed up, of either engine: what can be made of it, what that takes, and making it."""

from __future__ import annotations

import argparse
import contextlib
import datetime
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from dbops.backups import create as creation
from dbops.backups import plan as plans
from dbops.backups import space
from dbops.backups.entries import Backup
from dbops.backups.plan import DumpPlan, Plan, Request
from dbops.backups.provenance import git_commit
from dbops.backups.space import Estimate
from dbops.backups.store import Store
from dbops.cli import machine
from dbops.cli.connect import located, on_postgres, on_session
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.events import Detail, Warned, ignore

if TYPE_CHECKING:
    import sqlite3

    from dbops.engines.postgres.session import Session as PostgresSession
    from dbops.engines.session import Session

# As a backup will measure them, once it has locked them.
_SIZE = """
select coalesce(sum(pg_catalog.pg_table_size(oid)), 0)::bigint
from pg_catalog.pg_class where relkind = 'r' and relpersistence <> 't' and oid >= 16384
"""
_PAGES = """
select coalesce(sum(relpages), 0)::bigint * current_setting('block_size')::int
from pg_catalog.pg_class where relkind in ('r', 't') and relpersistence <> 't' and oid >= 16384
"""


class Database(Protocol):
    """What `bin/backup` asks of an engine."""

    @property
    def label(self) -> str:
        """Where it is, for people."""

    @property
    def name(self) -> str:
        """As manifests have it."""

    @property
    def short_name(self) -> str:
        """As --confirm has it, and hooks are told it."""

    def plan(self, wanted: Request, store: Store) -> Plan:
        """Decide what will be made.

        :raises UsageError: the request makes no sense, or asks for what the engine cannot do.
        :raises ProgramFailed: there is no program for it.
        """

    def estimate(self, made: Plan, store: Store) -> Estimate:
        """What it may take."""

    def maker(self, made: Plan, store: Store, out: Output) -> creation.Maker:
        """The engine's part of making it."""

    def origin(self) -> creation.Origin:
        """Where it comes from, for the manifest."""

    def held(self, out: Output) -> contextlib.AbstractContextManager[None]:
        """No migration comes between."""

    def is_state(self, backup: Backup) -> bool:
        """Whether a backup is of this very database, migrated as it is now."""


@contextlib.contextmanager
def opened(arguments: argparse.Namespace, out: Output) -> Iterator[tuple[Database, Settings]]:
    """The configured database; a private server that is down is started."""
    settings = located(arguments, out)
    if settings.target.engine == "sqlite":
        database = SqliteDatabase(settings)
        database.check()
        yield database, settings
        return
    with on_session(settings, f"backup {arguments.verb}", out) as session:
        yield PostgresDatabase(on_postgres(session, "bin/backup"), settings), settings


def database_of(session: Session, settings: Settings) -> Database:
    """The database that a session is on."""
    from dbops.engines.postgres.session import Session as PostgresSession

    return (
        PostgresDatabase(session, settings)
        if isinstance(session, PostgresSession)
        else SqliteDatabase(settings)
    )


def make(database: Database, made: Plan, store: Store, out: Output) -> Backup:
    """Make the backup that was planned, while no migration can come between."""
    for sentence in made.reasons:
        out.event(Detail(sentence))
    for sentence in made.warnings:
        out.event(Warned(sentence))
    maker = database.maker(made, store, out)
    with database.held(out):
        return creation.create(made, maker, database.origin(), store)


class PostgresDatabase:
    """On a server."""

    def __init__(self, session: PostgresSession, settings: Settings) -> None:
        self._session = session
        self._settings = settings

    @property
    def label(self) -> str:
        return str(self._session.identity)

    @property
    def name(self) -> str:
        return self._session.identity.database

    @property
    def short_name(self) -> str:
        return self.name

    def plan(self, wanted: Request, store: Store) -> Plan:
        ((large_objects, version),) = self._session.query(
            "select (select count(*) from pg_catalog.pg_largeobject_metadata), current_setting('server_version_num')::int"
        )
        return plans.plan(
            wanted,
            plans.Facts(
                server_major=version // 10000,
                large_objects=large_objects,
                clients=machine.clients(),
                processors=machine.processors(),
                taken=store.taken(),
                now=datetime.datetime.now(datetime.UTC),
            ),
        )

    def estimate(self, made: Plan, store: Store) -> Estimate:
        """Where a table is locked, by the sizes that the last VACUUM or ANALYZE found."""
        import psycopg

        assert isinstance(made, DumpPlan)  # as `plan` makes them
        try:
            with self._session.connection.transaction():
                self._session.query("select set_config('lock_timeout', '1s', true)")
                ((size,),) = self._session.query(_SIZE)
        except psycopg.errors.LockNotAvailable:
            ((size,),) = self._session.query(_PAGES)
        data = size if made.has_data else 0
        known = self._expected(made, store)
        return space.estimate(data, store.folder, compressed=made.is_compressed, known=known)

    def maker(self, made: Plan, store: Store, out: Output) -> creation.Maker:
        from dbops.backups import postgres

        assert isinstance(made, DumpPlan)  # as `plan` makes them
        source = postgres.Source(
            target=self._settings.target,
            command=f"backup {made.name}",
            deadline=self._settings.deadline.value,
            tracking_table=self._settings.tracking_table.value,
            expected=self._expected(made, store),
        )
        return postgres.Dumping(made, source, out.event)

    def origin(self) -> creation.Origin:
        identity = self._session.identity
        return creation.Origin(f"{identity.host}:{identity.port}", git_commit(self._settings.project))

    def held(self, out: Output) -> contextlib.AbstractContextManager[None]:
        from dbops.engines.postgres import lock

        return lock.shared(self._session.connection, self._settings.deadline.value, out.event)

    def is_state(self, backup: Backup) -> bool:
        from dbops.engines.postgres import inventory

        now = inventory.read(self._session.connection, self._settings.tracking_table.value)
        version = now.migrations.version if now.migrations else None
        summary = backup.summary
        return summary.system_identifier == now.system_identifier and summary.version == version

    def _expected(self, made: Plan, store: Store) -> int | None:
        if made.selects:
            return None
        ((now,),) = self._session.query("select pg_catalog.pg_database_size(current_database())")
        return expected(made, store.latest(self.name, "postgresql"), now)


class SqliteDatabase:
    """A file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = settings.target.path

    def check(self) -> None:
        """See that it is there, before anything is made.

        :raises CannotConnect: it is not, or is no SQLite database.
        """
        self._open().close()

    @property
    def label(self) -> str:
        import sqlite3

        return f"{self._settings.target.describe()} (SQLite {sqlite3.sqlite_version})"

    @property
    def name(self) -> str:
        return self._path.name

    @property
    def short_name(self) -> str:
        return self._path.stem

    def plan(self, wanted: Request, store: Store) -> Plan:
        return plans.plan_file(
            wanted,
            taken=store.taken(),
            now=datetime.datetime.now(datetime.UTC),
            processors=machine.processors(),
        )

    def estimate(self, made: Plan, store: Store) -> Estimate:
        from dbops.backups import sqlite

        with contextlib.closing(self._open()) as connection:
            data = sqlite.size_of(connection)
        known = expected(made, store.latest(self.name, "sqlite"), data)
        return sqlite.estimate(made, data, known, store.folder)

    def maker(self, made: Plan, store: Store, out: Output) -> creation.Maker:
        from dbops.backups import sqlite

        source = sqlite.Source(self._path, self._settings.deadline.value, self._settings.tracking_table.value)
        return sqlite.Copying(
            made,
            source,
            lambda data: expected(made, store.latest(self.name, "sqlite"), data),
            out.event,
        )

    def origin(self) -> creation.Origin:
        return creation.Origin(str(self._path.resolve().parent), git_commit(self._settings.project))

    def held(self, out: Output) -> contextlib.AbstractContextManager[None]:
        from dbops.engines.sqlite import lock

        return lock.shared(self._path, self._settings.deadline.value, out.event)

    def is_state(self, backup: Backup) -> bool:
        from dbops.engines.sqlite import inventory

        with contextlib.closing(self._open()) as connection:
            now = inventory.migrations(connection, self._settings.tracking_table.value)
        place = str(self._path.resolve().parent)
        return (backup.summary.server, backup.summary.version) == (place, now.version if now else None)

    def _open(self) -> sqlite3.Connection:
        from dbops.engines.sqlite.connection import connect

        return connect(self._path, listen=ignore, deadline=self._settings.deadline.value, read_only=True)


def expected(made: Plan, last: Backup | None, now: int) -> int | None:
    """What the last backup of a database, if it was of the whole, lets expect, by how the database has grown since.

    :param now: the bytes of the database.
    """
    if last is None:
        return None
    summary, before = last.summary, last.manifest.inventory.database.bytes
    if summary.options or summary.compression != made.compression.value or not before:
        return None
    return int(summary.bytes * now / before)
