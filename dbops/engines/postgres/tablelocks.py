"""Locks on tables within a transaction, waited for in slices, with the name of who holds them."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from dbops.engines.base import Blocker
from dbops.engines.catalog import TableName
from dbops.engines.postgres.bulk import quoted, settings
from dbops.errors import LockNotAcquired
from dbops.events import Listener, Note, format_seconds

if TYPE_CHECKING:
    import psycopg

Mode = Literal["row exclusive", "share row exclusive", "access exclusive"]

_OF_READERS = {"AccessShareLock", "RowShareLock"}
_OF_WRITERS = {"RowExclusiveLock", "ShareUpdateExclusiveLock"}
# Modes that do not stand in the way of one.
_HARMLESS: dict[Mode, set[str]] = {
    "row exclusive": _OF_READERS | _OF_WRITERS,
    "share row exclusive": _OF_READERS,
    "access exclusive": set(),
}

_SLICE = 0.8  # seconds: shorter than deadlock_timeout, so that it is never another session that ends for a deadlock

# Whoever waits in the line before us is in the way, too, but only because of a holder.
_LOCKS = """
select l.relation::regclass::text, coalesce(l.pid, 0), coalesce(a.usename, ''),
    coalesce(a.application_name, case when l.pid is null then 'a prepared transaction' end, ''), coalesce(a.query, ''),
    extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8
from pg_catalog.pg_locks as l left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'relation' and l.granted and l.pid is distinct from pg_catalog.pg_backend_pid()
    and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
"""
_HOLDERS = f"""{_LOCKS}
    and (l.relation = any(%(tables)s::regclass[])
        or exists (select from pg_catalog.pg_partition_ancestors(l.relation) as up(oid)
            where up.oid = any(%(tables)s::regclass[])))
    and l.mode <> all(%(harmless)s)
order by l.mode = 'AccessExclusiveLock' desc, a.xact_start nulls first
"""
_ALONE = f"""{_LOCKS}
    and l.mode = 'AccessExclusiveLock' and l.relation >= 16384  -- of users, and not of the catalog
order by a.xact_start nulls first, l.relation limit 1
"""
# The server does not keep who holds a row; whoever does has locked its table like this.
_OF_ROWS = f"""{_LOCKS}
    and l.mode in ('RowShareLock', 'RowExclusiveLock') and l.relation >= 16384
order by a.xact_start nulls first, l.relation limit 1
"""


def lock(
    connection: psycopg.Connection[Any],
    tables: Sequence[TableName],
    mode: Mode,
    patience: float,
    listen: Listener,
) -> None:
    """Lock them all, with their partitions, until the transaction ends.

    :param tables: sorted by everybody, so that nobody waits in a circle.
    :param patience: seconds; 0 is for ever.
    :raises LockNotAcquired: with the holder; the transaction may go on.
    :raises psycopg.Error: this role may not lock one of them, or it is gone.
    """
    import psycopg
    from psycopg import sql

    if not tables:
        return
    names = sql.SQL(", ").join(sql.Identifier(*table) for table in tables)
    statement = sql.SQL("lock table {} in {} mode").format(names, sql.SQL(mode))
    until, told = time.monotonic() + (patience or math.inf), False
    while True:
        left = max(min(_SLICE, until - time.monotonic()), 0.001)
        try:
            with connection.transaction(), settings(connection, {"lock_timeout": f"{left * 1000:.0f}ms"}):
                connection.execute(statement)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            holder = _holder(connection, tables, mode)
        else:
            return
        if time.monotonic() >= until:
            raise LockNotAcquired(
                f"the tables could not be locked within {format_seconds(patience)}: {holder}",
                hint="wait for it, or end it, and run the command again",
            )
        if not told:
            told = True
            listen(Note(f"waits{f' up to {format_seconds(patience)}' if patience else ''}: {holder}"))
        time.sleep(random.uniform(0.01, 0.05))  # noqa: S311  # jitter, not a secret


def not_acquired(connection: psycopg.Connection[Any], patience: float) -> LockNotAcquired:
    """The error where it was not `lock` that waited: any statement does for a table that is altered or emptied, or a row.

    :param connection: after the rollback.
    :param patience: seconds that it waited.
    """
    if row := connection.execute(_ALONE).fetchone():
        holder = f"{row[0]} is held by {_who(row)}"
    elif row := connection.execute(_OF_ROWS).fetchone():
        holder = f"rows of {row[0]} may be held by {_who(row)}"
    else:
        holder = "who held it has just gone"
    return LockNotAcquired(
        f"a table's or row's lock was not to be had within {format_seconds(patience)}: {holder}",
        hint="wait for it and try again, or give it longer with --lock-timeout",
    )


def _holder(connection: psycopg.Connection[Any], tables: Sequence[TableName], mode: Mode) -> str:
    given = {"tables": list(map(quoted, tables)), "harmless": sorted(_HARMLESS[mode])}
    row = connection.execute(_HOLDERS, given).fetchone()
    if row is None:
        return "sessions that come and go hold them"
    return f"{row[0]} is held by {_who(row)}"


def _who(row: Sequence[Any]) -> str:
    blocker = Blocker(*row[1:])
    return str(blocker) if blocker.pid else blocker.application
