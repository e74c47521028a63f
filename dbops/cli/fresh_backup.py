"""A backup before migrations run: the one that is fresh enough, else a new one."""

from __future__ import annotations

import datetime

from dbops.backups.entries import Backup
from dbops.backups.plan import Request
from dbops.backups.store import Store
from dbops.cli.backup_databases import Database, database_of, make
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.config.values import seconds
from dbops.engines.log import LogEntry
from dbops.engines.marks import is_development
from dbops.engines.records import Action
from dbops.engines.session import Session
from dbops.errors import UsageError
from dbops.events import Detail, Note, format_seconds

_ORIGIN = "option --require-fresh-backup"


def age(text: str) -> float:
    """Seconds.

    :raises UsageError: a bare number, which could as well be meant as a number of migrations; or no time at all.
    """
    if text.isdecimal():
        raise UsageError(
            f"--require-fresh-backup {text}: {text} of what?",
            hint=f"--require-fresh-backup {text}min for minutes; a number of migrations stands before the option",
        )
    return seconds(text, _ORIGIN, off=True)


def ensure(session: Session, settings: Settings, out: Output, asked: float | None) -> LogEntry | None:
    """A fresh backup of the session's database; returns what the event log shall say of it.

    :param asked: how old it may be, in seconds, by the command line; None where only the project's configuration asks,
        which does not count for a development database.
    :raises DbopsError: it could not be made.
    """
    if asked is None and is_development(session.comment()):
        out.event(Detail("no backup first: this is a development database"))
        return None
    most = asked if asked is not None else settings.backup_before_migrate.value or 0.0
    store = Store(settings.backups_dir.value, out.event)
    database = database_of(session, settings)
    found = _fresh(database, store, most)
    if found is not None:
        out.event(Note(f"backup {found.name} is fresh enough"))
        return _entry(found, taken=False)
    made = make(database, database.plan(Request(), store), store, out)
    out.event(Note(f"backup {made.name} taken ({format_seconds(made.manifest.duration)})"))
    return _entry(made, taken=True)


def _fresh(database: Database, store: Store, most: float) -> Backup | None:
    """The newest backup, where it is whole, proven, of this very database as it is migrated now, and young enough."""
    newest = store.latest(database.name) if most else None
    if newest is None or not newest.proven or newest.summary.options:
        return None
    age_now = datetime.datetime.now(datetime.UTC) - newest.summary.created_at
    return newest if age_now <= datetime.timedelta(seconds=most) and database.is_state(newest) else None


def _entry(backup: Backup, *, taken: bool) -> LogEntry:
    return LogEntry(
        Action.BACKED_UP,
        message=f"{backup.name}, {'taken for this' if taken else 'which was fresh enough'}",
        detail={"backup": backup.name, "taken": taken, "created_at": backup.summary.created_at.isoformat()},
    )
