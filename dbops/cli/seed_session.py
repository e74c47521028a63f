"""A session to seed with, and consent to it."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dbops.cli.confirm import ask
from dbops.cli.connect import located
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.engines.marks import is_production
from dbops.errors import LockNotAcquired, Refused
from dbops.events import Listener, Note

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session
    from dbops.seeding.engine import SeedingEngine

# What values read and written as text mean, whatever the database, the role or the server says.
_SAME_EVERYWHERE = "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres'"


@contextlib.contextmanager
def opened(arguments: argparse.Namespace, out: Output) -> Iterator[tuple[SeedingEngine, Settings]]:
    """The configured database, to be seeded; no migration runs as long as it is open.

    :raises Refused: `--fast`, where the engine cannot leave triggers out.
    """
    settings = located(arguments, out)
    if settings.target.engine == "sqlite":
        if getattr(arguments, "fast", False):
            raise Refused(
                "SQLite cannot leave triggers out, which --fast asks for", hint="run it without --fast"
            )
        with sqlite(settings, out.event) as engine:
            yield engine, settings
        return
    from dbops.seeding.postgres.engine import Postgres

    with _postgres(settings, arguments, out) as session:
        yield Postgres(session.connection), settings


@contextlib.contextmanager
def opened_postgres(arguments: argparse.Namespace, out: Output) -> Iterator[tuple[Session, Settings]]:
    """A session on the configured database, for demo data; see `opened`.

    :raises Refused: it is one of another engine.
    """
    settings = located(arguments, out)
    require_demo(settings)
    with _postgres(settings, arguments, out) as session:
        yield session, settings


def require_demo(settings: Settings) -> None:
    """Return if demo data can be made there.

    :raises Refused: the database's engine has no such data.
    """
    if settings.target.engine == "sqlite":
        raise Refused(
            f"demo data are a trading firm's on PostgreSQL, and {settings.target.describe()} is a SQLite database",
            hint="bin/seed-test-data generate --rows 1000 fills the tables of any schema",
        )


@contextlib.contextmanager
def seeded(settings: Settings, command: str, listen: Listener) -> Iterator[SeedingEngine]:
    """The database of the settings, which has just been set up."""
    if settings.target.engine == "sqlite":
        with sqlite(settings, listen) as engine:
            yield engine
        return
    from dbops.engines.postgres.session import Session
    from dbops.seeding.postgres.engine import Postgres

    with Session.open(settings, command, listen) as session:
        yield Postgres(session.connection)


@contextlib.contextmanager
def sqlite(settings: Settings, listen: Listener) -> Iterator[SeedingEngine]:
    """The SQLite database of the settings, to be seeded; no migration runs as long as it is open.

    :raises CannotConnect: it is not there.
    :raises LockNotAcquired: a migration runs, or another program writes.
    """
    from dbops.engines.sqlite import connection as connections
    from dbops.engines.sqlite import lock as locks
    from dbops.seeding.sqlite.engine import Sqlite

    path = settings.target.path
    # 0 is for ever, as far as a command waits for anything.
    deadline = min(settings.lock_timeout.value or float("inf"), settings.deadline.value)
    with (
        contextlib.closing(connections.connect(path, listen=listen, deadline=deadline)) as connection,
        locks.shared(path, settings.deadline.value, listen),
    ):
        listen(Note(f"database {path}"))
        yield Sqlite(connection, path)


@contextlib.contextmanager
def _postgres(settings: Settings, arguments: argparse.Namespace, out: Output) -> Iterator[Session]:
    from dbops.engines.postgres import lock
    from dbops.engines.postgres.session import Session

    with (
        Session.open(
            settings, f"seed-test-data {arguments.verb}", out.event, one_by_one=out.live or out.verbose
        ) as session,
        lock.shared(session.connection, settings.deadline.value, out.event),
    ):
        # The catalog's queries look dear to the planner: compiling them would take ten times as long as they do.
        session.connection.execute("set jit = off")
        out.event(Note(f"database {session.identity}"))
        session.connection.execute(_SAME_EVERYWHERE)
        with _locks_told(session, settings.lock_timeout.value):
            yield session


@contextlib.contextmanager
def _locks_told(session: Session, patience: float) -> Iterator[None]:
    """Whatever waited for a table in vain, even the look into the catalog: the holder is named.

    :raises LockNotAcquired: in place of the server's error.
    """
    import psycopg

    from dbops.engines.postgres import tablelocks

    try:
        yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise tablelocks.not_acquired(session.connection, patience) from error
    except LockNotAcquired as error:
        if error.__cause__ is None:
            raise  # it names the holder
        raise tablelocks.not_acquired(session.connection, patience) from error


def require_consent(engine: SeedingEngine, settings: Settings, out: Output) -> None:
    """Return if test data may be written to this database.

    :raises Refused: it is marked as production; or it is not marked as development, and nobody confirms.
    """
    from dbops.devdb import consent
    from dbops.devdb.consent import Cost
    from dbops.devdb.databases import Found

    comment, name = engine.comment(), engine.database
    if is_production(comment):
        raise Refused(
            f"{name!r} is marked as production: test data and known passwords do not go there",
            hint="name another database: --database-url URL, or --env NAME",
        )
    consent.require(
        [Found(name, comment)], "load test data into", settings.confirm, lambda question: ask(question, out),
        cost=Cost.TEST_DATA,
    )  # fmt: skip
