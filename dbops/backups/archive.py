"""The files of an archive on disk: synced, read back, checked against what the manifest says of them."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dbops.backups.compression import CHUNK, Compression
from dbops.backups.manifest import ArchiveInfo, Member
from dbops.backups.unpacking import Unpacker, damaged
from dbops.errors import AnswerIsNo

_SUFFIXES = {one.suffix: one for one in Compression if one.suffix}


def sync(paths: Iterable[Path], threads: int) -> None:
    """Bring files and folders to disk, and let go of what the system keeps of them in memory.

    After that, reading them back asks the disk.

    :raises OSError: the disk says no.
    """
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(_sync, paths):
            continue


def check(
    folder: Path, archive: ArchiveInfo, *, threads: int, on_bytes: Callable[[int], None] = lambda count: None
) -> int:
    """Read every file of an archive, whole: its size, its SHA-256, and that it can be unpacked.

    :param folder: the backup's, to which the members' paths are relative.
    :param on_bytes: told, from several threads, how many more bytes have been read.
    :returns: how many bytes there are before compression.
    :raises AnswerIsNo: a file is missing, too many, a link, or not what the manifest says; names the file.
    """
    _only_these(folder, archive.members)
    stop = threading.Event()
    with ThreadPoolExecutor(threads) as pool:
        # the largest first, so that no thread begins with it when the others have nothing left
        order = sorted(archive.members, key=lambda member: -member.bytes)
        futures = [pool.submit(_read, folder, member, on_bytes, stop) for member in order]
        try:
            return sum(future.result() for future in futures)
        except BaseException:
            stop.set()
            raise


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)


def _only_these(folder: Path, members: Sequence[Member]) -> None:
    """A file that nobody has named might be taken by pg_restore for data."""
    named = {member.path for member in members}
    for inner in {Path(member.path).parent for member in members} - {Path()}:
        try:
            is_folder = stat.S_ISDIR(os.lstat(folder / inner).st_mode)
            found = os.listdir(folder / inner)
        except OSError as error:
            raise _damaged(folder, str(inner), error.strerror or "it cannot be read") from error
        if not is_folder:
            raise _damaged(folder, str(inner), "it is not a folder")
        for name in sorted(found):
            if f"{inner}/{name}" not in named:
                raise _damaged(folder, f"{inner}/{name}", "the manifest does not name it")


def _read(folder: Path, member: Member, on_bytes: Callable[[int], None], stop: threading.Event) -> int:
    try:
        return _measured(folder, member, on_bytes, stop)
    except FileNotFoundError as error:
        raise _damaged(folder, member.path, "it is missing") from error
    except damaged() as error:
        raise _damaged(folder, member.path, str(error)) from error


def _measured(folder: Path, member: Member, on_bytes: Callable[[int], None], stop: threading.Event) -> int:
    unpacker = Unpacker(_SUFFIXES.get(Path(member.path).suffix, Compression.NONE))
    digest = hashlib.sha256()
    size = 0
    descriptor = os.open(folder / member.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _damaged(folder, member.path, "it is not a file")
    with open(descriptor, "rb", buffering=0) as file:
        buffer = bytearray(CHUNK)
        view = memoryview(buffer)
        while not stop.is_set() and (count := file.readinto(buffer)):
            size += count
            digest.update(view[:count])
            unpacker.feed(view[:count])
            on_bytes(count)
    if size != member.bytes:
        raise _damaged(folder, member.path, f"it has {size} bytes, and {member.bytes} were written")
    unpacker.finish()
    if digest.hexdigest() != member.sha256:
        raise _damaged(folder, member.path, "its SHA-256 is not the one in the manifest")
    return unpacker.raw_size


def _damaged(folder: Path, path: str, reason: str) -> AnswerIsNo:
    return AnswerIsNo(
        f"the backup {folder.name} is damaged: {path}: {reason}",
        hint="bin/backup list shows the other backups; do not prune until one of them is verified",
    )
