"""flock on files of the backups' folder: it ends with the process that holds it, however that ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from dbops.errors import ConfigError, DbopsError

_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EBADF}


def try_lock(descriptor: int, path: Path, *, shared: bool = False) -> bool:
    """Take the lock of an open file if it is free; whether it was.

    :raises ConfigError: the file system has no locks.
    """
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    return _flock(descriptor, how | fcntl.LOCK_NB, path)


def open_file(path: Path, flags: int) -> int:
    """A descriptor of a file for its lock, no link followed, made for its owner alone where `flags` make one.

    :raises FileNotFoundError: there is none.
    :raises DbopsError: it cannot be opened.
    """
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise cannot("open", path, error) from error


@contextlib.contextmanager
def holding(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made where it is missing; waits for it, as it is never held for long.

    :raises ConfigError: the file system has no locks.
    :raises ConfigError: or no files can be made there (/proc).
    :raises DbopsError: the file cannot be made.
    """
    try:
        descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
    except FileNotFoundError as error:
        raise ConfigError(
            f"no file can be made in {path.parent}: {error.strerror}",
            hint="give a folder that can be written: --backups-dir DIR",
        ) from error
    try:
        _flock(descriptor, fcntl.LOCK_EX, path)
        yield
    finally:
        os.close(descriptor)


def cannot(what: str, path: Path, error: OSError) -> DbopsError:
    """The error for a file that cannot be used, with what helps for the usual reasons."""
    # What is hidden will be gone when somebody reads this.
    folder = next((one.parent for one in path.parents if one.name.startswith(".")), path.parent)
    hints = {
        errno.ENOSPC: f"make room: df -h {folder}",
        errno.EDQUOT: f"make room: df -h {folder}",
        errno.EACCES: f"ls -ld {folder}",
        errno.EPERM: f"ls -ld {folder}",
        errno.EROFS: "give a folder that can be written: --backups-dir DIR",
    }
    return DbopsError(f"cannot {what} {path}: {error.strerror}", hint=hints.get(error.errno or 0))


def _flock(descriptor: int, operation: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise cannot("lock", path, error) from error
        raise ConfigError(
            f"{path.parent} is on a file system without locks ({error.strerror}), so that two commands at once"
            " could destroy each other's work",
            hint="use a folder on a local disk, --backups-dir DIR, and copy finished backups from there",
        ) from error
    return True
