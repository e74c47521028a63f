"""How an entry goes: one rename takes its name away, then it is removed; nobody who reads it is disturbed.

What killed commands left is swept: unfinished backups whose lock is free, and what was renamed and not yet removed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path

from dbops.backups import manifest as manifests
from dbops.backups import names
from dbops.backups.disk import remove_tree, sync_folder
from dbops.backups.entries import Entry, Unproven
from dbops.backups.locks import cannot, holding, open_file, try_lock
from dbops.backups.partial import PREFIX, is_alive, name_of
from dbops.errors import LockNotAcquired, UsageError

FOLDER_LOCK = ".lock"
_REMOVED = ".pruned-"


@contextlib.contextmanager
def lock_shared(entry: Entry) -> Iterator[None]:
    """See `Store.lock_shared`."""
    path = _lock_path(entry)
    descriptor = _open_entry(path, os.O_RDONLY, entry)
    try:
        if not try_lock(descriptor, path, shared=True):
            raise LockNotAcquired(f"{entry.name} is being removed by bin/backup prune")
        if not _still_there(descriptor, path):
            raise _gone(entry)
        yield
    finally:
        os.close(descriptor)


def remove(folder: Path, entry: Entry) -> bool:
    """See `Store.remove`."""
    path = _lock_path(entry)
    descriptor = _open_entry(path, os.O_RDWR, entry)
    try:
        if not try_lock(descriptor, path):
            return False
        if not _still_there(descriptor, path):
            raise _gone(entry)
        removed = _set_aside(folder, entry.path)
    except FileNotFoundError:
        raise _gone(entry) from None
    finally:
        os.close(descriptor)
    remove_tree(removed)
    return True


def has_leftovers(present: Collection[str]) -> bool:
    """Whether there is something to sweep, or a backup that is being made."""
    return any(name.startswith((PREFIX, _REMOVED)) for name in present)


def sweep(folder: Path) -> tuple[str, ...]:
    """See `Store.sweep`."""
    with holding(folder / FOLDER_LOCK):
        partials = [name for name in os.listdir(folder) if name.startswith(PREFIX)]
        stale = [name for name in partials if not is_alive(folder / name)]
        for name in stale:
            with contextlib.suppress(FileNotFoundError):  # its process has removed it at this moment
                _set_aside(folder, folder / name)
    for name in os.listdir(folder):
        if name.startswith(_REMOVED):
            remove_tree(folder / name)
    return tuple(name_of(name) for name in stale)


def _set_aside(folder: Path, path: Path) -> Path:
    aside = folder / f"{_REMOVED}{path.name[: names.LABEL_BYTES // 4]}-{secrets.token_hex(4)}"
    try:
        os.rename(path, aside)
        sync_folder(folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise cannot("remove", path, error) from error
    return aside


def _open_entry(path: Path, flags: int, entry: Entry) -> int:
    try:
        return open_file(path, flags)
    except FileNotFoundError:
        raise _gone(entry) from None


def _lock_path(entry: Entry) -> Path:
    """The file whose lock stands for the entry."""
    if isinstance(entry, Unproven):
        return entry.path / "toc.dat" if entry.format == "directory" else entry.path
    return entry.path / manifests.MANIFEST


def _still_there(descriptor: int, path: Path) -> bool:
    """Whether what was opened still has its name: between opening and locking a prune may have moved it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _gone(entry: Entry) -> UsageError:
    return UsageError(f"{entry.name} is no longer there: it was removed meanwhile", hint="bin/backup list")
