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
    wait_for(lambda: _try(connection) and _try(connection), lambda: _holder(connection), deadline, listen)


@contextlib.contextmanager
def shared(connection: psycopg.Connection[Any], deadline: float, listen: Listener) -> Iterator[None]:
    """Keep migrations out; others may hold it so at the same time.

    :raises LockNotAcquired: with the holder.
    """

    def attempt() -> bool:
        row = connection.execute("select pg_catalog.pg_try_advisory_lock_shared(%s)", [KEY]).fetchone()
        return row is not None and bool(row[0])

    wait_for(attempt, lambda: _holder(connection), deadline, listen)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_catalog.pg_advisory_unlock_shared(%s)", [KEY])


def acquire_foreign(
    connection: psycopg.Connection[Any], key: int, tool: str, deadline: float, listen: Listener
) -> None:
    """Take the advisory lock of another tool for this session, polling as `acquire` does.

    :raises LockNotAcquired: with the holder.
    """

    def attempt() -> bool:
        row = connection.execute("select pg_catalog.pg_try_advisory_lock(%s)", [key]).fetchone()
        return row is not None and bool(row[0])

    wait_for(attempt, lambda: _holder(connection, key), deadline, listen, tool)


def wait_for(
    attempt: Callable[[], bool],
    holder: Callable[[], object],
    deadline: float,
    listen: Listener,
    tool: str | None = None,
) -> None:
    """Try until it succeeds, for `deadline` seconds at most.

    :param holder: who is in the way, for people.
    :param tool: whose lock it is, None for dbops' own.
    :raises LockNotAcquired: with the holder.
    """
    whose = "another migrator" if tool is None else tool
    began, pause, told = time.monotonic(), 0.05, False
    while not attempt():
        waited = time.monotonic() - began
        if waited >= deadline:
            raise _not_acquired(holder(), deadline, tool)
        if not told and waited > 1:
            told = True
            who = holder() or "just gone"
            listen(Note(f"waiting for {whose} ({who}) for up to {format_seconds(deadline)}"))
        time.sleep(min(pause * random.uniform(0.5, 1.0), deadline - waited))  # noqa: S311  # jitter, not a secret
        pause = min(pause * 1.5, 1.0)


def holders(connection: psycopg.Connection[Any], key: int = KEY) -> list[Blocker]:
    """The sessions that hold the lock in this database, in either mode."""
    rows = connection.execute(_HOLDERS, [key >> 32, key & 0xFFFFFFFF]).fetchall()
    return [Blocker(*row) for row in rows]


def _holder(connection: psycopg.Connection[Any], key: int = KEY) -> Blocker | None:
    return next(iter(holders(connection, key)), None)


def _try(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute("select pg_catalog.pg_try_advisory_lock(%s)", [KEY]).fetchone()
    return row is not None and bool(row[0])


def _not_acquired(holder: object, deadline: float, tool: str | None) -> LockNotAcquired:
    whose = "another migrator holds the lock" if tool is None else f"{tool} holds its lock"
    ended = "; a session that hangs is ended by bin/migrate unlock" if tool is None else ""
    return LockNotAcquired(
        f"{whose}, and did not release it within {format_seconds(deadline)}: {holder or 'it has just gone'}",
        hint=f"wait for it and try again, or give it longer with --deadline{ended}",
    )
