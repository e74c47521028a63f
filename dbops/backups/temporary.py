"""Temporary folders of our own, for what programs are to read; what killed commands left of them is removed.

Each is held by a lock on the folder itself, which ends with its process, however that ends: it is swept by its lock,
never by age.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dbops import interrupts
from dbops.backups.disk import remove_tree
from dbops.backups.locks import try_lock
from dbops.errors import ConfigError, DbopsError

_PREFIX = "dbops-load-"
_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A new folder in the system's place for temporary files, for this account alone; gone with all in it at the end.

    :raises DbopsError: there is no such place, or no room in it, also while the folder is being used.
    """
    made: list[tuple[Path, int]] = []
    try:
        sweep()
        with interrupts.held_back():  # until it is known what there is to be removed
            made.append(_make())
        yield made[0][0]
    except OSError as error:
        if made and error.errno not in _FULL:
            raise
        raise _cannot(error) from error
    finally:
        for path, lock in made:
            interrupts.to_the_end(functools.partial(remove_tree, path))
            os.close(lock)


def sweep() -> None:
    """Remove this account's folders whose process is gone."""
    place = Path(tempfile.gettempdir())
    for name in os.listdir(place):
        if name.startswith(_PREFIX):
            with contextlib.suppress(OSError, DbopsError):  # somebody else's, or gone meanwhile
                _sweep_one(place / name)


def _sweep_one(path: Path) -> None:
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return
    descriptor = _open(path)
    try:
        if try_lock(descriptor, path):
            remove_tree(path)
    finally:
        os.close(descriptor)


def _make() -> tuple[Path, int]:
    """A folder and its lock.  Another command's sweep may come between the two: then another folder."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with contextlib.suppress(FileNotFoundError):
            lock = _open(path)
            if _locked(lock, path):
                return path, lock
            os.close(lock)


def _locked(lock: int, path: Path) -> bool:
    try:
        return try_lock(lock, path) and path.exists()
    except ConfigError:  # no locks here: then nothing is swept here, either
        return True


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _cannot(error: OSError) -> DbopsError:
    place = tempfile.tempdir or "the folder for temporary files"
    return DbopsError(
        f"{place} cannot be used for temporary files: {error.strerror or error}",
        hint="make room there, or name another place for them: export TMPDIR=/path",
    )
