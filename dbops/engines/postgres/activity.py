"""A second pair of eyes: what a long statement is doing, and whom it waits for.

The connection that works is busy, so another one looks at it.  It is opened
only when a statement takes longer than a moment.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dbops.engines.base import Blocker
from dbops.events import Event, Level, Listener, Note, format_seconds

if TYPE_CHECKING:
    import psycopg

INTERVAL = 1.0

_LOOK = """
select activity.query, activity.wait_event_type, progress.phase,
    case when progress.blocks_total > 0 then 100.0 * progress.blocks_done / progress.blocks_total
         when progress.tuples_total > 0 then 100.0 * progress.tuples_done / progress.tuples_total end::float8,
    pg_catalog.pg_blocking_pids(activity.pid)
from pg_catalog.pg_stat_activity as activity
left join pg_catalog.pg_stat_progress_create_index as progress using (pid)
where activity.pid = %s and activity.state = 'active'
"""

_BLOCKERS = """
select pid, coalesce(usename, ''), coalesce(application_name, ''), coalesce(query, ''),
    extract(epoch from clock_timestamp() - xact_start)::float8
from pg_catalog.pg_stat_activity where pid = any(%s)
"""


@dataclasses.dataclass(frozen=True)
class StatementRuns(Event):
    """What a statement is doing right now.  `seconds` since it was sent; `percent` for an index that is built."""

    query: str
    seconds: float
    phase: str | None
    percent: float | None
    waits_for: tuple[str, ...]

    level = Level.PROGRESS

    def sentence(self) -> str:
        text = f"{format_seconds(self.seconds)}: {' '.join(self.query.split())[:60]}"
        if self.phase:
            text += f" ({self.phase}" + (f", {self.percent:.0f} %)" if self.percent is not None else ")")
        return text + (f" waits for {self.waits_for[0]}" if self.waits_for else "")


class Activity:
    """Watches one backend while a statement runs, from a thread of its own."""

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        backend_pid: int,
        listen: Listener,
    ) -> None:
        self._connect = connect
        self._backend_pid = backend_pid
        self._listen = listen
        self._first_look = INTERVAL
        self._connection: psycopg.Connection[Any] | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Condition()
        self._began: float | None = None
        self._closing = False
        self._deadline: float | None = None
        self.blockers: tuple[Blocker, ...] = ()
        self.cancelled = False

    def begin(self, *, first_look: float, deadline: float | None) -> None:
        """A statement is about to be sent.

        :param first_look: seconds after which to look at it for the first time.
        :param deadline: seconds of waiting for a lock after which to cancel it; None leaves it alone.
        """
        self.blockers, self.cancelled = (), False
        with self._wake:
            self._deadline = deadline
            self._began = time.monotonic()
            sooner, self._first_look = first_look < self._first_look, first_look
            if sooner:
                self._wake.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="dbops-activity", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """The statement has ended.  The thread finds out by itself, so that this costs nothing."""
        self._began = None

    def close(self) -> None:
        """End the thread and its connection."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _watch(self) -> None:
        waiting_since: float | None = None
        interval = self._first_look
        while True:
            with self._wake:
                self._wake.wait(interval)
                if self._closing:
                    break
            began = self._began
            if began is None or time.monotonic() - began < self._first_look:
                waiting_since, interval = None, self._first_look
                continue
            waiting_since = self._attend(began, waiting_since)
            interval = min(INTERVAL, self._first_look)
        if self._connection is not None:
            self._connection.close()

    def _attend(self, began: float, waiting_since: float | None) -> float | None:
        """One look at the statement that began then; returns since when it waits for a lock, None if it does not."""
        import psycopg

        from dbops.errors import DbopsError

        try:
            if self._connection is None:
                self._connection = self._connect()
            if not self._look(self._connection, began, first=waiting_since is None):
                return None
            waiting_since = waiting_since or time.monotonic()
            late = self._deadline is not None and time.monotonic() - waiting_since > self._deadline
            if late and self._began == began:
                self.cancelled = True
                self._connection.execute("select pg_catalog.pg_cancel_backend(%s)", [self._backend_pid])
        except (psycopg.Error, DbopsError):
            # Watching is a courtesy: without a connection the work goes on, only less is told.
            self._connection = None
            return None
        return waiting_since

    def _look(self, connection: psycopg.Connection[Any], began: float, *, first: bool) -> bool:
        """Tell what the statement is doing; returns whether it waits for a lock."""
        row = connection.execute(_LOOK, [self._backend_pid]).fetchone()
        if row is None or self._began != began:
            return False
        query, wait_type, phase, percent, pids = row
        waits = bool(wait_type == "Lock")
        if pids:
            self.blockers = tuple(Blocker(*found) for found in connection.execute(_BLOCKERS, [pids]))
        waits_for = tuple(map(str, self.blockers)) if pids else ()
        if waits and first and self._deadline is not None and waits_for:
            self._listen(Note(f"waits for {'; '.join(waits_for)}"))
        self._listen(StatementRuns(query, time.monotonic() - began, phase, percent, waits_for))
        return waits
