"""The migration lock: a session's advisory lock, polled."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dbops.engines.base import Blocker
from dbops.errors import LockNotAcquired
from dbops.events import Listener, Note, format_seconds

if TYPE_CHECKING:
    import psycopg

# The first eight bytes of sha256("dbops migration lock") without its sign; pg_locks shows it in two halves.
KEY = 0x7BFA_F4FB_42DD_B4A5
CLASS_ID, OBJECT_ID = KEY >> 32, KEY & 0xFFFFFFFF

# Fails (division by zero) where this session does not hold the lock, so that a COMMIT sent after it is not executed.
# It is held twice: giving one back and taking it again never lets it go, and asks no table of all locks.
STILL_HELD = f"""
select 1 / case when pg_catalog.pg_advisory_unlock({KEY})
    then pg_catalog.pg_try_advisory_lock({KEY})::int else 0 end
"""

_HOLDERS = """
select activity.pid, coalesce(activity.usename, ''), coalesce(activity.application_name, ''),
    coalesce(activity.query, ''), extract(epoch from clock_timestamp() - activity.xact_start)::float8
from pg_catalog.pg_locks as held
join pg_catalog.pg_stat_activity as activity using (pid)
where held.locktype = 'advisory' and held.granted and held.classid = %s and held.objid = %s and held.objsubid = 1
    and held.database = (select oid from pg_catalog.pg_database where datname = current_database())
order by activity.backend_start
"""


def acquire(connection: psycopg.Connection[Any], deadline: float, listen: Listener) -> None:
    """Take the lock for this session, polling for `deadline` seconds at most.

    Polling, not waiting in the server: a session that waits there holds a
    snapshot, and a concurrent index build of the holder would wait for it.

    :raises LockNotAcquired: with the holder.
    """
    _poll(lambda: _try(connection) and _try(connection), connection, deadline, listen)


@contextlib.contextmanager
def shared(connection: psycopg.Connection[Any], deadline: float, listen: Listener) -> Iterator[None]:
    """Keep migrations out; others may hold it so at the same time.

    :raises LockNotAcquired: with the holder.
    """

    def attempt() -> bool:
        row = connection.execute("select pg_catalog.pg_try_advisory_lock_shared(%s)", [KEY]).fetchone()
        return row is not None and bool(row[0])

    _poll(attempt, connection, deadline, listen)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_catalog.pg_advisory_unlock_shared(%s)", [KEY])


def _poll(
    attempt: Callable[[], bool], connection: psycopg.Connection[Any], deadline: float, listen: Listener
) -> None:
    began, pause, told = time.monotonic(), 0.05, False
    while not attempt():
        waited = time.monotonic() - began
        if waited >= deadline:
            raise _not_acquired(holders(connection), deadline)
        if not told and waited > 1:
            told = True
            holder = next(iter(holders(connection)), None)
            listen(
                Note(
                    f"waiting for another migrator ({holder or 'just gone'}) for up to {format_seconds(deadline)}"
                )
            )
        time.sleep(min(pause * random.uniform(0.5, 1.0), deadline - waited))  # noqa: S311  # jitter, not a secret
        pause = min(pause * 1.5, 1.0)


def holders(connection: psycopg.Connection[Any]) -> list[Blocker]:
    """The sessions that hold the lock in this database, in either mode."""
    rows = connection.execute(_HOLDERS, [CLASS_ID, OBJECT_ID]).fetchall()
    return [Blocker(*row) for row in rows]


def _try(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("select pg_catalog.pg_try_advisory_lock(%s)", [KEY]).fetchone()
    return row is not None and bool(row[0])


def _not_acquired(held_by: list[Blocker], deadline: float) -> LockNotAcquired:
    holder = held_by[0] if held_by else None
    return LockNotAcquired(
        f"another migrator holds the lock, and did not release it within {format_seconds(deadline)}: "
        f"{holder or 'it has just gone'}",
        hint="wait for it and try again, or give it longer with --deadline; a session that hangs is ended by bin/migrate unlock",
    )
