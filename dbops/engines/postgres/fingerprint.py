"""Measures what a database holds in one snapshot: counts and fingerprints, by several sessions at once."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbops.config.model import Target
from dbops.engines.contents import Contents, LargeObjects, Name, SequenceRange, TableContent
from dbops.engines.postgres import relations, rowhash, sequences, snapshot
from dbops.engines.postgres.connection import application_name
from dbops.engines.postgres.crew import Crew, Found, Item, Measure
from dbops.engines.postgres.pinned import join, told
from dbops.engines.postgres.relations import FOREIGN, MATERIALIZED, SEQUENCE, TABLE, TableInfo
from dbops.engines.postgres.snapshot import Snapshot
from dbops.errors import LockNotAcquired
from dbops.events import Listener

if TYPE_CHECKING:
    import psycopg

_APPLICATION = "proof"
_LOCK_SECONDS = 10.0


def measure(
    target: Target,
    held: Snapshot | str | None,
    level: Measure,
    jobs: int,
    listen: Listener,
    only: Collection[Name] | None = None,
    stop: threading.Event | None = None,
    large_objects: bool | None = None,
) -> Contents:
    """Measure all of a database, or `only` these tables with the sequences that they own.

    The sequences are read once, as they are now: `before` equals `after`.  For those of a backup take
    `Snapshot.sequence_ranges()`.  The largest tables come first, `jobs` at a time, each in a session of its own.

    :param held: the snapshot, whose own session then takes part; or the id of one that is held elsewhere, whose
        tables have to be locked once more; None takes one for as long as it needs.
    :param large_objects: whether those are measured, too; None where all tables are.
    :param stop: set by another thread, cancels what the sessions are at.
    :raises Interrupted: it was set.
    :raises LockNotAcquired: another session waits to change a table, and new readers have to queue behind it.
    :raises DbopsError: a table or large object may not be read.
    """
    if held is None:
        name = application_name(_APPLICATION)
        with snapshot.hold(target, name, _LOCK_SECONDS, listen, only) as own:
            return measure(target, own, level, jobs, listen, only, stop, large_objects)
    snapshot_id = held if isinstance(held, str) else held.id
    with _leader(target, held, only, listen) as leader, told():
        infos = relations.listed(leader, only)
        wanted = only is None if large_objects is None else large_objects
        items = _items(leader, infos, level, with_large_objects=wanted)
        ranges = sequences.ranges(leader, [info for info in infos if info.kind == SEQUENCE], None)
        found = Crew(target, snapshot_id, level, jobs, listen, items, stop).run(leader)
    return _contents(infos, found, ranges)


@contextmanager
def _leader(
    target: Target, held: Snapshot | str, only: Collection[Name] | None, listen: Listener
) -> Iterator[psycopg.Connection[Any]]:
    """A session in the snapshot with a lock on every table."""
    if isinstance(held, Snapshot):
        yield held.connection
        return
    with join(target, held, application_name(_APPLICATION), listen) as connection:
        with told():
            _lock_again(connection, only)
        yield connection


def _lock_again(connection: psycopg.Connection[Any], only: Collection[Name] | None) -> None:
    """Lock what the snapshot's holder has locked: whatever queues for it from now on comes after this session."""
    import psycopg

    connection.execute(f"set local lock_timeout = {int(_LOCK_SECONDS * 1000)}")
    try:
        infos = relations.listed(connection, only)
        snapshot.lock(connection, infos)
    except psycopg.errors.LockNotAvailable as error:
        connection.execute("rollback")
        holders = snapshot.blockers(connection)
        raise LockNotAcquired(
            f"the tables cannot be read, because of {holders[0] if holders else 'a session that has just gone'}",
            hint="try again once it is done",
        ) from error
    connection.execute("set local lock_timeout = 0")


def _items(
    connection: psycopg.Connection[Any],
    infos: Sequence[TableInfo],
    level: Measure,
    *,
    with_large_objects: bool,
) -> list[Item]:
    """What is to be read, the largest first."""
    tables = [info.oid for info in infos if info.kind == TABLE]
    columns = rowhash.columns_of(connection, tables) if level == "full" else {}
    items = [
        Item(info, info.bytes, columns.get(info.oid, ()))
        for info in infos
        if info.kind == TABLE or (info.kind == MATERIALIZED and info.populated)
    ]
    if with_large_objects:
        row = connection.execute("select pg_table_size('pg_catalog.pg_largeobject'::regclass)").fetchone()
        items.append(Item(None, int(row[0]) if row else 0))
    return sorted(items, key=lambda item: -item.bytes)


def _contents(
    infos: Sequence[TableInfo], found: Mapping[int | None, Found], ranges: tuple[SequenceRange, ...]
) -> Contents:
    measured = [found[info.oid] for info in infos if info.kind == TABLE]
    views = [info for info in infos if info.kind == MATERIALIZED]
    rows = {info.oid: found.get(info.oid) for info in views}
    large_objects = found.get(None)
    return Contents(
        tables=tuple(table for table in measured if isinstance(table, TableContent)),
        sequences=ranges,
        large_objects=large_objects if isinstance(large_objects, LargeObjects) else None,
        materialized_views=tuple((view.schema, view.name, _count(rows[view.oid])) for view in views),
        foreign_tables=tuple(info.key for info in infos if info.kind == FOREIGN),
    )


def _count(found: Found | None) -> int | None:
    return found if isinstance(found, int) else None
