"""A session to seed with, and consent to it."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator

from dbops.cli.confirm import ask
from dbops.cli.connect import connected_to_postgres
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.engines.postgres import lock, tablelocks
from dbops.engines.postgres.protection import is_production
from dbops.engines.postgres.session import Session
from dbops.errors import LockNotAcquired, Refused
from dbops.events import Note

# What values read and written as text mean, whatever the database, the role or the server says.
_SAME_EVERYWHERE = "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres'"


@contextlib.contextmanager
def opened(arguments: argparse.Namespace, out: Output) -> Iterator[tuple[Session, Settings]]:
    """A session on the configured database; no migration runs as long as it is open."""
    with (
        connected_to_postgres(arguments, out, command="seed-test-data") as (session, settings),
        lock.shared(session.connection, settings.deadline.value, out.event),
    ):
        # The catalog's queries look dear to the planner: compiling them would take ten times as long as they do.
        session.connection.execute("set jit = off")
        out.event(Note(f"database {session.identity}"))
        session.connection.execute(_SAME_EVERYWHERE)
        with _locks_told(session, settings.lock_timeout.value):
            yield session, settings


@contextlib.contextmanager
def _locks_told(session: Session, patience: float) -> Iterator[None]:
    """Whatever waited for a table in vain, even the look into the catalog: the holder is named.

    :raises LockNotAcquired: in place of the server's error.
    """
    import psycopg

    try:
        yield
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise tablelocks.not_acquired(session.connection, patience) from error
    except LockNotAcquired as error:
        if error.__cause__ is None:
            raise  # it names the holder
        raise tablelocks.not_acquired(session.connection, patience) from error


def require_consent(session: Session, settings: Settings, out: Output) -> None:
    """Return if test data may be written to this database.

    :raises Refused: it is marked as production; or it is not marked as development, and nobody confirms.
    """
    from dbops.devdb import consent
    from dbops.devdb.consent import Cost
    from dbops.devdb.databases import Found

    comment, name = session.comment(), session.identity.database
    if is_production(comment):
        raise Refused(
            f"{name!r} is marked as production: test data and known passwords do not go there",
            hint="name another database: --database-url URL, or --env NAME",
        )
    consent.require(
        [Found(name, comment)], "load test data into", settings.confirm, lambda question: ask(question, out),
        cost=Cost.TEST_DATA,
    )  # fmt: skip
