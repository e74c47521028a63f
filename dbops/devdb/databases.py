"""Databases on a server: which exist, making them, their mark, their extensions.

A database is made under a temporary name, marked, and renamed last: one that
has its final name also has its mark, whenever the work was killed.  A reset
displaces the former database by a rename and drops it when its successor is
whole.  The next run finds what a killed one left by these names and tidies up.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from dbops.config.model import Target
from dbops.engines.postgres import databases, protection
from dbops.engines.postgres.databases import (
    Found,
    drop,
    drop_numbered,
    existing,
    others,
    rename,
    server_version,
    sql_identifier,
)
from dbops.errors import DbopsError, LockNotAcquired
from dbops.events import Listener, Note, ignore

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

# What restoring needs, too, lives with the engine; set-up finds it here with its own.
__all__ = [
    "Found",
    "add_extensions",
    "admin",
    "check_may_create",
    "drop",
    "drop_numbered",
    "end_sessions",
    "existing",
    "leftover",
    "lock",
    "make",
    "others",
    "rename",
    "server_version",
    "session",
    "tidy",
    "unavailable_extensions",
]

COMMAND = "setup-dev-db"
_PATIENCE = 1.0  # seconds of waiting before it is told


def session(
    target: Target, listen: Listener = ignore, deadline: float = 60.0
) -> AbstractContextManager[Connection]:
    """An autocommit connection to the target's database; what the server refuses becomes `DbopsError`."""
    return databases.session(target, COMMAND, listen, deadline)


def admin(
    target: Target, listen: Listener = ignore, deadline: float = 60.0
) -> AbstractContextManager[Connection]:
    """A connection to a database that need not be the target's: postgres, else template1, else that.

    :raises CannotConnect: none of them lets the role in.
    """
    return databases.admin(target, COMMAND, listen, deadline)


def lock(connection: Connection, name: str, listen: Listener, deadline: float) -> None:
    """Hold off other set-ups of this database while the connection lives; polled, so no snapshot is held.

    The session of a run that was killed counts too: the server may still be
    at its last statement, and what that makes must be seen before it is planned on.

    :raises LockNotAcquired: after `deadline` seconds.
    """
    began = time.monotonic()
    told = False
    key = int.from_bytes(hashlib.sha256(f"dbops {COMMAND} {name}".encode()).digest()[:8], "big", signed=True)
    while connection.execute("SELECT pg_catalog.pg_try_advisory_lock(%s)", [key]).fetchone() != (True,):
        if time.monotonic() - began > deadline:
            raise LockNotAcquired(
                f"another set-up of {name} is at work on this server",
                hint="wait for it, then run bin/setup-dev-db",
            )
        if not told and time.monotonic() - began > _PATIENCE:
            told = True
            listen(Note(f"another set-up of {name} is at work on this server: waiting for it"))
        time.sleep(0.05)


def check_may_create(connection: Connection) -> None:
    """See that the role may make databases, before anything is made.

    :raises DbopsError: it may not; the hint is the command that lets it.
    """
    row = connection.execute(
        "SELECT rolname, rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row is not None and not row[1]:
        role = sql_identifier(row[0]).as_string(connection)
        raise DbopsError(
            f'role "{row[0]}" may not create databases on this server',
            hint=f"have a superuser run: ALTER ROLE {role} CREATEDB",
        )


def make(connection: Connection, name: str, made: Callable[[int], object]) -> None:
    """Make a database of UTF-8 from template0, marked as development.  Killed in between: see `tidy`.

    :param made: told the database's oid as soon as there is one.
    :raises DbopsError: the server refused; nothing of that name was made.
    """
    from psycopg import errors, sql

    temporary = leftover("new", name)
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(
        sql_identifier(temporary)
    )
    try:
        connection.execute(create)
    except errors.InvalidParameterValue:  # the server's locale belongs to another encoding
        connection.execute(sql.SQL("{} LC_COLLATE 'C' LC_CTYPE 'C'").format(create))
    row = connection.execute(
        "SELECT oid FROM pg_catalog.pg_database WHERE datname = %s", [temporary]
    ).fetchone()
    assert row is not None
    made(row[0])
    protection.mark(connection, temporary)
    rename(connection, temporary, name)


def end_sessions(connection: Connection, name: str) -> None:
    """End the sessions of the same role (or all, as superuser) in a database."""
    connection.execute(
        "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"
        " WHERE datname = %s AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        " AND (SELECT rolsuper OR rolname = usename FROM pg_catalog.pg_roles WHERE rolname = current_user)",
        [name],
    )


def tidy(connection: Connection, names: Sequence[str]) -> list[str]:
    """Put right what a killed run left; returns what was done, as sentences.

    A database without its final name is dropped.  A displaced one gets its
    name back, or is dropped where its successor already has the name.
    """
    found = existing(
        connection, [*names, *(leftover(kind, name) for name in names for kind in ("new", "old"))]
    )
    done = []
    for name in names:
        new, old = leftover("new", name), leftover("old", name)
        if new in found:
            drop(connection, new)
            done.append(f"dropped what an interrupted run had begun for {name}")
        if old in found and name in found:
            drop(connection, old)
            done.append(f"finished an interrupted reset of {name}")
        elif old in found:
            end_sessions(connection, old)
            rename(connection, old, name)
            done.append(f"brought back {name}, whose reset was interrupted")
    return done


def leftover(kind: str, name: str) -> str:
    """The temporary ("new") or displaced ("old") name of a database; short however long its own is."""
    return f"dbops_{kind}_{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def unavailable_extensions(connection: Connection, wanted: Iterable[str]) -> list[str]:
    """Those of the extensions that the server does not have."""
    names = list(wanted)
    if not names:
        return []
    rows = connection.execute("SELECT name FROM pg_catalog.pg_available_extensions").fetchall()
    return [name for name in names if (name,) not in rows]


def add_extensions(connection: Connection, wanted: Iterable[str]) -> list[str]:
    """Create the extensions that this database does not have yet; returns those.

    :raises DbopsError: the role may not; the hint is the command for one who may.
    """
    from psycopg import errors, sql

    names = list(wanted)
    rows = connection.execute("SELECT extname FROM pg_catalog.pg_extension").fetchall() if names else []
    added = [name for name in names if (name,) not in rows]
    for name in added:
        create = sql.SQL("CREATE EXTENSION IF NOT EXISTS {} CASCADE").format(sql_identifier(name))
        try:
            connection.execute(create)
        except errors.InsufficientPrivilege as error:
            raise DbopsError(
                f"role {connection.info.user} may not create extension {name}",
                hint=f"have a superuser run, in {connection.info.dbname}: {create.as_string(connection)}",
            ) from error
    return added
