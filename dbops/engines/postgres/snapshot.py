"""A snapshot of a database in which nothing can vanish: every table is locked before it is taken.

A TRUNCATE between the snapshot and a dump's own locks empties the dump, and any count in that snapshot agrees with
it.  So the tables are locked first (in ACCESS SHARE mode, which hinders only what changes a table's definition or
empties it), and the snapshot is exported by the very statement that lists them: what it shows is what is locked.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from dbops.config.model import Target
from dbops.engines.base import Blocker
from dbops.engines.contents import Name, Position, SequenceRange
from dbops.engines.postgres import largeobjects, relations
from dbops.engines.postgres.connection import connect
from dbops.engines.postgres.errors import raise_told
from dbops.engines.postgres.relations import MATERIALIZED, PARTITIONED, SEQUENCE, TABLE, TableInfo
from dbops.errors import DbopsError, LockNotAcquired
from dbops.events import Listener, Note, format_seconds

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

T = TypeVar("T")

# What changes the text of a value, what hides rows, and what could end a session that works or waits for hours.
# Index-only scans are off: the heap is read, as COPY reads it, and not an index that may be damaged.
PINNED = {
    "search_path": "pg_catalog",
    "extra_float_digits": "3",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "xmloption": "content",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "quote_all_identifiers": "off",
    "row_security": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "transaction_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "jit": "off",
    "enable_indexonlyscan": "off",
}

# Shorter than the usual deadlock_timeout, so that it is never another session that is ended for a deadlock with us.
_SLICE = 0.8
_PER_STATEMENT = 200

_PIN = """
select pg_catalog.set_config(pinned.name, pinned.value, false)
from unnest(%s::text[], %s::text[]) as pinned(name, value)
join pg_catalog.pg_settings as known on pg_catalog.lower(known.name) = pinned.name
"""

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
    :param tables: tables, partitioned tables, materialized views and foreign tables (not locked), by schema and name.
    :param sequences: sequences, by schema and name.
    :param connection: holds the locks, in READ COMMITTED: what it reads is newer than the snapshot.
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
            return read_sequences(self.connection, self.sequences, self._positions)


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


@contextmanager
def join(
    target: Target, snapshot_id: str, application: str, listen: Listener, deadline: float = 60.0
) -> Iterator[psycopg.Connection[Any]]:
    """A session in a read-only transaction that sees this snapshot, with all settings pinned.

    :param deadline: seconds to wait for a connection where the server has none left.

    :raises DbopsError: the snapshot is gone, because the session that took it has ended.
    """
    connection = connect(target, application=application, listen=listen, deadline=deadline)
    try:
        with told():
            pin(connection)
            enter(connection, snapshot_id)
        yield connection
    finally:
        connection.close()


def pin(connection: psycopg.Connection[Any]) -> None:
    """Set what changes the text of values, and what hides rows, for the rest of the session."""
    connection.prepare_threshold = None
    connection.execute(_PIN, [list(PINNED), list(PINNED.values())])


def enter(connection: psycopg.Connection[Any], snapshot_id: str) -> None:
    """Begin a read-only transaction in the snapshot."""
    from psycopg import sql

    connection.execute("begin isolation level repeatable read read only")
    connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot_id)))


@contextmanager
def told() -> Iterator[None]:
    """Failures of the server or the connection become errors for people."""
    import psycopg

    try:
        yield
    except psycopg.errors.OutOfMemory as error:
        raise DbopsError(
            f"the server has no room to lock all tables at once: {error.diag.message_primary}",
            hint="raise max_locks_per_transaction in postgresql.conf and restart the server",
        ) from error
    except psycopg.Error as error:
        raise_told(error)
        raise


def chunks(items: Sequence[T], size: int = _PER_STATEMENT) -> Iterator[Sequence[T]]:
    """The items, so many at a time."""
    return (items[at : at + size] for at in range(0, len(items), size))


def _take(
    connection: psycopg.Connection[Any], deadline: float, listen: Listener, only: Collection[Name] | None
) -> Snapshot:
    """Try until the deadline, each time from the beginning: what waits does so without holding other locks."""
    import psycopg

    until, noted = time.monotonic() + deadline, False
    while True:
        left = until - time.monotonic()
        try:
            return _attempt(connection, max(min(_SLICE, left), 0.001), only)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            connection.execute("rollback")
            in_the_way = blockers(connection)
        except (
            psycopg.errors.UndefinedTable,
            psycopg.errors.InvalidSchemaName,
            psycopg.errors.WrongObjectType,
        ):
            # Dropped, renamed or replaced between the list and the lock.
            connection.execute("rollback")
            in_the_way = []
        if time.monotonic() >= until:
            raise _not_acquired(in_the_way, deadline)
        if in_the_way and not noted:
            noted = True
            listen(Note(f"waits for {in_the_way[0]} for up to {format_seconds(deadline)}"))
        time.sleep(random.uniform(0.01, 0.05))  # noqa: S311  # jitter, not a secret


def _attempt(connection: psycopg.Connection[Any], wait: float, only: Collection[Name] | None) -> Snapshot:
    """Lock what is there, then export; what came in between is locked, too, and another snapshot taken."""
    connection.execute("begin isolation level read committed read only")
    connection.execute(
        "select pg_catalog.set_config('lock_timeout', %s, true)", [f"{max(int(wait * 1000), 1)}ms"]
    )
    positions: dict[int, Position] = {}
    missing = relations.listed(connection, only)
    while True:
        relations.check_readable(connection, missing)
        lock(connection, missing)
        positions |= _read_positions(connection, [info for info in missing if info.kind == SEQUENCE])
        snapshot_id, found = relations.listed_and_exported(connection, only)
        missing = tuple(info for info in found if not info.locked and info.kind != relations.FOREIGN)
        if not missing:
            break
    relations.check_readable(connection, found)
    if only is None:
        largeobjects.check_readable(connection)
    connection.execute("set local lock_timeout = 0")
    sequences = tuple(info for info in found if info.kind == SEQUENCE)
    tables = tuple(info for info in found if info.kind != SEQUENCE)
    return Snapshot(snapshot_id, tables, sequences, connection, positions)


def lock(connection: psycopg.Connection[Any], infos: Sequence[TableInfo], *, nowait: bool = False) -> None:
    """Take ACCESS SHARE on tables, partitioned tables and materialized views until the transaction ends."""
    from psycopg import sql

    end = sql.SQL(" in access share mode nowait" if nowait else " in access share mode")
    for some in chunks([info for info in infos if info.kind in (TABLE, PARTITIONED)]):
        names = sql.SQL(", ").join(sql.SQL("only {}").format(info.identifier) for info in some)
        connection.execute(sql.SQL("lock table {}").format(names) + end)
    for some in chunks([info for info in infos if info.kind == MATERIALIZED]):
        _lock_by_parsing(connection, sql.SQL(", ").join(info.identifier for info in some))


def _lock_by_parsing(connection: psycopg.Connection[Any], names: sql.Composed) -> None:
    """LOCK TABLE refuses materialized views; a query that is only parsed locks them as well, populated or not."""
    from psycopg import sql

    connection.execute(sql.SQL("prepare dbops_lock as select from {}").format(names))
    connection.execute("deallocate dbops_lock")


def _read_positions(
    connection: psycopg.Connection[Any], sequences: Sequence[TableInfo]
) -> dict[int, Position]:
    """`last_value` and `is_called` by oid; locks the sequences against being dropped."""
    from psycopg import sql

    found: dict[int, Position] = {}
    one = "select {}::bigint, last_value, is_called from {}"
    for some in chunks(sequences):
        parts = [sql.SQL(one).format(sql.Literal(info.oid), info.identifier) for info in some]
        rows = connection.execute(sql.SQL(" union all ").join(parts)).fetchall()
        found.update({oid: (last_value, is_called) for oid, last_value, is_called in rows})
    return found


def read_sequences(
    connection: psycopg.Connection[Any],
    sequences: Sequence[TableInfo],
    before: Mapping[int, Position] | None,
) -> tuple[SequenceRange, ...]:
    """Read these sequences now; None for `before` makes a range of this one reading."""
    after = _read_positions(connection, sequences)
    before = after if before is None else before
    steps = _steps(connection, [info.oid for info in sequences])
    return tuple(
        SequenceRange(info.schema, info.name, before[info.oid], after[info.oid], *steps[info.oid])
        for info in sequences
    )


def _steps(connection: psycopg.Connection[Any], oids: Sequence[int]) -> dict[int, tuple[int, bool]]:
    rows = connection.execute(
        "select seqrelid, seqincrement, seqcycle from pg_catalog.pg_sequence where seqrelid = any(%s::oid[])",
        [list(oids)],
    )
    return {oid: (increment, cycles) for oid, increment, cycles in rows}


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
