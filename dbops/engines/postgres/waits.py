"""Whether sessions of ours wait for a lock, and for whom: asked now and then, by a small session of its own.

A program that works for us may wait for somebody who waits for our own locks.  The server sees no deadlock there, since
that we wait for the program is nothing that it knows of.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dbops.config.model import Target
from dbops.engines.base import Blocker
from dbops.engines.postgres.connection import application_name, connect
from dbops.engines.postgres.pinned import told
from dbops.errors import CannotConnect
from dbops.events import Listener

if TYPE_CHECKING:
    import psycopg

_EVERY = 1.0
_AFTER_A_FAILURE = 30.0
_IN_A_CIRCLE = 2.0

# Whoever is waited for and waits in turn may well wait for us, or for somebody who does.
_WAITING = """
select waiting.pid, pg_catalog.cardinality(pg_catalog.pg_blocking_pids(blocker.pid)) > 0,
    coalesce(other.pid, 0), coalesce(other.usename, ''), coalesce(other.application_name, ''), coalesce(other.query, ''),
    extract(epoch from pg_catalog.clock_timestamp() - other.xact_start)::float8
from pg_catalog.pg_stat_activity as waiting
cross join lateral unnest(pg_catalog.pg_blocking_pids(waiting.pid)) as blocker(pid)
left join pg_catalog.pg_stat_activity as other on other.pid = blocker.pid
where waiting.datname = pg_catalog.current_database() and waiting.application_name = %s
    and waiting.wait_event_type = 'Lock'
order by 2 desc, 1, 3
"""


class Waits:
    """Looks after the sessions of one application name.  Use as a context manager.

    :param deadline: seconds that one of them may wait; one that waits in a circle with us may do so for two.
    """

    def __init__(self, target: Target, application: str, deadline: float, listen: Listener) -> None:
        self._target, self._application = target, application
        self._deadline, self._listen = deadline, listen
        self._connection: psycopg.Connection[Any] | None = None
        self._next = time.monotonic() + _EVERY
        self._since: dict[int, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()

    def too_long(self) -> tuple[Blocker, bool] | None:
        """For whom one of them waits for too long already, and whether that one waits in turn.

        May be called as often as one likes: the server is asked once a second.
        """
        now = time.monotonic()
        if now < self._next:
            return None
        self._next = now + _EVERY
        rows = self._rows()
        self._since = {row[0]: self._since.get(row[0], now) for row in rows}
        for pid, in_turn, *who in rows:
            limit = min(_IN_A_CIRCLE, self._deadline) if in_turn else self._deadline
            if now - self._since[pid] >= limit:
                return Blocker(*who), in_turn
        return None

    def _rows(self) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None:
                name = application_name("watch")
                self._connection = connect(self._target, application=name, listen=self._listen, deadline=0)
            with told():
                return self._connection.execute(_WAITING, [self._application]).fetchall()
        except (
            CannotConnect
        ):  # the server has no session left for this; what reads the data finds out what else it is
            self._connection = None
            self._next = time.monotonic() + _AFTER_A_FAILURE
            return []
