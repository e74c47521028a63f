"""The swap: two databases change places in one transaction.

The rename of the live database takes a lock on it, behind which those who
connect wait, and waits for its sessions to leave, which a second connection
ends meanwhile.  A kill at any point rolls back; `ALLOW_CONNECTIONS`, which
would leave the database shut, is not touched.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Self

from dbops.config.model import Target
from dbops.engines.base import Blocker
from dbops.engines.postgres import databases, lock, occupants, property_changes
from dbops.errors import DbopsError, LockNotAcquired
from dbops.events import Listener, Note, format_seconds
from dbops.restore import carry, names
from dbops.restore.holding import outside
from dbops.restore.plan import Exchange, Swapped

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

_LOCK_TIMEOUT = 2.0
"""Seconds that the renames wait for the lock on a database; those who connect wait as long."""
_ENDING_INTERVAL = 0.01

_MIGRATORS = """
select held.pid, coalesce(activity.usename, ''), coalesce(activity.application_name, ''), '',
    extract(epoch from clock_timestamp() - activity.xact_start)::float8
from pg_catalog.pg_locks as held left join pg_catalog.pg_stat_activity as activity using (pid)
where held.locktype = 'advisory' and held.granted and held.objsubid = 1 and held.database = %s
    and held.classid::bigint = %s and held.objid::bigint = %s
"""


def swap(
    connection: Connection, target: Target, exchange: Exchange, listen: Listener, deadline: float
) -> Swapped:
    """Exchange the databases; a failure leaves both as they were.

    :param connection: a session in neither of them, in autocommit mode.
    :param deadline: seconds for which to wait for sessions that stay, and to try again.
    :raises LockNotAcquired: a session stayed, or a migration or a backup is at work; it is named.
    """
    from psycopg import errors

    retried = (
        errors.ObjectInUse,
        errors.LockNotAvailable,
        errors.QueryCanceled,
        errors.DeadlockDetected,
        errors.InternalError_,  # tuple concurrently updated
    )
    began = time.monotonic()
    with outside(target, exchange.live, listen, 10.0) as second:
        while True:
            _wait_until_clear(connection, exchange, listen, deadline - (time.monotonic() - began))
            try:
                return _attempt(connection, second, exchange)
            except retried as error:
                if time.monotonic() - began > deadline:
                    raise _occupied(connection, exchange, str(error)) from error
                listen(Note(f"{exchange.live} could not be renamed yet: {error}; trying again"))
            time.sleep(random.uniform(0.2, 0.6))  # noqa: S311  # jitter, not a secret


def put_in_place(connection: Connection, target: Target, live: str, listen: Listener) -> None:
    """Give the side database the name `live`, which nobody has.

    :raises psycopg.errors.DuplicateDatabase: somebody has made one meanwhile.
    """
    side = names.side(live)
    with outside(target, live, listen, 10.0) as second, Ender(second) as ender, connection.transaction():
        ender.attend(_oid(connection, side))
        databases.rename(connection, side, live)
        connection.execute(property_changes.set_comment(live, None))


def _attempt(connection: Connection, second: Connection, exchange: Exchange) -> Swapped:
    """One transaction.  What can be done for the incoming database is done before the live one is locked."""
    nameless = names.unnamed(exchange.live)
    with Ender(second) as ender, connection.transaction():
        connection.execute("set local statement_timeout = '10s'")
        connection.execute(f"set local lock_timeout = {_LOCK_TIMEOUT * 1000:.0f}")
        ender.attend(_oid(connection, exchange.incoming))
        databases.rename(connection, exchange.incoming, nameless)
        carry.carry(connection, exchange.live, nameless)
        comment = _comment(connection, exchange.live)
        connection.execute(property_changes.set_comment(nameless, names.without_marks(comment)))
        live, ended = _oid(connection, exchange.live), ender.ended
        began = time.monotonic()
        ender.attend(live)
        databases.rename(connection, exchange.live, exchange.displaced)
        databases.rename(connection, nameless, exchange.live)
        displacement = names.Displacement(exchange.live, exchange.at, exchange.backup)
        marked = names.mark_displaced(comment, displacement)
        connection.execute(property_changes.set_comment(exchange.displaced, marked))
    return Swapped(exchange.live, exchange.displaced, time.monotonic() - began, ender.ended - ended)


class Ender:
    """Ends the sessions in one database, again and again, on a connection and in a thread of its own.

    It goes by the oid: whoever enters the database that has the name after the commit is left alone.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._oid: int | None = None
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="dbops-ender", daemon=True)
        self.ended = 0

    def attend(self, oid: int) -> None:
        """From now on the sessions in this database, and in no other."""
        self._oid = oid
        self._wake.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing = True
        self._wake.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        import psycopg

        while not self._closing:
            oid = self._oid
            if oid is None:
                self._wake.wait()
                continue
            try:
                self.ended += occupants.end(self._connection, [oid])
            except psycopg.Error:
                # A session of a role that it may not end came in between: the rename will say that somebody is there.
                if self._connection.closed:
                    return
            time.sleep(_ENDING_INTERVAL)


def _wait_until_clear(connection: Connection, exchange: Exchange, listen: Listener, seconds: float) -> None:
    """Wait, without locking anybody out, while somebody is in the way who cannot be ended.

    A migration or a backup is one, too: it is not to be cut off in the middle.

    :raises LockNotAcquired: after that many seconds.
    """
    began, told = time.monotonic(), False
    while found := _in_the_way(connection, exchange):
        if time.monotonic() - began >= seconds:
            raise LockNotAcquired(
                f"{exchange.live} cannot be renamed: {found}",
                hint="wait for it, or end it; then run bin/restore again",
            )
        if not told:
            told = True
            listen(Note(f"waiting up to {format_seconds(max(seconds, 0))}: {found}"))
        time.sleep(0.1)


def _in_the_way(connection: Connection, exchange: Exchange) -> str | None:
    oids = [_oid(connection, exchange.live), _oid(connection, exchange.incoming)]
    for occupant in occupants.occupants(connection, oids):
        if not occupant.may_end:
            return f"this role may not end a session that is in it: {occupant}"
    prepared = connection.execute(
        "select gid, database from pg_catalog.pg_prepared_xacts where database = any(%s)",
        [[exchange.live, exchange.incoming]],
    ).fetchall()
    if prepared:
        return f"prepared transaction {prepared[0][0]!r} is open in {prepared[0][1]}"
    migrators = connection.execute(_MIGRATORS, [oids[0], lock.CLASS_ID, lock.OBJECT_ID]).fetchall()
    if migrators:
        return f"a migration or a backup is at work in it: {Blocker(*migrators[0])}"
    return None


def _occupied(connection: Connection, exchange: Exchange, reason: str) -> LockNotAcquired:
    there = occupants.occupants(connection, [_oid(connection, exchange.live)])
    return LockNotAcquired(
        f"{exchange.live} could not be renamed: {reason.splitlines()[0]}",
        detail="\n".join(map(str, there)) or None,
        hint="end the sessions that stay in it, then run bin/restore again",
    )


def _oid(connection: Connection, name: str) -> int:
    row = connection.execute("select oid from pg_catalog.pg_database where datname = %s", [name]).fetchone()
    if row is None:
        raise DbopsError(f"database {name} is no longer there")
    return int(row[0])


def _comment(connection: Connection, name: str) -> str | None:
    return databases.existing(connection, [name])[name].comment
