"""A snapshot of a database in which nothing can vanish: every table is locked before it is taken.

A TRUNCATE between the snapshot and a dump's own locks empties the dump, and any count in that snapshot agrees with
it.  So the tables are locked first (in ACCESS SHARE mode, which hinders only what changes a table's definition or
empties it).  LOCK TABLE takes no snapshot, so that the very transaction that holds the locks can have one that is
newer than they are; what it then lists must be what is locked, otherwise all begins anew.

Materialized views are not locked, since a dump holds no rows of theirs: a REFRESH that waited for us would keep pg_dump
from asking for the view's definition, and all three would wait for ever.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbops.config.model import Target
from dbops.engines.base import Blocker
from dbops.engines.contents import Name, Position, SequenceRange
from dbops.engines.postgres import largeobjects, relations, sequences
from dbops.engines.postgres.connection import connect
from dbops.engines.postgres.pinned import chunks, pin, told
from dbops.engines.postgres.relations import FOREIGN, MATERIALIZED, PARTITIONED, SEQUENCE, TABLE, TableInfo
from dbops.errors import LockNotAcquired
from dbops.events import Listener, Note, format_seconds

if TYPE_CHECKING:
    import psycopg

# Shorter than the usual deadlock_timeout, so that it is never another session that is ended for a deadlock with us.
_SLICE = 0.8

# Whoever holds or awaits what conflicts with ACCESS SHARE; a prepared transaction has no session.
_BLOCKERS = """
select held.relation::regclass::text, coalesce(activity.pid, 0), coalesce(activity.usename, prepared.owner, ''),
    coalesce(activity.application_name, 'prepared transaction ' || prepared.gid, ''), coalesce(activity.query, ''),
    extract(epoch from clock_timestamp() - coalesce(activity.xact_start, prepared.prepared))::float8
from pg_catalog.pg_locks as held
left join pg_catalog.pg_stat_activity as activity using (pid)
left join pg_catalog.pg_locks as own on held.pid is null and own.locktype = 'transactionid'
    and own.virtualtransaction = held.virtualtransaction
left join pg_catalog.pg_prepared_xacts as prepared on prepared.transaction = own.transactionid
where held.locktype = 'relation' and held.mode = 'AccessExclusiveLock' and held.relation >= 16384
    and held.pid is distinct from pg_catalog.pg_backend_pid()
    and held.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
order by held.granted desc, 6 desc nulls last limit 5
"""


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A snapshot that others may read, and the locks that keep its tables as they are, until its context ends.

    :param id: for `SET TRANSACTION SNAPSHOT` and `pg_dump --snapshot`.
    :param tables: tables and partitioned tables; materialized views and foreign tables, not locked; by schema and name.
    :param sequences: sequences, by schema and name.
    :param connection: holds the locks, and reads in the snapshot, with all settings pinned.
    """

    id: str
    tables: tuple[TableInfo, ...]
    sequences: tuple[TableInfo, ...]
    connection: psycopg.Connection[Any]
    _positions: Mapping[int, Position]

    def sequence_ranges(self) -> tuple[SequenceRange, ...]:
        """Read the sequences again: what a dump that ended by now holds of them lies between the two readings.

        :raises CannotConnect: the connection broke, and the locks with it.
        """
        with told():
            return sequences.ranges(self.connection, self.sequences, self._positions)


@contextmanager
def hold(
    target: Target,
    application: str,
    deadline: float,
    listen: Listener,
    only: Collection[Name] | None = None,
) -> Iterator[Snapshot]:
    """Lock all tables (or `only` these, with the sequences they own) and export a snapshot that shows no others.

    :param deadline: seconds to wait for locks, and to connect.
    :raises LockNotAcquired: with the holder.
    :raises DbopsError: this role may not read all of it, or row security hides rows.
    """
    connection = connect(target, application=application, listen=listen, deadline=deadline)
    try:
        with told():
            pin(connection)
            snapshot = _take(connection, deadline, listen, only)
        yield snapshot
    finally:
        connection.close()


class _Changed(Exception):
    """What was locked is not what the snapshot shows."""


def _take(
    connection: psycopg.Connection[Any], deadline: float, listen: Listener, only: Collection[Name] | None
) -> Snapshot:
    """Try until the deadline, each time from the beginning: what waits does so for moments, and holds little else up."""
    import psycopg

    until, noted = time.monotonic() + deadline, False
    while True:
        wait = max(min(_SLICE, until - time.monotonic()), 0.001)
        try:
            return _attempt(connection, wait, only)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            connection.execute("rollback")
            in_the_way = blockers(connection)
        except (
            _Changed,
            psycopg.errors.UndefinedTable,
            psycopg.errors.InvalidSchemaName,
            psycopg.errors.WrongObjectType,
        ):
            # Something was made, dropped, renamed or replaced between the list and the locks.
            connection.execute("rollback")
            in_the_way = []
        if time.monotonic() >= until:
            raise _not_acquired(in_the_way, deadline)
        if in_the_way and not noted:
            noted = True
            listen(Note(f"waits for {in_the_way[0]} for up to {format_seconds(deadline)}"))
        time.sleep(random.uniform(0.01, 0.05))  # noqa: S311  # jitter, not a secret


def _attempt(connection: psycopg.Connection[Any], wait: float, only: Collection[Name] | None) -> Snapshot:
    """List, lock, and only then let the transaction have its snapshot, with the first statement that needs one."""
    listed = relations.listed(connection, only)
    relations.check_readable(connection, listed)
    if only is None:
        largeobjects.check_readable(connection)
    connection.execute("begin isolation level repeatable read read only")
    connection.execute(f"set local lock_timeout = {max(int(wait * 1000), 1)}")
    lock(connection, listed)
    snapshot_id, shown = relations.listed_and_exported(connection, only)
    if not all(info.locked for info in shown if info.kind in (TABLE, PARTITIONED)):
        raise _Changed
    positions = sequences.positions(connection, [info for info in shown if info.kind == SEQUENCE])
    connection.execute("set local lock_timeout = 0")
    shown = relations.listed(connection, only)
    relations.check_readable(connection, shown)
    if not all(info.locked for info in shown if info.kind not in (FOREIGN, MATERIALIZED)):
        raise _Changed
    return Snapshot(
        snapshot_id,
        tuple(info for info in shown if info.kind != SEQUENCE),
        tuple(info for info in shown if info.kind == SEQUENCE),
        connection,
        positions,
    )


def lock(connection: psycopg.Connection[Any], infos: Sequence[TableInfo], *, nowait: bool = False) -> None:
    """Take ACCESS SHARE on tables and partitioned tables until the transaction ends."""
    from psycopg import sql

    end = sql.SQL(" in access share mode nowait" if nowait else " in access share mode")
    for some in chunks([info for info in infos if info.kind in (TABLE, PARTITIONED)]):
        names = sql.SQL(", ").join(sql.SQL("only {}").format(info.identifier) for info in some)
        connection.execute(sql.SQL("lock table {}").format(names) + end)


def blockers(connection: psycopg.Connection[Any]) -> list[str]:
    """Who holds or awaits a lock in this database that keeps readers out, the most likely one first."""
    rows = connection.execute(_BLOCKERS).fetchall()
    return [f"the lock on {relation} of {_who(Blocker(*who))}" for relation, *who in rows]


def _who(blocker: Blocker) -> str:
    return str(blocker) if blocker.pid else f"{blocker.application}, owner {blocker.user}"


def _not_acquired(in_the_way: Sequence[str], deadline: float) -> LockNotAcquired:
    what = in_the_way[0] if in_the_way else "tables that come and go"
    return LockNotAcquired(
        f"the tables could not be locked for reading within {format_seconds(deadline)}, because of {what}",
        hint="wait for it and try again, or give it longer with --deadline",
    )
