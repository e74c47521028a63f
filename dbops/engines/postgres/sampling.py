"""Looking at the locks of another session's statement, from a second connection, while it runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_LOCKS_OF = """
select relation::bigint, mode from pg_catalog.pg_locks
where locktype = 'relation' and granted and relation >= 16384 and pid = %s
"""
_PATIENCE = 5.0
"""Seconds to wait for the first look."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.05
"""Seconds between two looks at a statement outside a transaction: at first more often, since most are short."""
_HELD = 0.1
"""Seconds that a statement is held up at most, to be seen at all."""

Spans = Mapping[tuple[int, str], tuple[float, float]]
"""Of locks, by relation and mode, when they were first and last seen."""


@contextlib.contextmanager
def sampled(
    connection: psycopg.Connection[Any], backend_pid: int, clock: Callable[[], float]
) -> Iterator[Callable[[], Spans]]:
    """Look at a backend for as long as the block runs; what is yielded tells afterwards what was seen."""
    began, stop = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(_sample, connection, backend_pid, clock, began, stop)
        began.wait(_PATIENCE)  # the first look of a session takes longer than many a statement
        try:
            yield looking.result
        finally:
            stop.set()


def _sample(
    connection: psycopg.Connection[Any],
    backend_pid: int,
    clock: Callable[[], float],
    began: threading.Event,
    stop: threading.Event,
) -> dict[tuple[int, str], tuple[float, float]]:
    """The locks that a backend has held, by when they were first and last seen.

    What runs CONCURRENTLY waits for older snapshots: one is held until it has been seen at work, however short it is.
    """
    found: dict[tuple[int, str], tuple[float, float]] = {}
    pause = _SHORTEST_PAUSE
    until: float | None = clock() + _HELD
    connection.execute("begin isolation level repeatable read read only")
    while not stop.is_set():
        for oid, mode in connection.execute(_LOCKS_OF, [backend_pid]).fetchall():
            first, _ = found.get((oid, mode), (clock(), 0.0))
            found[oid, mode] = (first, clock())
        began.set()
        if until is not None and (found or clock() > until):
            connection.execute("commit")
            until = None
        stop.wait(pause)
        pause = min(pause * 1.1, _LONGEST_PAUSE)
    if until is not None:
        connection.execute("commit")
    return found
