"""Being the one restore of a database: a session outside of it that holds an advisory lock.

Advisory locks belong to the database in which they are taken, but every
session sees all of them.  Two roles that are let into different databases
find each other all the same.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dbops.config.model import Target
from dbops.engines.base import Blocker
from dbops.engines.postgres import connection as connections
from dbops.engines.postgres import databases
from dbops.errors import CannotConnect, LockNotAcquired
from dbops.events import Listener, Note, format_seconds

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

COMMAND = "restore"

_HOLDERS = """
select held.pid, coalesce(activity.usename, ''), coalesce(activity.application_name, ''), '',
    extract(epoch from clock_timestamp() - activity.xact_start)::float8
from pg_catalog.pg_locks as held
left join pg_catalog.pg_stat_activity as activity using (pid)
where held.locktype = 'advisory' and held.granted and held.objsubid = 1
    and held.classid::bigint = %s and held.objid::bigint = %s and held.pid <> pg_catalog.pg_backend_pid()
order by held.pid
"""


@contextmanager
def hold(target: Target, live: str, listen: Listener, deadline: float) -> Iterator[Connection]:
    """A session outside the database `live` that holds the lock of its restores.

    :raises LockNotAcquired: another restore of it held the lock for `deadline` seconds; it is named.
    :raises CannotConnect: the role is let into no database but `live`.
    """
    with outside(target, live, listen, deadline) as connection:
        _acquire(connection, live, listen, deadline)
        yield connection


@contextmanager
def hold_inside(target: Target, live: str, listen: Listener, deadline: float) -> Iterator[Connection]:
    """The same from within the database, for what renames nothing."""
    with databases.session(target, COMMAND, listen, deadline) as connection:
        _settle(connection)
        _acquire(connection, live, listen, deadline)
        yield connection


@contextmanager
def outside(target: Target, live: str, listen: Listener, deadline: float) -> Iterator[Connection]:
    """A session in a database other than `live`, which cannot be renamed from within."""
    connection = _open(target, live, listen, deadline)
    with databases.closing(connection, target):
        _settle(connection)
        yield connection


def _settle(connection: Connection) -> None:
    """Nothing that the role or the database has configured may end the work, and no pooler may hand the session on.

    :raises ConfigError: there is a pooler.
    """
    connection.prepare_threshold = None
    row = connection.execute("select pg_catalog.pg_backend_pid()").fetchone()
    assert row is not None  # a SELECT without FROM has one row
    connections.refuse_pooler(connection, row[0])
    for setting in ("default_transaction_read_only = off", "statement_timeout = 0", "lock_timeout = 0"):
        connection.execute(f"set {setting}".encode())


def described(connection: Connection) -> str:
    """Whom a session belongs to, and on which server: `postgres@db.example.com:5432`."""
    info = connection.info
    return f"{info.user}@{info.host or 'localhost'}:{info.port}"


def _open(target: Target, live: str, listen: Listener, deadline: float) -> Connection:
    names = [name for name in databases.MAINTENANCE if name != live]
    try:
        return databases.open_any(target, names, COMMAND, listen, deadline)
    except CannotConnect as error:
        for name in _others(target, live, listen):
            try:
                return databases.open_session(target.replace("the server", dbname=name), COMMAND, listen, 0)
            except CannotConnect:
                continue
        raise CannotConnect(
            f"a database cannot be renamed from within, and the server lets this role into no other than {live}: "
            f"{error.message}",
            hint="as a superuser: GRANT CONNECT ON DATABASE postgres TO the role; or add --in-place",
        ) from error


def _others(target: Target, live: str, listen: Listener) -> list[str]:
    with databases.session(target.replace("the server", dbname=live), COMMAND, listen, 0) as connection:
        rows = connection.execute(
            "select datname from pg_catalog.pg_database where datallowconn and datname <> %s"
            " and pg_catalog.has_database_privilege(oid, 'CONNECT') order by datname",
            [live],
        ).fetchall()
    return [name for (name,) in rows]


def _acquire(connection: Connection, live: str, listen: Listener, deadline: float) -> None:
    key = int.from_bytes(hashlib.sha256(f"dbops restore {live}".encode()).digest()[:8], "big") >> 1
    began, told = time.monotonic(), False
    while not _try(connection, key):
        waited = time.monotonic() - began
        held_by = next(iter(_holders(connection, key)), None)
        if waited >= deadline:
            raise LockNotAcquired(
                f"another restore of {live} is at work: {held_by or 'it has just gone'}",
                hint="wait for it to end, then run bin/restore again",
            )
        if not told and waited > 1:
            told = True
            listen(
                Note(
                    f"waiting for another restore of {live} ({held_by or 'just gone'}) "
                    f"for up to {format_seconds(deadline)}"
                )
            )
        time.sleep(random.uniform(0.05, 0.2))  # noqa: S311  # jitter, not a secret


def _try(connection: Connection, key: int) -> bool:
    """Take the lock; give it back where a session in another database has its own."""
    row = connection.execute("select pg_catalog.pg_try_advisory_lock(%s)", [key]).fetchone()
    if row is None or not row[0]:
        return False
    if not _holders(connection, key):
        return True
    connection.execute("select pg_catalog.pg_advisory_unlock(%s)", [key])
    return False


def _holders(connection: Connection, key: int) -> list[Blocker]:
    rows = connection.execute(_HOLDERS, [key >> 32, key & 0xFFFFFFFF]).fetchall()
    return [Blocker(*row) for row in rows]
