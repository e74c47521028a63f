"""Measures what a database holds in one snapshot: counts and fingerprints, by several sessions at once."""

from __future__ import annotations

import dataclasses
import os
import queue
import threading
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from dbops.config.model import Target
from dbops.engines.contents import Contents, LargeObjects, Name, SequenceRange, TableContent
from dbops.engines.postgres import largeobjects, relations, rowhash, snapshot
from dbops.engines.postgres.connection import application_name
from dbops.engines.postgres.relations import FOREIGN, MATERIALIZED, SEQUENCE, TABLE, TableInfo
from dbops.engines.postgres.rowhash import Column
from dbops.errors import CannotConnect, DbopsError, LockNotAcquired
from dbops.events import Event, Level, Listener

if TYPE_CHECKING:
    import psycopg

Measure = Literal["full", "counts"]
"""Fingerprints and counts, or counts alone."""

_LOCK_SECONDS = 10.0
_LARGE_OBJECTS = "large objects"


@dataclasses.dataclass(frozen=True)
class ContentMeasured(Event):
    """A table is about to be read, or has been.  Bytes are sizes on disk, so that they tell how far it is."""

    table: str
    tables_done: int
    tables_total: int
    bytes_done: int
    bytes_total: int

    level = Level.PROGRESS

    def sentence(self) -> str:
        percent = 100 * self.bytes_done // self.bytes_total if self.bytes_total else 100
        return f"proof: {self.tables_done} of {self.tables_total} tables, {percent} %: {self.table}"


def measure(
    target: Target,
    snapshot_id: str | None,
    level: Measure,
    jobs: int,
    listen: Listener,
    only: Collection[Name] | None = None,
    *,
    large_objects: bool | None = None,
    stop: Future[None] | None = None,
) -> Contents:
    """Measure all of a database, or `only` these tables with the sequences that they own.

    The sequences are read once, as they are now: `before` equals `after`.  For those of a backup take
    `Snapshot.sequence_ranges()`.  The largest tables come first, `jobs` at a time, each in a session of its own.

    :param large_objects: whether those are measured, too; by default where all tables are.
    :param stop: its exception ends the work of all sessions, and is raised.
    :param snapshot_id: of a `Snapshot` that is held; None takes one, with all tables locked, for as long as it needs.
    :raises LockNotAcquired: another session waits to change a table, and new readers have to queue behind it.
    :raises DbopsError: a table or large object may not be read, or the server is too old for fingerprints.
    """
    with_large_objects = only is None if large_objects is None else large_objects
    if snapshot_id is not None:
        return _measure(target, snapshot_id, level, jobs, listen, only, with_large_objects, stop)
    name = application_name("proof")
    with snapshot.hold(target, name, _LOCK_SECONDS, listen, only) as held:
        return _measure(target, held.id, level, jobs, listen, only, with_large_objects, stop)


@dataclasses.dataclass(frozen=True)
class _Item:
    """A piece of work for one session.  `info` is None for the large objects."""

    info: TableInfo | None
    bytes: int
    columns: tuple[Column, ...] = ()

    @property
    def label(self) -> str:
        return self.info.label if self.info else _LARGE_OBJECTS


_Found = TableContent | LargeObjects | int
_Message = tuple[_Item, _Found | None] | Future[None]


def _measure(
    target: Target,
    snapshot_id: str,
    level: Measure,
    jobs: int,
    listen: Listener,
    only: Collection[Name] | None,
    with_large_objects: bool,
    stop: Future[None] | None,
) -> Contents:
    with snapshot.join(target, snapshot_id, application_name("proof"), listen) as leader, snapshot.told():
        _check_version(leader, level)
        infos = _locked(leader, only)
        items = _items(leader, infos, level, with_large_objects=with_large_objects)
        sequences = _sequences(leader, infos)
        crew = _Crew(target, snapshot_id, level, jobs, listen, items, stop)
        found = crew.run(leader)
    return _contents(infos, sequences, found)


def _check_version(connection: psycopg.Connection[Any], level: Measure) -> None:
    if level == "full" and connection.info.server_version < rowhash.MINIMUM_VERSION:
        major = connection.info.server_version // 10000
        raise DbopsError(
            f"fingerprints need PostgreSQL 14, and this server is {major}",
            hint="count rows only: --proof counts",
        )


def _locked(connection: psycopg.Connection[Any], only: Collection[Name] | None) -> tuple[TableInfo, ...]:
    """The relations, locked by this session as well: whatever queues for them now comes after it."""
    import psycopg

    connection.execute(f"set local lock_timeout = {int(_LOCK_SECONDS * 1000)}")
    try:
        snapshot.lock(connection, relations.listed(connection, only))
    except psycopg.errors.LockNotAvailable as error:
        connection.execute("rollback")
        holders = snapshot.blockers(connection)
        raise LockNotAcquired(
            f"the tables cannot be read, because of {holders[0] if holders else 'a session that has just gone'}",
            hint="try again once it is done",
        ) from error
    connection.execute("set local lock_timeout = 0")
    return relations.listed(connection, only)


def _items(
    connection: psycopg.Connection[Any],
    infos: Sequence[TableInfo],
    level: Measure,
    *,
    with_large_objects: bool,
) -> list[_Item]:
    """What is to be read, the largest first."""
    tables = [info.oid for info in infos if info.kind == TABLE]
    columns = rowhash.columns_of(connection, tables) if level == "full" else {}
    items = [
        _Item(info, info.bytes, columns.get(info.oid, ()))
        for info in infos
        if info.kind == TABLE or (info.kind == MATERIALIZED and info.populated)
    ]
    if with_large_objects:
        row = connection.execute("select pg_table_size('pg_catalog.pg_largeobject'::regclass)").fetchone()
        items.append(_Item(None, int(row[0]) if row else 0))
    return sorted(items, key=lambda item: -item.bytes)


def _sequences(connection: psycopg.Connection[Any], infos: Sequence[TableInfo]) -> tuple[SequenceRange, ...]:
    found = [info for info in infos if info.kind == SEQUENCE]
    return snapshot.read_sequences(connection, found, None)


def _contents(
    infos: Sequence[TableInfo],
    sequences: tuple[SequenceRange, ...],
    found: Mapping[int | None, _Found],
) -> Contents:
    measured = [found[info.oid] for info in infos if info.kind == TABLE]
    views = [info for info in infos if info.kind == MATERIALIZED]
    rows = {info.oid: found.get(info.oid) for info in views}
    large_objects = found.get(None)
    return Contents(
        tables=tuple(table for table in measured if isinstance(table, TableContent)),
        sequences=sequences,
        large_objects=large_objects if isinstance(large_objects, LargeObjects) else None,
        materialized_views=tuple((view.schema, view.name, _count(rows[view.oid])) for view in views),
        foreign_tables=tuple(info.key for info in infos if info.kind == FOREIGN),
    )


def _count(found: _Found | None) -> int | None:
    return found if isinstance(found, int) else None


class _Crew:
    """Sessions that share the work.  Only the leader's holds all locks.

    Another session may be kept from a table because a third one waits to change it; then the leader, which
    comes before that one, reads the table.  So no session needs more locks than it works with.
    """

    def __init__(
        self,
        target: Target,
        snapshot_id: str,
        level: Measure,
        jobs: int,
        listen: Listener,
        items: Sequence[_Item],
        stopped_by: Future[None] | None,
    ) -> None:
        self._target, self._snapshot_id, self._level = target, snapshot_id, level
        self._sessions = max(1, min(jobs, len(items)))
        self._listen = listen
        self._total = len(items)
        self._bytes_total = sum(item.bytes for item in items)
        self._todo, self._left_over = deque(items), deque[_Item]()
        self._messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._stopped_by = stopped_by
        self._connections: list[psycopg.Connection[Any]] = []
        self._found: dict[int | None, _Found] = {}
        self._bytes_done = 0

    def run(self, leader: psycopg.Connection[Any]) -> Mapping[int | None, _Found]:
        """Do all of it; returns what was found by oid, None for the large objects.

        The first failure, or an interruption, cancels what the other sessions are at.
        """
        with ThreadPoolExecutor(self._sessions, "dbops-proof") as pool:
            working = [pool.submit(self._lead, leader, self._todo)]
            working += [pool.submit(self._follow) for _ in range(self._sessions - 1)]
            self._collect(working)
            self._collect([pool.submit(self._lead, leader, self._left_over)])
        return self._found

    def _collect(self, working: list[Future[None]]) -> None:
        """Take in what the threads find, until all have ended; events come from this thread alone."""
        for one in working:
            one.add_done_callback(self._messages.put)
        if self._stopped_by is not None:
            self._stopped_by.add_done_callback(self._messages.put)
        try:
            open_ends = len(working)
            while open_ends:
                message = self._messages.get()
                if isinstance(message, Future):
                    message.result()
                    open_ends -= 1
                else:
                    self._take(*message)
        finally:
            self._end(working)

    def _take(self, item: _Item, found: _Found | None) -> None:
        if found is not None:
            self._found[item.info.oid if item.info else None] = found
            self._bytes_done += item.bytes
        done = len(self._found)
        self._listen(ContentMeasured(item.label, done, self._total, self._bytes_done, self._bytes_total))

    def _end(self, working: Sequence[Future[None]]) -> None:
        """Cancel until they are gone: one may have been about to send a query when it was cancelled first."""
        import psycopg

        while wait(working, timeout=0).not_done:
            self._stop.set()
            for connection in list(self._connections):
                with suppress(psycopg.Error):
                    connection.cancel()
            wait(working, timeout=0.1)

    def _lead(self, connection: psycopg.Connection[Any], items: deque[_Item]) -> None:
        self._connections.append(connection)
        with snapshot.told():
            _share_processors(connection, self._sessions)
            for item in self._next(items):
                self._read(connection, item)

    def _follow(self) -> None:
        """Help the leader, which does all of it alone where the server has no connection left for more."""
        if not self._todo:
            return
        name = application_name("proof")
        with ExitStack() as stack:
            try:
                connection = stack.enter_context(
                    snapshot.join(self._target, self._snapshot_id, name, self._listen, deadline=0)
                )
            except CannotConnect:
                return
            stack.enter_context(snapshot.told())
            self._connections.append(connection)
            _share_processors(connection, self._sessions)
            for item in self._next(self._todo):
                with _lockable(connection, item) as free:
                    if free:
                        self._read(connection, item)
                    else:
                        self._left_over.append(item)

    def _next(self, items: deque[_Item]) -> Iterator[_Item]:
        while not self._stop.is_set():
            try:
                yield items.popleft()
            except IndexError:
                return

    def _read(self, connection: psycopg.Connection[Any], item: _Item) -> None:
        self._messages.put((item, None))
        self._messages.put((item, _found(connection, item, self._level)))


def _found(connection: psycopg.Connection[Any], item: _Item, level: Measure) -> _Found:
    info = item.info
    if info is None:
        return _large_objects(connection, level)
    if level == "counts" or info.kind == MATERIALIZED:
        query = rowhash.select_counts(info.identifier, info.condition)
    else:
        encoding = connection.info.parameter_status("server_encoding")
        convert = encoding not in ("UTF8", "SQL_ASCII")
        query = rowhash.select_fingerprint(info.identifier, item.columns, info.condition, convert=convert)
    row = connection.execute(query).fetchone()
    assert row is not None
    if info.kind == MATERIALIZED:
        return int(row[0])
    names = tuple(column.name for column in item.columns)
    return TableContent(info.schema, info.name, row[0], row[1], names)


def _large_objects(connection: psycopg.Connection[Any], level: Measure) -> LargeObjects:
    if level == "counts":
        return LargeObjects(largeobjects.count(connection), None)
    largeobjects.check_readable(connection)
    return largeobjects.fingerprint(connection)


@contextmanager
def _lockable(connection: psycopg.Connection[Any], item: _Item) -> Iterator[bool]:
    """Whether this session got the table's lock at once."""
    import psycopg

    if item.info is None:
        yield True
        return
    connection.execute("savepoint before_lock")
    try:
        if item.info.kind == MATERIALIZED:
            connection.execute("set local lock_timeout = 1")
        snapshot.lock(connection, [item.info], nowait=True)
        free = True
    except psycopg.errors.LockNotAvailable:
        connection.execute("rollback to savepoint before_lock")
        free = False
    connection.execute("release savepoint before_lock")
    connection.execute("set local lock_timeout = 0")
    yield free


def _share_processors(connection: psycopg.Connection[Any], sessions: int) -> None:
    """Where there is a session for every processor of this machine, parallel workers would only take turns."""
    if sessions >= (os.cpu_count() or 1):
        connection.execute("set max_parallel_workers_per_gather = 0")
