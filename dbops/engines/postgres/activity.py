"""A second pair of eyes: what a long statement is doing, and whom it waits for.

The connection that works is busy, so another one looks at it.  It is opened
only when a statement takes longer than a moment, or may not last one.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dbops.engines.base import Blocker
from dbops.engines.postgres.looking import Look, Sent, Subject, look, told
from dbops.events import Listener, Note

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.postgres.ending import Ender

INTERVAL = 1.0
LASTING = 10.0
"""Seconds that a statement has run when it is told of in a log, too; then again whenever it has run for twice as long,
but at least every five minutes."""
_SELDOM = 300.0
_TIME_TO_CONNECT = 0.5
"""Seconds to the first look, below which the connection is made beforehand; a busy machine takes that long."""


class Activity:
    """Watches one backend while a statement runs, from a thread of its own.

    :param ender: ends sessions that are in the way, None where none is to be ended.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        backend_pid: int,
        listen: Listener,
        ender: Ender | None = None,
    ) -> None:
        self._connect = connect
        self._backend_pid = backend_pid
        self._listen = listen
        self._ender = ender
        self._first_look = INTERVAL
        self._connection: psycopg.Connection[Any] | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Condition()
        self._began: float | None = None
        self._closing = False
        self._deadline: float | None = None
        self._sent: Sent | None = None
        self._next_lasting = LASTING
        self.subject = Subject()
        self.blockers: tuple[Blocker, ...] = ()
        self.cancelled = False

    def begin(self, *, first_look: float, deadline: float | None, sent: Sent | None = None) -> None:
        """A statement is about to be sent.

        :param first_look: seconds after which to look at it for the first time.
        :param deadline: seconds of waiting for a lock after which to cancel it; None leaves it alone.
        :param sent: of the migration; None for what belongs to none, and for what psycopg sends.
        """
        self.blockers, self.cancelled = (), False
        if self._thread is None and first_look < _TIME_TO_CONNECT:
            self._connected()  # the statement may be over before a connection is there
        with self._wake:
            self._deadline, self._sent, self._next_lasting = deadline, sent, LASTING
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
            if began is None:
                waiting_since, interval = None, self._first_look
                continue
            to_come = began + self._first_look - time.monotonic()
            if to_come > 0:  # not a whole interval more: a lock timeout may end it before that
                waiting_since, interval = None, to_come
                continue
            waiting_since = self._attend(began, waiting_since)
            interval = min(INTERVAL, self._first_look)
        if self._connection is not None:
            self._connection.close()

    def _attend(self, began: float, waiting_since: float | None) -> float | None:
        """One look at the statement that began then; returns since when it waits for a lock, None if it does not."""
        import psycopg

        from dbops.errors import DbopsError

        connection = self._connected()
        if connection is None:
            return None
        try:
            if not self._look(connection, began, first=waiting_since is None):
                return None
            waiting_since = waiting_since or time.monotonic()
            late = self._deadline is not None and time.monotonic() - waiting_since > self._deadline
            if late and self._began == began:
                self.cancelled = True
                connection.execute("select pg_catalog.pg_cancel_backend(%s)", [self._backend_pid])
        except (psycopg.Error, DbopsError):
            self._connection = None
            return None
        return waiting_since

    def _connected(self) -> psycopg.Connection[Any] | None:
        """The connection that looks; without one the work goes on and less is told, for watching is a courtesy."""
        import psycopg

        from dbops.errors import DbopsError

        if self._connection is None:
            with contextlib.suppress(psycopg.Error, DbopsError):
                self._connection = self._connect()
        return self._connection

    def _look(self, connection: psycopg.Connection[Any], began: float, *, first: bool) -> bool:
        """Tell what the statement is doing; returns whether it waits for a lock."""
        found = look(connection, self._backend_pid)
        if found is None or self._began != began:
            return False
        if found.blockers:
            self.blockers = found.blockers
        if found.waits and first and self._deadline is not None and found.blockers:
            self._listen(Note(f"waits for {'; '.join(map(str, found.blockers))}"))
        self._tell(found, time.monotonic() - began)
        if found.waits and self._ender is not None and self.subject.matters:
            self.blockers = self._ender.attend(connection, self._backend_pid, self.subject) or self.blockers
        return found.waits

    def _tell(self, found: Look, seconds: float) -> None:
        lasting = seconds >= self._next_lasting
        if lasting:
            self._next_lasting = seconds + min(seconds, _SELDOM)
        self._listen(told(found, self.subject, self._sent, seconds, lasting=lasting))
