"""Who else has a database file open, and keeping everybody out of it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.engines.base import Blocker
from dbops.engines.sqlite.connection import connect_alone
from dbops.engines.sqlite.errors import code_of, is_locked, told
from dbops.engines.sqlite.holders import blocker
from dbops.errors import LockNotAcquired
from dbops.events import Listener, Note, Warned, format_seconds, plural

if TYPE_CHECKING:
    import sqlite3

SIBLINGS = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database, by the endings of the names."""

_PROC = Path("/proc")
_PAUSE = 0.1
_DAMAGE = ("SQLITE_NOTADB", "SQLITE_CORRUPT")


def siblings(path: Path) -> list[Path]:
    """Those of a database that are there."""
    found = (path.with_name(f"{path.name}{ending}") for ending in SIBLINGS)
    return [one for one in found if os.path.lexists(one)]


def openers(path: Path) -> list[Blocker]:
    """Other processes that have the file open, as far as this account may see them; none where the system tells nothing.

    SQLite's locks do not tell: whoever is idle holds none, and would write on into the file under its next name.
    """
    wanted = {(found.st_dev, found.st_ino) for one in (path, *siblings(path)) if (found := _stat(one))}
    try:
        pids = [int(one.name) for one in os.scandir(_PROC) if one.name.isdecimal()]
    except OSError:
        return []
    return [blocker(pid) for pid in sorted(pids) if pid != os.getpid() and _has_open(pid, wanted)]


@contextlib.contextmanager
def alone(path: Path, listen: Listener, deadline: float) -> Iterator[None]:
    """Keep everybody else out of a database, whose WAL is in the file afterwards and gone.

    What is damaged, so that SQLite cannot lock it, is only looked at; a warning says so.

    :raises LockNotAcquired: others have it open, after that many seconds; they are named.
    """
    connection = _locked(path, listen, deadline)
    try:
        yield
    finally:
        if connection is not None:
            connection.rollback()  # and not a word more, since what has the path now may be another database
            connection.close()


def _locked(path: Path, listen: Listener, deadline: float) -> sqlite3.Connection | None:
    """A connection that holds the file for itself; None where the file is damaged."""
    import sqlite3

    began, waits = time.monotonic(), False
    while True:
        others = openers(path)
        try:
            if not others and (connection := _attempt(path)) is not None:
                return connection
        except sqlite3.Error as error:
            if code_of(error).startswith(_DAMAGE):
                listen(
                    Warned(f"{path} cannot be opened ({error}), so that nothing but /proc tells who uses it")
                )
                return None
            if not is_locked(error):
                raise told(error, path) from error
        if time.monotonic() - began >= deadline:
            raise _in_use(path, openers(path))
        if not waits:
            waits = True
            who = f": {others[0]}" if others else ""
            listen(Note(f"waiting up to {format_seconds(deadline)} for others to close {path}{who}"))
        time.sleep(_PAUSE)


def _attempt(path: Path) -> sqlite3.Connection | None:
    """A connection that holds the file for itself, without a WAL; None where somebody came in between."""
    connection = connect_alone(path, read_only=False)
    try:
        # It fails where another connection has the database open as a WAL; then nothing is left of the WAL.
        connection.execute("pragma journal_mode = delete")
        connection.execute("begin exclusive")
        (mode,) = connection.execute("pragma journal_mode").fetchone()
        if mode != "wal" and not openers(path):
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def _in_use(path: Path, others: Sequence[Blocker]) -> LockNotAcquired:
    if not others:
        return LockNotAcquired(
            f"{path} is locked by another program, and the system does not tell which",
            hint="end what uses it, then try again",
        )
    return LockNotAcquired(
        f"{path} is open in {plural(len(others), 'other process').replace('processs', 'processes')}: {others[0]}",
        detail="\n".join(map(str, others[1:10])) or None,
        hint="end them, then try again: they would go on writing into the file that is put aside",
    )


def _stat(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _has_open(pid: int, wanted: set[tuple[int, int]]) -> bool:
    try:
        descriptors = list(os.scandir(_PROC / str(pid) / "fd"))
    except OSError:  # gone meanwhile, or of another account
        return False
    found = (_stat(Path(one.path)) for one in descriptors)
    return any(one is not None and (one.st_dev, one.st_ino) in wanted for one in found)
