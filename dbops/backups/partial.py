"""A backup that is being made: a folder `.partial-NAME-<random>`, held by the lock of a file in it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from dbops import interrupts
from dbops.backups import manifest as manifests
from dbops.backups.disk import remove_tree, secure_and_sync, write_file
from dbops.backups.entries import Backup, check_members
from dbops.backups.locks import cannot, open_file, try_lock
from dbops.backups.manifest import Manifest
from dbops.errors import DbopsError

PREFIX = ".partial-"
LOCK = "lock"


class Partial:
    """Fill `path` with the archive, then `publish`.  As a context manager it removes what was not published.

    The lock is held until then; it ends with this process, however that ends.
    """

    def __init__(self, name: str, path: Path, lock: int, publish: Callable[[Partial], Backup]) -> None:
        self.name = name
        self.path = path
        self._lock: int | None = lock
        self._publish = publish

    @classmethod
    def make(cls, folder: Path, name: str, publish: Callable[[Partial], Backup]) -> Partial:
        """Make and lock the folder; the caller holds the lock of the folder of backups, so that no sweep comes between.

        :raises ConfigError: the file system has no locks.
        :raises DbopsError: it cannot be written there.  Nothing is left then, either.
        """
        path = folder / f"{PREFIX}{name}-{secrets.token_hex(4)}"
        try:
            path.mkdir(mode=0o700)
        except OSError as error:
            raise cannot("make", path, error) from error
        try:
            lock = open_file(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        except DbopsError:
            remove_tree(path)
            raise
        try:
            try_lock(lock, path / LOCK)
        except DbopsError:
            os.close(lock)
            remove_tree(path)
            raise
        return cls(name, path, lock, publish)

    def publish(self, manifest: Manifest) -> Backup:
        """Write the manifest, make everything durable and private, and give it its name: all of it by one rename.

        :raises Refused: somebody made an entry of this name meanwhile.
        :raises AnswerIsNo: a file that the manifest names is not there, or has another size.
        :raises DbopsError: it cannot be written (a full disk); nothing has its name then.
        """
        write_file(self.path / manifests.MANIFEST, manifests.to_json(manifest))
        check_members(self.path, manifest.archive)
        secure_and_sync(self.path)
        published = self._publish(self)
        self._release()
        return published

    def discard(self) -> None:
        """Remove the folder and all that is in it; nothing is done where it has been published."""
        if self._lock is not None:
            interrupts.to_the_end(lambda: remove_tree(self.path))
            self._release()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def name_of(partial: str) -> str:
    """The name that an unfinished backup shall have."""
    return partial.removeprefix(PREFIX).rpartition("-")[0]


def is_alive(path: Path) -> bool:
    """Whether the process that makes it still runs.  Without a lock file it was killed at the very end or beginning."""
    try:
        lock = open_file(path / LOCK, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(lock, path / LOCK)
    finally:
        os.close(lock)
