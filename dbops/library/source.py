"""Which database the library works on: a URL, an open connection, or what is configured."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dbops.config import host
from dbops.config.model import Options, Setting, Settings, Target
from dbops.errors import CannotConnect, DbopsError, Refused, UsageError
from dbops.events import Event, Level, Listener, Warned

if TYPE_CHECKING:
    import psycopg

    OpenConnection = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]
    Database = str | OpenConnection | None
    """A URL; an open connection; or None for what is configured."""

Folder = str | os.PathLike[str]

LOG = logging.getLogger("dbops")
_LEVELS = {Level.WARNING: logging.WARNING, Level.INFO: logging.INFO, Level.LASTING: logging.INFO}
# How a session was started, which every session of dbops says for itself; and what is already spelled out.
_OF_THE_SESSION = ("application_name", "fallback_application_name", "client_encoding", "service")


def to_log(event: Event) -> None:
    """The listener where none is given: the logger `dbops`, with the level of the event; details are DEBUG."""
    LOG.log(_LEVELS.get(event.level, logging.DEBUG), "%s", event.sentence().removeprefix("warning: "))


def options(
    *,
    env: str | None = None,
    migrations_dir: Folder | None = None,
    tracking_table: str | None = None,
    migration_format: str | None = None,
    variables: Mapping[str, str] | None = None,
    lock_timeout: float | None = None,
    statement_timeout: float | None = None,
    deadline: float | None = None,
    analyze_after: str | None = None,
    terminate_blockers: float | None = None,
) -> Options:
    """As the command line would give them; what is None is taken from the configuration."""
    return Options(
        env=env,
        migrations_dir=None if migrations_dir is None else os.fspath(migrations_dir),
        tracking_table=tracking_table,
        migration_format=migration_format,
        variables=None
        if variables is None
        else tuple(f"{name}={value}" for name, value in variables.items()),
        lock_timeout=_seconds(lock_timeout),
        statement_timeout=_seconds(statement_timeout),
        deadline=_seconds(deadline),
        analyze_after=analyze_after,
        terminate_after=_seconds(terminate_blockers),
    )


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:f}s"


def settings(database: Database, given: Options, listen: Listener) -> Settings:
    """The settings of one session.

    :raises DbopsError: something configured is wrong or missing; the connection cannot be used.
    """
    if database is None:
        found = host.settings(given)
    elif isinstance(database, str):
        found = host.settings(dataclasses.replace(given, database_url=database))
    else:
        found = host.settings_of(target_of(database), given)
    for warning in found.warnings:
        listen(Warned(warning))
    return found


@contextlib.contextmanager
def noted() -> Iterator[None]:
    """An error that nobody catches ends in a traceback, which shows its message alone: the rest goes into notes."""
    try:
        yield
    except DbopsError as error:
        if error.detail:
            error.add_note(error.detail)
        if error.hint:
            error.add_note(f"hint: {error.hint}")
        raise


def target_of(connection: OpenConnection) -> Target:
    """Where an open connection leads, and as whom.

    :raises UsageError: it is no connection of psycopg.
    :raises Refused: it is in a transaction, whose locks the migrations would wait for.
    :raises CannotConnect: it is closed.
    """
    import psycopg
    from psycopg.pq import TransactionStatus

    if not isinstance(connection, psycopg.Connection | psycopg.AsyncConnection):
        raise UsageError(
            f"a {type(connection).__name__} is neither a URL nor a connection of psycopg",
            hint="give a URL: postgresql://user:password@host:5432/database, or sqlite:///path",
        )
    if connection.closed:
        raise CannotConnect("the connection is closed", hint="give an open one, or a URL")
    info = connection.info
    if info.transaction_status is not TransactionStatus.IDLE:
        raise Refused(
            "the connection is in a transaction, whose locks migrations would wait for",
            hint="commit() or rollback() before; with autocommit=True none is begun by a query",
        )
    parts = {name: value for name, value in info.get_parameters().items() if name not in _OF_THE_SESSION}
    if "," in parts.get("host", "") + parts.get(
        "port", ""
    ):  # of several servers the one that it is connected to
        parts.pop("hostaddr", None)
        parts |= {"host": info.host, "port": str(info.port)}
    parts |= {"user": info.user, "dbname": info.dbname}
    if info.password:
        parts["password"] = info.password
    return Target({name: Setting(value, "the connection") for name, value in parts.items()})
