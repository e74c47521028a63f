"""Databases on a server: which exist, entering one that need not be the target's, renaming, dropping."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.config.model import Target
from dbops.engines.marks import is_development
from dbops.engines.postgres import occupants
from dbops.engines.postgres.failure import ENDS_SESSION
from dbops.errors import CannotConnect, DbopsError
from dbops.events import Listener, ignore

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    Connection = psycopg.Connection[tuple[Any, ...]]

_DROP_PATIENCE = (5, 20, 60)  # seconds, then for ever; a large database takes its time
MAINTENANCE = ("postgres", "template1")


@dataclasses.dataclass(frozen=True)
class Found:
    """A database that exists on the server."""

    name: str
    comment: str | None

    @property
    def marked(self) -> bool:
        return is_development(self.comment)


@contextmanager
def session(
    target: Target, command: str, listen: Listener = ignore, deadline: float = 60.0
) -> Iterator[Connection]:
    """An autocommit connection to the target's database; what the server refuses becomes `DbopsError`.

    :param command: the name of the command that asks, for the session's name.
    """
    with closing(open_session(target, command, listen, deadline), target) as connection:
        yield connection


@contextmanager
def admin(
    target: Target, command: str, listen: Listener = ignore, deadline: float = 60.0
) -> Iterator[Connection]:
    """A connection to a database that need not be the target's: postgres, else template1, else that.

    :raises CannotConnect: none of them lets the role in.
    """
    names = [*MAINTENANCE, target.get("dbname") or "postgres"]
    with closing(open_any(target, names, command, listen, deadline), target) as connection:
        yield connection


def existing(connection: Connection, names: Iterable[str]) -> dict[str, Found]:
    """Those of the databases that exist."""
    rows = connection.execute(
        "SELECT datname, pg_catalog.shobj_description(oid, 'pg_database')"
        " FROM pg_catalog.pg_database WHERE datname = ANY (%s)",
        [list(names)],
    ).fetchall()
    return {name: Found(name, comment) for name, comment in rows}


def may_create(connection: Connection) -> tuple[bool, bool]:
    """Whether the role has the right to make databases; and whether the server is a standby, where nobody can."""
    row = connection.execute(
        "SELECT rolcreatedb OR rolsuper, pg_catalog.pg_is_in_recovery()"
        " FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ).fetchone()
    return (False, False) if row is None else (row[0], row[1])


def deadlocks(connection: Connection, name: str) -> int:
    """How many there were in a database; the server may count one a moment after it was told."""
    row = connection.execute(
        "SELECT deadlocks FROM pg_catalog.pg_stat_database WHERE datname = %s", [name]
    ).fetchone()
    return row[0] if row else 0


def rename(connection: Connection, old: str, new: str) -> None:
    """Rename a database, in which there must be no sessions (the server waits 5 s for them)."""
    from psycopg import sql

    connection.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql_identifier(old), sql_identifier(new))
    )


def drop(connection: Connection, name: str) -> None:
    """Drop a database with the sessions in it; nothing where there is none.

    A session that was just connecting can wait for the drop while the drop waits for it.  Cancelled, the drop lets it
    go on, and begun again it goes through: a drop that was begun lets nobody in any more.
    """
    from psycopg import errors

    try:
        for seconds in (*_DROP_PATIENCE, 0):
            _limit(connection, f"SET statement_timeout = '{seconds}s'")
            try:
                _drop(connection, name)
            except errors.QueryCanceled:
                continue
            return
    finally:
        if not connection.closed:
            _limit(connection, "RESET statement_timeout")


def _drop(connection: Connection, name: str) -> None:
    """Autovacuum's session is nobody's, and an ordinary role may not end it by force; without force the server does."""
    from psycopg import errors, sql

    statement = sql.SQL("DROP DATABASE IF EXISTS {}").format(sql_identifier(name))
    try:
        connection.execute(statement + sql.SQL(" WITH (FORCE)"))
    except errors.InsufficientPrivilege:
        rows = connection.execute(
            "SELECT oid FROM pg_catalog.pg_database WHERE datname = %s", [name]
        ).fetchall()
        oids = [oid for (oid,) in rows]
        if not all(one.may_end for one in occupants.occupants(connection, oids)):
            raise
        occupants.end(connection, oids)
        connection.execute(statement)


def _limit(connection: Connection, statement: LiteralString) -> None:
    """Change the timeout.  One that ran out as the drop was ending, too late for it, cancels what comes next: this."""
    from psycopg import errors

    while True:
        try:
            connection.execute(statement)
        except errors.QueryCanceled:
            continue
        return


def drop_numbered(connection: Connection, oid: int) -> None:
    """Drop the database with this oid, whatever its name is; nothing where there is none."""
    row = connection.execute("SELECT datname FROM pg_catalog.pg_database WHERE oid = %s", [oid]).fetchone()
    if row is not None:
        drop(connection, row[0])


def others(connection: Connection) -> list[Found]:
    """All databases of the server but its own: `postgres` and the templates."""
    rows = connection.execute(
        "SELECT datname, pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database"
        " WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY datname"
    ).fetchall()
    return [Found(name, comment) for name, comment in rows]


def server_version(connection: Connection) -> str:
    """The version without the packager's additions: "15.18"."""
    return str(connection.info.parameter_status("server_version")).split()[0]


def sql_identifier(name: str) -> sql.Identifier:
    from psycopg import sql

    return sql.Identifier(name)


def open_session(target: Target, command: str, listen: Listener, deadline: float) -> Connection:
    """An autocommit connection; the caller closes it.

    :raises CannotConnect: with the remedy.
    """
    from dbops.engines.postgres.connection import application_name, connect

    return connect(target, application=application_name(command), listen=listen, deadline=deadline)


def open_any(
    target: Target, names: Sequence[str], command: str, listen: Listener, deadline: float
) -> Connection:
    """A connection to the first of these databases that lets the role in; the caller closes it.

    :raises CannotConnect: none of them does, or the server or the login is the trouble.
    """
    closed: CannotConnect | None = None
    for name in dict.fromkeys(names):
        try:
            return open_session(target.replace("the server", dbname=name), command, listen, deadline)
        except CannotConnect as error:
            if not _closed_database(error.message):
                raise
            closed = closed or error
    assert closed is not None
    raise closed


@contextmanager
def closing(connection: Connection, target: Target) -> Iterator[Connection]:
    """Close the connection at the end; what the server refuses becomes `DbopsError`.

    :raises CannotConnect: the connection was lost.
    """
    import psycopg

    try:
        yield connection
    except psycopg.Error as error:
        if connection.broken or _tells_of_loss(error):
            raise _lost(target, error) from error
        raise refused(target, error) from error
    finally:
        connection.close()


def _tells_of_loss(error: psycopg.Error) -> bool:
    """Whether a connection was lost, which may be another that was used within."""
    import psycopg

    return isinstance(error, psycopg.OperationalError) and (
        error.sqlstate is None or error.sqlstate in ENDS_SESSION
    )


def _lost(target: Target, error: psycopg.Error) -> CannotConnect:
    reason = error.diag.message_primary or str(error).strip()
    return CannotConnect(
        f"{target.describe()}: the connection was lost: {reason}",
        hint="see that the server runs, then run the command again",
    )


def refused(target: Target, error: psycopg.Error) -> DbopsError:
    """The server's refusal in its own words, with the next step where one is known."""
    diagnosis = error.diag
    hints = {
        "55006": "end the sessions that use it, then run the command again",
        "53100": "the server's disk is full: make room, then run the command again",
    }
    return DbopsError(
        f"{target.describe()}: {diagnosis.message_primary or str(error).strip()}",
        detail=diagnosis.message_detail,
        hint=hints.get(diagnosis.sqlstate or "") or diagnosis.message_hint,
    )


def _closed_database(message: str) -> bool:
    """Whether it was this database that was not to be entered, rather than the server or the login."""
    return 'database "' in message and any(
        text in message
        for text in ("does not exist", "permission denied for database", "not currently accepting")
    )
