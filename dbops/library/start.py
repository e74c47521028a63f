"""Migrating when an application starts, however many of it start at once."""

from __future__ import annotations

import dataclasses
import random
import time
from typing import TYPE_CHECKING

from dbops.config import host
from dbops.config.model import DEFAULT, Setting, Settings
from dbops.engines.session import open_session
from dbops.errors import CannotConnect, LockNotAcquired, Refused
from dbops.events import Listener, Note, Warned, format_seconds, plural
from dbops.library import source
from dbops.library.results import Started
from dbops.migrations import compare, verbs
from dbops.migrations.migrator import Migrator
from dbops.migrations.model import State, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbops.engines.session import Session
    from dbops.library.source import Database, Folder

_DEADLINE = 600.0
"""Seconds to wait for the migrations of others, where no deadline is configured."""
_AT_ONCE = 0.0
"""Seconds that one attempt waits for a connection and for the lock: it asks for each once."""
_PAUSES = (0.1, 2.0)
"""Seconds between attempts: the first pause, and the longest."""
_RUNS = frozenset({State.PENDING, State.OUT_OF_ORDER, State.PARTIAL, State.CHANGED})


def migrate_on_start(
    database: Database = None,
    *,
    migrations_dir: Folder | None = None,
    tracking_table: str | None = None,
    env: str | None = None,
    enabled: bool | None = None,
    strict: bool = False,
    deadline: float | None = None,
    listen: Listener | None = None,
) -> Started:
    """Apply what is pending, if AUTO_MIGRATE says so, and return when the database is as this image needs it.

    Any number of processes may do this at once: one applies each migration, the others wait without a connection, and
    who finds nothing pending takes no lock.  Where the database is ahead of this folder, since this is an older image,
    that is a warning.  Nothing is asked; no signal, no logging, no variable of the environment is touched.

    :param database: as for `dbops.Migrator`, and so are `migrations_dir`, `tracking_table`, `env` and `listen`.
    :param enabled: whether to migrate; None leaves it to AUTO_MIGRATE (true or false) in the environment or `.env`.
    :param strict: refuse a database that is ahead, or where an applied file has been changed.
    :param deadline: how long to wait for others, in seconds; by default as configured, else ten minutes.
    :raises ConfigError: AUTO_MIGRATE or another setting is wrong.
    :raises CannotConnect: no server, or no room on it until the deadline.
    :raises LockNotAcquired: another migrator did not finish before the deadline, or a table's lock was not to be had.
    :raises Refused: strict; or a pending migration has a lower number than the newest applied one.
    :raises AnswerIsNo: something is pending, and an applied file was changed.
    :raises PartlyApplied: a migration that cannot run in a transaction stopped in the middle; the next start goes on.
    :raises DbopsError: a migration failed, and nothing of it is left.
    """
    if not (host.auto_migrate() if enabled is None else enabled):
        return Started(off=True)
    given = source.options(
        env=env, migrations_dir=migrations_dir, tracking_table=tracking_table, deadline=deadline
    )
    listen = listen or source.to_log
    with source.noted():
        settings = source.settings(database, given, listen)
        configured = settings.deadline
        patience = _DEADLINE if configured.origin == DEFAULT else configured.value
        return _Start(settings, listen, strict).run(patience)


class _Start:
    """The attempts of one process: short ones, so that nobody who waits keeps a connection from others."""

    def __init__(self, settings: Settings, listen: Listener, strict: bool) -> None:
        self._settings = settings
        self._brief = dataclasses.replace(settings, deadline=Setting(_AT_ONCE))
        self._listen = listen
        self._strict = strict
        self._told = False

    def run(self, deadline: float) -> Started:
        began = time.monotonic()
        pause, longest = _PAUSES
        while True:
            waited = time.monotonic() - began
            try:
                with open_session(self._brief, "library start", self._listen) as session:
                    found = self._attempt(session, waited, last=waited >= deadline)
                if found is not None:
                    return found
            except CannotConnect as error:
                if not error.passing or waited >= deadline:
                    raise
                self._tell(error.message)
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # jitter, not a secret
            pause = min(pause * 1.5, longest)

    def _attempt(self, session: Session, waited: float, *, last: bool) -> Started | None:
        """What was found and done; None where another migrator is at work.

        :raises LockNotAcquired: it is the last attempt.
        """
        migrator = Migrator(session, self._settings, self._listen)
        statuses = migrator.statuses()
        if not any(status.state in _RUNS for status in statuses):
            return self._ready(statuses, waited)
        try:
            session.acquire_lock()
        except LockNotAcquired as error:
            if last:
                raise LockNotAcquired(
                    f"waited {format_seconds(waited)} for another migrator, which has not finished: "
                    f"{session.lock_holder() or 'it has just gone'}",
                    hint="bin/migrate status shows how far it is; a session that hangs is ended by bin/migrate unlock",
                ) from error
            self._tell(f"waiting for another migrator ({session.lock_holder() or 'just gone'})")
            return None
        make = verbs.up(migrator)
        done = migrator.change(migrator.prepare(make), make)
        ready = self._ready(migrator.statuses(), waited)
        return dataclasses.replace(ready, applied=tuple(step.version.text for step in done.runs))

    def _ready(self, statuses: Sequence[Status], waited: float) -> Started:
        """Nothing is pending.

        :raises Refused: strict, and the database is not what this folder says.
        """
        at = compare.current(statuses)
        ahead = tuple(status.version.text for status in statuses if status.state is State.MISSING)
        drifted = [status for status in statuses if status.state is State.DRIFTED]
        problems = []
        if ahead:
            problems.append(
                f"the database has {plural(len(ahead), 'migration')} that this image does not have: {', '.join(ahead)}"
            )
        if drifted:
            problems.append(
                f"{plural(len(drifted), 'applied file')} changed afterwards, the first {drifted[0].version}"
            )
        for problem in problems:
            if self._strict:
                raise Refused(
                    problem, hint="start the image that belongs to this database; bin/migrate status"
                )
            self._listen(Warned(problem))
        return Started((), at.version.text if at else None, ahead, waited)

    def _tell(self, text: str) -> None:
        if not self._told:
            self._told = True
            self._listen(Note(text))
