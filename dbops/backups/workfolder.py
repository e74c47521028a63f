"""A temporary folder for one load, and the end of those whose load was killed.

A pg_restore outlives a dbops that is killed, and would wait for ever for someone to write into its FIFO.  So each
load takes up what earlier ones left: it opens their FIFOs, which lets their readers go on and fail, and removes them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dbops.backups import locks

_PREFIX = "dbops-load-"


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """A new folder of mode 0700, gone at the end; locked meanwhile, so that others see that it is in use.

    :raises OSError: it cannot be made.
    """
    sweep()
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        # another load may have taken it for one that was left, in between
        if locks.try_lock(descriptor, folder) and folder.exists():
            break
        os.close(descriptor)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def sweep() -> None:
    """Remove folders that killed loads of this account left, and let go whoever waits for their FIFOs."""
    for name in os.listdir(tempfile.gettempdir()):
        if name.startswith(_PREFIX):
            folder = Path(tempfile.gettempdir(), name)
            with contextlib.suppress(OSError):  # it went meanwhile, or is another account's
                _sweep(folder)


def _sweep(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid() or not locks.try_lock(descriptor, folder):
            return
        for path in folder.rglob("*"):
            if stat.S_ISFIFO(path.lstat().st_mode):
                with contextlib.suppress(OSError):  # nobody reads it
                    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW))
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
