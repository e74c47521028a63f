"""How far a backup is, as events for a terminal: a line that changes, a few times a second."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import ClassVar

from dbops.events import Event, Level, Listener, format_bytes, format_seconds

_EVERY = 0.2


@dataclasses.dataclass(frozen=True)
class Working(Event):
    """What is being done, how much of it is done, and how much there is; bytes, seconds since it began.

    `table` is the one that was begun last; several may be dumped at once.
    """

    what: str
    done: int
    total: int | None
    seconds: float
    table: str = ""

    level: ClassVar[Level] = Level.PROGRESS

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes at the rate so far; None where that cannot be said yet."""
        if not self.total or not self.done or self.seconds < 1:
            return None
        return max(self.seconds / self.done * (self.total - self.done), 0)

    def sentence(self) -> str:
        text = f"{self.what} {self.table}".rstrip() + f": {format_bytes(self.done)}"
        if self.total:
            text += f" of {format_bytes(self.total)}"
        if self.seconds >= 1:
            text += f", {format_bytes(int(self.done / self.seconds))}/s"
        left = self.left
        return text if left is None or left < 1 else f"{text}, {format_seconds(left)} left"


class Progress:
    """Tells of one thing after another; may be called from several threads."""

    def __init__(self, listen: Listener) -> None:
        self._listen = listen
        self._lock = threading.Lock()
        self._lap = time.monotonic()
        self._began = self._told = self._lap
        self._what = self._table = ""
        self._total: int | None = None
        self._done = 0

    def begin(self, what: str, total: int | None) -> None:
        """The next thing; `total` is in bytes, None where nobody knows."""
        with self._lock:
            self._what, self._table, self._total, self._done = what, "", total, 0
            self._began = self._told = time.monotonic()

    def end(self) -> None:
        """Nothing is done here any more; others may show how far they are."""
        with self._lock:
            self._what = ""

    def table(self, label: str) -> None:
        """The next table has been begun."""
        with self._lock:
            self._table = label

    def beside(self, event: Event) -> None:
        """A listener for other work at the same time: a terminal has one line, and this here comes first."""
        if event.level is not Level.PROGRESS or not self._what:
            self._listen(event)

    def add(self, count: int) -> None:
        """More bytes of it are done."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._told < _EVERY:
                return
            self._told = now
            total = self._total if self._total is None or self._done <= self._total else None
            event = Working(self._what, self._done, total, now - self._began, self._table)
        self._listen(event)

    def lap(self) -> float:
        """Seconds since the last lap."""
        before, self._lap = self._lap, time.monotonic()
        return self._lap - before
