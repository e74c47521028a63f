"""Scratch databases: with a name at random, and a lock on it as long as they are used; the next run drops what is left."""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbops import interrupts
from dbops.config.model import Target
from dbops.engines.postgres import databases, making
from dbops.engines.postgres.making import Making
from dbops.errors import LockNotAcquired, Refused
from dbops.events import Listener, Note
from dbops.restore.holding import COMMAND, hold, outside

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

PATIENCE = 10.0
"""Seconds to wait for a connection."""

Make = Callable[["Connection", str], object]
"""Makes a database of a name, from a session in another one."""


@contextmanager
def made(
    server: Target, prefix: str, what: str, make: Make, listen: Listener, *, elsewhere: bool = False
) -> Iterator[str]:
    """The name of a scratch database, dropped whatever happens; those that killed runs have left are dropped first.

    :param server: any database of it.
    :param prefix: what the names of these databases begin with; another one for each purpose.
    :param what: the verb that needs it, for messages.
    :param elsewhere: it takes --scratch-url, which the hint then names.
    :raises Refused: the role may make no databases.
    """

    def refusing(connection: Connection, name: str) -> None:
        with _refused(connection, what, elsewhere=elsewhere):
            make(connection, name)

    sweep(server, prefix, listen)
    with held(server, prefix, refusing, listen) as name:
        yield name


@contextmanager
def held(server: Target, prefix: str, make: Make, listen: Listener) -> Iterator[str]:
    """As `made`, for those that come after the first of a run."""
    name = new_name(prefix)
    with hold(server, name, listen, PATIENCE) as connection:
        try:
            make(connection, name)
            yield name
        finally:
            drop(server, name, listen)


@contextmanager
def _refused(connection: Connection, what: str, *, elsewhere: bool) -> Iterator[None]:
    from psycopg import errors

    try:
        yield
    except errors.InsufficientPrivilege as error:
        user = databases.sql_identifier(connection.info.user).as_string(connection)
        another = "name another server: --scratch-url postgresql://user@host:port/postgres; or " * elsewhere
        raise Refused(
            f"{what} runs in scratch databases, and {connection.info.user} may make none here: "
            f"{error.diag.message_primary}",
            hint=f"{another}as a superuser: ALTER ROLE {user} CREATEDB",
        ) from error


def empty(connection: Connection, name: str, like: Making, listen: Listener) -> None:
    """Make an empty one as another database was made, for the role that asks."""
    wanted = dataclasses.replace(like, owner=None, tablespace=None)
    making.anywhere(lambda how: connection.execute(making.statement(name, how)), wanted, listen)


def copy(connection: Connection, name: str, template: str) -> None:
    """Make one that has all that another database has.

    :raises psycopg.errors.ObjectInUse: somebody is connected to that one.
    """
    from psycopg import sql

    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def new_name(prefix: str) -> str:
    """A name that no other database has."""
    return f"{prefix}{secrets.token_hex(6)}"


def sweep(target: Target, prefix: str, listen: Listener) -> None:
    """Drop those of runs that were killed: nobody holds their lock.  Those of other roles are for these roles.

    :param target: any database of the server.
    """
    with outside(target, prefix, listen, PATIENCE) as connection:
        rows = connection.execute(
            "select datname from pg_catalog.pg_database where pg_catalog.starts_with(datname, %s)"
            " and pg_catalog.pg_has_role(datdba, 'USAGE')",
            [prefix],
        ).fetchall()
    for (name,) in rows:
        if re.fullmatch(rf"{prefix}[0-9a-f]{{12}}", name):
            try:
                with hold(target, name, listen, 0) as connection:
                    databases.drop(connection, name)
            except LockNotAcquired:  # another run is at work in it
                continue
            listen(Note(f"dropped {name}, which an interrupted run had left"))


def drop(target: Target, name: str, listen: Listener) -> None:
    """On a session of its own: the former one may be broken."""

    def dropped() -> None:
        with databases.admin(target, COMMAND, listen, PATIENCE) as connection:
            databases.drop(connection, name)

    interrupts.to_the_end(dropped)
