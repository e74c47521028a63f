"""The migration lock: a lock of the kernel on a file beside the database, which names its holder.

It is not a lock on the database: the application goes on reading and writing,
and a transaction of its own (BEGIN IMMEDIATE) keeps its writes out of a migration's.
The kernel frees it when its process is gone, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

from dbops import interrupts
from dbops.engines.base import Blocker
from dbops.errors import CannotConnect, DbopsError, LockNotAcquired
from dbops.events import Listener, Note, format_seconds

ENDING = ".dbops-lock"


def lock_path(database: Path) -> Path:
    """The lock's file; one for all the names that symbolic links give the database."""
    real = Path(os.path.realpath(database))  # resolve() raises for a link to itself
    return real.with_name(real.name + ENDING)


class MigrationLock:
    """The lock of one database, held from `acquire` to `release`."""

    def __init__(self, database: Path, command: str) -> None:
        self._database = database
        self._path = lock_path(database)
        self._command = command
        self._file: int | None = None

    def acquire(self, deadline: float, listen: Listener) -> None:
        """Take it, polling for `deadline` seconds at most; nothing happens where it is held already.

        :raises LockNotAcquired: with the holder.
        :raises DbopsError: the disk is full; it is not held.
        """
        if self._file is None:
            self._file = _poll(self._path, fcntl.LOCK_EX, deadline, listen)
            _as_the_database(self._file, self._database)
            try:
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, json.dumps(_holder(self._command)).encode(), 0)
            except OSError as error:
                self.release()
                raise DbopsError(
                    f"cannot write the lock file {self._path}: {error.strerror}",
                    hint=f"df {self._path.parent}",
                ) from None

    @property
    def held(self) -> bool:
        """Whether it is held, and its file is still the one that others would lock."""
        return self._file is not None and _is_current(self._file, self._path)

    def require(self) -> None:
        """:raises LockNotAcquired: it is not held any more, so that another migrator may have begun."""
        if not self.held:
            raise LockNotAcquired(
                f"{self._path} was removed while a migration ran, which was rolled back: another one could have begun",
                hint="leave that file to dbops, and run the command again",
            )

    def release(self) -> None:
        """Give it back; its file goes, while nobody else can hold it."""
        with interrupts.held_back():
            if self._file is None:
                return
            if self.held:
                self._path.unlink()
            os.close(self._file)
            self._file = None


@contextlib.contextmanager
def shared(database: Path, deadline: float, listen: Listener) -> Iterator[None]:
    """Keep migrations out; others may hold it so at the same time.

    :raises LockNotAcquired: with the holder.
    """
    file = _poll(lock_path(database), fcntl.LOCK_SH, deadline, listen)
    try:
        os.ftruncate(file, 0)  # what a killed holder has left; who shares the lock is not told
        _as_the_database(file, database)
        yield
    finally:
        os.close(file)


def holder(database: Path) -> Blocker | None:
    """Who holds it; None where nobody does."""
    path = lock_path(database)
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(path)
    finally:
        os.close(file)
    return None


def _poll(path: Path, kind: int, deadline: float, listen: Listener) -> int:
    began, pause, told = time.monotonic(), 0.05, False
    while (file := _try(path, kind)) is None:
        waited = time.monotonic() - began
        if waited >= deadline:
            raise _not_acquired(path, deadline)
        if not told and waited > 1:
            told = True
            who = _read_holder(path) or "just gone"
            listen(Note(f"waiting for another migrator ({who}) for up to {format_seconds(deadline)}"))
        time.sleep(min(pause * random.uniform(0.5, 1.0), deadline - waited))  # noqa: S311  # jitter, not a secret
        pause = min(pause * 1.5, 1.0)
    return file


def _try(path: Path, kind: int) -> int | None:
    """The open file with the lock on it; None where another one holds it."""
    try:
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o660)
    except OSError as error:
        raise CannotConnect(
            f"cannot make the lock file {path}: {error.strerror}",
            hint=f"ls -ld {path.parent} shows who may write there, as SQLite must, too",
        ) from None
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
        if _is_current(file, path):
            return file
    except BlockingIOError:
        pass
    except OSError as error:
        os.close(file)
        raise CannotConnect(
            f"cannot lock {path}: {error.strerror}", hint="keep the database on a file system that has locks"
        ) from None
    except BaseException:
        os.close(file)
        raise
    os.close(file)
    return None


def _is_current(file: int, path: Path) -> bool:
    """Whether an open file is the one at a path: its former holder may have removed it meanwhile."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(file)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)


def _as_the_database(file: int, database: Path) -> None:
    """Let those lock who may write the database, as SQLite does it with its journals.

    Its owner always may: one who only reads it now may write it later, and would stand before a file left by a backup.
    """
    with contextlib.suppress(OSError):  # not made yet, or cannot be; or not ours, and right already
        like = database.stat()
        if os.geteuid() == 0:
            os.fchown(file, like.st_uid, like.st_gid)
        os.fchmod(file, like.st_mode & 0o660 | 0o600)


def _holder(command: str) -> dict[str, int | str]:
    return {"pid": os.getpid(), "user": account(), "command": f"dbops {command}"}


def account() -> str:
    """`alice@laptop`; `?` for a uid without an entry in passwd."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "?"
    return f"{name}@{os.uname().nodename}"


def _read_holder(path: Path) -> Blocker | None:
    """What the holder has written of itself; None where it has not yet, or only shares the lock."""
    try:
        said = json.loads(path.read_bytes() or b"null")
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(said, dict) or not {"pid", "user", "command"} <= said.keys():
        return None
    return Blocker(said["pid"], said["user"], said["command"], "", None, is_local=True)


def _not_acquired(path: Path, deadline: float) -> LockNotAcquired:
    who = _read_holder(path) or f"a program that has not left its name (fuser {path} tells it)"
    return LockNotAcquired(
        f"another migrator holds the lock, and did not release it within {format_seconds(deadline)}: {who}",
        hint="wait for it and try again, or give it longer with --deadline; one that hangs is ended with kill PID",
    )
