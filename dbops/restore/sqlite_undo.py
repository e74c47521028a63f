"""Bringing a displaced SQLite database back, and removing displaced ones; see `dbops.restore.sqlite_names`."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Sequence
from pathlib import Path

from dbops.engines.sqlite import openers, tracking, writing
from dbops.engines.sqlite.connection import connect
from dbops.engines.sqlite.lock import account
from dbops.errors import DbopsError, Refused, UsageError
from dbops.events import Listener, Warned
from dbops.restore import record, sqlite_swap
from dbops.restore import sqlite_names as names
from dbops.restore.plan import Swapped
from dbops.restore.sqlite_names import DisplacedFile
from dbops.restore.undo import Discarded


def newest(live: Path) -> DisplacedFile:
    """The one that was displaced last.

    :raises DbopsError: there is none.
    """
    there = names.all_displaced(live)
    if not there:
        raise DbopsError(
            f"no displaced database of {names.shown(live)} is beside it: nothing can be undone",
            hint="bin/restore lists the backups",
        )
    return there[0]


def named(live: Path, name: str) -> DisplacedFile:
    """The one that is called so, in the folder of `live` where it is no path; whosever it was.

    :raises UsageError: there is none.
    """
    path = Path(name)
    given = live.with_name(name) if path.name == name and not path.exists() else path.resolve()
    found = names.read(given)
    if found is None:
        known = ", ".join(one.name for one in names.all_displaced(live, of_folder=True))
        raise UsageError(
            f"{name} is not a displaced database",
            hint=f"there is: {known}" if known else "bin/restore lists what there is",
        )
    return found


def undo(
    chosen: DisplacedFile, displaced: Path, at: datetime.datetime, listen: Listener, deadline: float
) -> Swapped:
    """Let a displaced database be live again; the live one is displaced in its turn.  The lock must be held.

    Owner, permissions and marks are those that it had, and that the name has.  A failure leaves both as they were.

    :raises LockNotAcquired: others have one of them open.
    :raises DbopsError: there is no live database.
    """
    if not chosen.live.exists():
        live = names.shown(chosen.live)
        raise DbopsError(
            f"there is no database {live} to change places with", hint=f"mv {chosen.name} {live}"
        )
    with openers.alone(Path(chosen.name), listen, deadline):
        pass
    sqlite_swap.with_journal(chosen.path, chosen.journal_mode)
    done = sqlite_swap.swap(chosen.live, chosen.path, displaced, at, None, listen, deadline)
    names.unmark(chosen.path)
    listen(done)
    return done


def log_undo(
    live: Path, label: str, displaced: str, table: str | None, listen: Listener, deadline: float
) -> None:
    """Write it into the event log of what is live now; a warning where that cannot be done."""
    import sqlite3

    try:
        with contextlib.closing(connect(live, listen=listen, deadline=deadline)) as connection:
            found = tracking.find(connection, table)
            if found.exist:
                entry = record.entry(label, displaced)
                writing.write(connection, found.tables, entry, who=account(), milliseconds=0)
    except (sqlite3.Error, DbopsError) as error:
        listen(Warned(f"the event log has no entry of this: {error}"))


def discard(chosen: Sequence[DisplacedFile], listen: Listener) -> list[Discarded]:
    """Remove displaced databases, one after the other; what was removed before a failure stays removed.

    :raises Refused: one of them is no longer what it was: it was brought back meanwhile.
    """
    done = []
    for one in chosen:
        if names.read(one.path) != one:
            raise Refused(
                f"{one.name} is no longer the displaced database that it was", hint="bin/restore discard"
            )
        try:
            for path in (*openers.siblings(one.path), one.path):
                path.unlink()
            names.unmark(one.path)
        except OSError as error:
            raise DbopsError(f"{one.name} cannot be removed: {error.strerror}") from error
        done.append(Discarded(one.name, one.bytes))
        listen(done[-1])
    return done
