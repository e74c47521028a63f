"""Several sessions that read the tables of one snapshot, the largest first."""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from dbops.config.model import Target
from dbops.engines.contents import LargeObjects, TableContent
from dbops.engines.postgres import largeobjects, rowhash, snapshot
from dbops.engines.postgres.connection import application_name
from dbops.engines.postgres.pinned import join, told
from dbops.engines.postgres.relations import MATERIALIZED, TableInfo
from dbops.engines.postgres.rowhash import Column
from dbops.errors import CannotConnect, Interrupted
from dbops.events import Event, Level, Listener

if TYPE_CHECKING:
    import psycopg

Measure = Literal["full", "counts"]
"""Fingerprints and counts, or counts alone."""

_LARGE_OBJECTS = "large objects"
_VIEW_LOCK_MS = 100  # how long to wait for one of a materialized view
_LOOK_SECONDS = 0.1  # how often to look whether it shall stop


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


@dataclasses.dataclass(frozen=True)
class Item:
    """A piece of work for one session.  `info` is None for the large objects."""

    info: TableInfo | None
    bytes: int
    columns: tuple[Column, ...] = ()

    @property
    def label(self) -> str:
        return self.info.label if self.info else _LARGE_OBJECTS


@dataclasses.dataclass(frozen=True)
class Uncounted:
    """A materialized view that was locked, dropped or filled anew since the snapshot was taken."""


Found = TableContent | LargeObjects | int | Uncounted
_Message = tuple[Item, Found | None] | Future[None]


class Crew:
    """Sessions that share the work.  Only the leader's holds all locks.

    Parallel workers are left as the server has them: they helped even where there is a session for each of two
    processors, since the largest table is often half of it all.

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
        items: Sequence[Item],
        stop: threading.Event | None = None,
    ) -> None:
        self._target, self._snapshot_id, self._level = target, snapshot_id, level
        self._sessions = max(1, min(jobs, len(items)))
        self._listen = listen
        self._total = len(items)
        self._bytes_total = sum(item.bytes for item in items)
        self._todo, self._left_over = deque(items), deque[Item]()
        self._messages: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._asked_to_stop = stop
        self._stop = threading.Event()
        self._connections: list[psycopg.Connection[Any]] = []
        self._found: dict[int | None, Found] = {}
        self._bytes_done = 0

    def run(self, leader: psycopg.Connection[Any]) -> Mapping[int | None, Found]:
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
        try:
            open_ends = len(working)
            while open_ends:
                message = self._next_message()
                if isinstance(message, Future):
                    message.result()
                    open_ends -= 1
                else:
                    self._take(*message)
        finally:
            self._end(working)

    def _next_message(self) -> _Message:
        stop = self._asked_to_stop
        while stop is not None:
            if stop.is_set():
                raise Interrupted("the content was not measured to the end")
            with suppress(queue.Empty):
                return self._messages.get(timeout=_LOOK_SECONDS)
        return self._messages.get()

    def _take(self, item: Item, found: Found | None) -> None:
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

    def _lead(self, connection: psycopg.Connection[Any], items: deque[Item]) -> None:
        self._connections.append(connection)
        with told():
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
                    join(self._target, self._snapshot_id, name, self._listen, deadline=0)
                )
            except CannotConnect:
                return
            stack.enter_context(told())
            self._connections.append(connection)
            for item in self._next(self._todo):
                with _lockable(connection, item) as free:
                    if free:
                        self._read(connection, item)
                    else:
                        self._left_over.append(item)

    def _next(self, items: deque[Item]) -> Iterator[Item]:
        while not self._stop.is_set():
            try:
                yield items.popleft()
            except IndexError:
                return

    def _read(self, connection: psycopg.Connection[Any], item: Item) -> None:
        self._messages.put((item, None))
        self._messages.put((item, read(connection, item, self._level)))


def read(connection: psycopg.Connection[Any], item: Item, level: Measure) -> Found:
    info = item.info
    if info is None:
        return _large_objects(connection, level)
    if info.kind == MATERIALIZED:
        return _rows_of_view(connection, info)
    if level == "counts":
        query = rowhash.select_counts(info.identifier, info.condition)
    else:
        encoding = connection.info.parameter_status("server_encoding")
        convert = encoding not in ("UTF8", "SQL_ASCII")
        query = rowhash.select_fingerprint(info.identifier, item.columns, info.condition, convert=convert)
    row = connection.execute(query).fetchone()
    assert row is not None
    names = tuple(column.name for column in item.columns)
    return TableContent(info.schema, info.name, row[0], row[1], names)


def _rows_of_view(connection: psycopg.Connection[Any], info: TableInfo) -> int | Uncounted:
    """The rows of a materialized view.  Its lock is given back at once, so that no REFRESH has to wait for the backup."""
    import psycopg

    found: int | Uncounted = Uncounted()
    connection.execute("savepoint before_view")
    try:
        connection.execute(f"set local lock_timeout = {_VIEW_LOCK_MS}")
        rows = connection.execute(rowhash.select_counts(info.identifier, info.condition)).fetchone()
        # what REFRESH writes is seen in older snapshots, too; its file is another one than theirs
        same = connection.execute(
            "select relfilenode = pg_catalog.pg_relation_filenode(oid) from pg_catalog.pg_class where oid = %s",
            [info.oid],
        ).fetchone()
        if rows and same and same[0]:
            found = int(rows[0])
    except (
        psycopg.errors.LockNotAvailable,
        psycopg.errors.UndefinedTable,
        psycopg.errors.InvalidSchemaName,
        psycopg.errors.ObjectNotInPrerequisiteState,  # it was emptied
    ):
        pass
    connection.execute("rollback to savepoint before_view")
    connection.execute("release savepoint before_view")
    return found


def _large_objects(connection: psycopg.Connection[Any], level: Measure) -> LargeObjects:
    if level == "counts":
        return LargeObjects(largeobjects.count(connection), None)
    largeobjects.check_readable(connection)
    return largeobjects.fingerprint(connection)


@contextmanager
def _lockable(connection: psycopg.Connection[Any], item: Item) -> Iterator[bool]:
    """Whether this session got the table's lock at once."""
    import psycopg

    if item.info is None or item.info.kind == MATERIALIZED:
        yield True
        return
    connection.execute("savepoint before_lock")
    try:
        snapshot.lock(connection, [item.info], nowait=True)
        free = True
    except psycopg.errors.LockNotAvailable:
        connection.execute("rollback to savepoint before_lock")
        free = False
    connection.execute("release savepoint before_lock")
    yield free
