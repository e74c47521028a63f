"""One connection to a file of SQLite, with its timeouts, which can be made anew."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dbops.config.model import Settings
from dbops.engines.sqlite import connection as connections
from dbops.engines.sqlite.errors import told as error_told
from dbops.events import Listener, Note

if TYPE_CHECKING:
    from dbops.engines.sqlite.running import Runner

# Seconds that are waited for however short the deadline is: others lock the file for a moment when they open or close it.
_PATIENCE = 5.0


class Connected:
    """A connection that only reads until `reset` opens the file anew; a file that is not there is not made before."""

    def __init__(self, settings: Settings, listen: Listener) -> None:
        self._settings = settings
        self.drift_ignore = settings.drift_ignore
        self._listen = listen
        self._path = settings.target.path
        self._runner: Runner | None = None
        self._timeouts = settings.lock_timeout.value, settings.statement_timeout.value
        self._patience = max(settings.deadline.value, _PATIENCE)
        self.connection = self._connect(for_reading=True)

    def _connect(self, *, for_reading: bool = False) -> sqlite3.Connection:
        """The file, with the timeouts of the settings; where it is only read and not there, nothing in its place."""
        if for_reading and self._path.parent.is_dir() and not self._path.exists():
            self._listen(Note(f"{self._path} is not there yet: bin/migrate up makes it"))
            return connections.stand_in()
        return connections.connect(
            self._path,
            listen=self._listen,
            deadline=self._patience,
            create=not for_reading,
            read_only=for_reading,
        )

    def set_timeouts(self, *, lock_timeout: float | None, statement_timeout: float | None) -> None:
        """Set timeouts (seconds) until `reset`; None leaves one as it is."""
        before = self._timeouts
        self._timeouts = (
            before[0] if lock_timeout is None else lock_timeout,
            before[1] if statement_timeout is None else statement_timeout,
        )
        self._limited()

    def reset(self) -> None:
        """Open the file anew: what a migration set for its connection, and what was temporary, has gone with it."""
        self.connection.close()
        self._runner = None
        self.connection = self._connect()
        self._timeouts = self._settings.lock_timeout.value, self._settings.statement_timeout.value

    @property
    def runner(self) -> Runner:
        """What runs statements on the connection."""
        if self._runner is None:
            from dbops.engines.sqlite.running import Runner

            self._runner = Runner(self.connection, self._path)
            self._limited()
        return self._runner

    def _limited(self, lock_timeout: float | None = None, statement_timeout: float | None = None) -> Runner:
        """The runner with other timeouts than the session's; a lock timeout of 0 is for ever, which ends at the deadline."""
        runner = self.runner
        waits = self._timeouts[0] if lock_timeout is None else lock_timeout
        runner.waits = min(waits or float("inf"), self._patience)
        runner.timeout = self._timeouts[1] if statement_timeout is None else statement_timeout
        return runner

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """:raises DbopsError: in the place of the driver's own error, of what no statement of a migration is to blame for."""
        try:
            yield
        except sqlite3.Error as error:
            raise error_told(error, self._path) from error

    @contextlib.contextmanager
    def _rolled_back_on_failure(self, *, last: bool) -> Iterator[None]:
        """Where more of the migration may follow, its settings stay."""
        try:
            yield
        except BaseException:
            if self.connection.in_transaction:
                self.connection.execute("rollback")
            if last and self._is_stained():
                self.reset()
            raise

    def _is_stained(self) -> bool:
        return self.runner.stained or bool(
            self.connection.execute("select 1 from sqlite_temp_master limit 1").fetchone()
        )
