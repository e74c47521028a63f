"""A thread whose end can be waited for again after a signal has come in between."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Worker(threading.Thread):
    """A daemon thread at one piece of work, from its making on.

    `Thread.join` of Python 3.11 and 3.12 counts a thread as ended once the
    exception of a signal's handler has come out of it, although it runs on:
    whoever tidies up then takes away what the thread still works with.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        try:
            self._work()
        finally:
            self._over.set()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of its work, for so many seconds at most; `is_alive` tells afterwards."""
        self._over.wait(timeout)

    def is_alive(self) -> bool:
        """Whether it is still at work."""
        return not self._over.is_set()
