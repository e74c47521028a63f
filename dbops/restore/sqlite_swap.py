"""The swap of SQLite: one rename, while nobody else has the live file open; its name is never without a database."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.backups.disk import sync_folder
from dbops.engines.sqlite import openers
from dbops.engines.sqlite.connection import connect_alone
from dbops.errors import DbopsError, Refused
from dbops.events import Listener, Warned, ignore
from dbops.restore import sqlite_names as names
from dbops.restore.names import Displacement
from dbops.restore.plan import Swapped

if TYPE_CHECKING:
    import datetime

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}


def swap(
    live: Path,
    incoming: Path,
    displaced: Path,
    at: datetime.datetime,
    backup: str | None,
    listen: Listener,
    deadline: float,
) -> Swapped:
    """Let `incoming` have the name `live`, and what has that name the name `displaced`.

    Killed before the rename, live is what it was; after it, it is the new one, and the former is whole under its name.
    The lock of migrations must be held.

    :param backup: what `incoming` was made from, None where it was itself displaced before.
    :param deadline: seconds for which to wait for others who have the file open.
    :raises LockNotAcquired: they stayed; they are named.
    :raises DbopsError: it failed; live is what it was.
    """
    journal_mode = _journal_mode(live)
    try:
        with openers.alone(Path(names.shown(live)), listen, deadline):
            began = time.monotonic()
            names.mark(displaced, Displacement(live.name, at, backup), journal_mode)
            _exchange(live, incoming, displaced)
            seconds = time.monotonic() - began
            # It came between the last look and the rename, and waits for our lock.
            for other in openers.openers(displaced):
                listen(Warned(f"{other} has opened what is now {names.shown(displaced)}: restart it"))
    except BaseException:
        with contextlib.suppress(DbopsError):  # whoever is in the way keeps its journal
            with_journal(live, journal_mode)
        raise
    return Swapped(names.shown(live), names.shown(displaced), seconds, None)


def _exchange(live: Path, incoming: Path, displaced: Path) -> None:
    """The two steps."""
    try:
        _second_name(live, displaced)
        for one in openers.siblings(live):  # only a damaged database has any left
            os.rename(one, displaced.with_name(displaced.name + one.name.removeprefix(live.name)))
        os.rename(incoming, live)
    except OSError as error:
        raise DbopsError(f"{live} could not be replaced: {error.strerror}; it is as it was") from error
    finally:
        names.take_back(live, ignore)  # nothing, once it is through
    sync_folder(live.parent)


def put_in_place(live: Path, incoming: Path) -> None:
    """Give the side database the name `live`, which nothing has.

    :raises Refused: something has it meanwhile, or a WAL lies there, which SQLite would take for this database's own.
    """
    if left := openers.siblings(live):
        raise Refused(
            f"{names.shown(left[0])} lies there without its database, and would be taken for a part of this one",
            hint=f"put it aside: mv {names.shown(left[0])} {names.shown(left[0])}.old",
        )
    try:
        with contextlib.suppress(FileNotFoundError):
            os.lstat(live)
            raise Refused(f"{names.shown(live)} has been made meanwhile", hint="run bin/restore again")
        os.rename(incoming, live)
        sync_folder(live.parent)
    except OSError as error:
        raise DbopsError(f"{live} could not be made: {error.strerror}") from error


def _second_name(live: Path, displaced: Path) -> None:
    """A hard link, so that the live name is never without a database.

    To copy the file instead would give up SQLite's lock on it: the system ends all locks that a process has on a file
    with the first of its descriptors that is closed.
    """
    try:
        os.link(live, displaced, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        raise Refused(
            f"{live.parent} is on a file system without hard links, on which a database cannot be displaced safely",
            hint=f"move {names.shown(live)} away while nothing uses it, then run bin/restore again",
        ) from error


def _journal_mode(live: Path) -> str:
    """As the file's header has it, for undo: the swap itself needs it without a WAL."""
    with open(live, "rb") as file:
        header = file.read(20)
    return "wal" if header[18:20] == b"\2\2" else "delete"


def with_journal(path: Path, journal_mode: str) -> None:
    """Let a database have the journal again that it had before it was kept from others.

    :raises DbopsError: it is damaged.
    """
    import sqlite3

    try:
        with contextlib.closing(connect_alone(path, read_only=False)) as connection:
            if journal_mode == "wal":
                connection.execute("pragma journal_mode = wal")
    except sqlite3.Error as error:
        raise DbopsError(f"{names.shown(path)} cannot be opened: {error}") from error
    if left := openers.siblings(path):
        raise Refused(
            f"{names.shown(left[0])} is still needed by {names.shown(path)}, which cannot come back with it",
            hint=f"sqlite3 {names.shown(path)} 'PRAGMA integrity_check' shows what is wrong",
        )
