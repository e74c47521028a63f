"""Counts rows while they are written: for the progress that is shown, and for the report at the end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

from dbops.engines.catalog import TableName
from dbops.events import Listener
from dbops.seeding.fill.model import Filling, Report, TableReport, label

_EVERY = 0.2  # seconds between two events
_WINDOW = 3.0  # seconds over which the rate is taken


class Progress:
    """Rows and seconds of each table.  `clock` gives seconds and never goes back."""

    def __init__(
        self,
        expected: Mapping[TableName, int],
        listen: Listener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._expected, self._listen, self._clock = expected, listen, clock
        self._began = self._last = self._told = clock()
        self._rows: dict[TableName, int] = {}
        self._seconds: dict[TableName, float] = {}
        self._done = 0
        self._waited = 0.0
        self._marks: deque[tuple[float, int]] = deque([(self._began, 0)])

    def rows(self, table: TableName) -> int:
        """How many were written into it so far."""
        return self._rows.get(table, 0)

    def written(self, table: TableName, rows: int) -> None:
        """So many more rows are in; the time since the last call was spent on this table."""
        now = self.spent(table)
        self._rows[table] = self.rows(table) + rows
        self._done += rows
        if now - self._told >= _EVERY:
            self._told = now
            self._tell(table, now)

    def waited(self) -> None:
        """The time since the last call was spent on waiting for rows: the report shares it out by the rows."""
        now = self._clock()
        self._waited += now - self._last
        self._last = now

    def spent(self, table: TableName) -> float:
        """The time since the last call was spent on this table; returns the clock."""
        now = self._clock()
        self._seconds[table] = self._seconds.get(table, 0.0) + now - self._last
        self._last = now
        return now

    def report(self) -> Report:
        """All tables that were expected or written, in that order."""
        tables = dict.fromkeys([*self._expected, *self._rows])
        waited = self._waited / self._done if self._done else 0.0  # for each row
        parts = (
            TableReport(table, self.rows(table), self._seconds.get(table, 0.0) + self.rows(table) * waited)
            for table in tables
        )
        return Report(tuple(parts), self._clock() - self._began)

    def _tell(self, table: TableName, now: float) -> None:
        self._marks.append((now, self._done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW:
            self._marks.popleft()
        since, before = self._marks[0]
        rate = (self._done - before) / (now - since) if now > since else 0.0
        # An estimate may have been too low.
        left = sum(max(total - self.rows(one), 0) for one, total in self._expected.items())
        seconds = left / rate if rate else None
        self._listen(Filling(label(table), self._done, self._done + left, rate, seconds))
