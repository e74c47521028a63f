"""Which processes hold SQLite's locks on a database, as far as the kernel tells (Linux does)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dbops.engines.base import Blocker

_LOCKS = Path("/proc/locks")


def writers(database: Path) -> tuple[Blocker, ...]:
    """Other processes that have the file locked for writing; none where that cannot be seen."""
    inodes = {one.stat().st_ino for one in (database, Path(f"{database}-shm")) if one.exists()}
    found = {pid for pid in _locking(inodes) if pid != os.getpid()}
    return tuple(blocker(pid) for pid in sorted(found))


def _locking(inodes: set[int]) -> Iterator[int]:
    try:
        lines = _LOCKS.read_text(encoding="ascii").splitlines()
    except OSError:
        return
    for line in lines:
        # 1: POSIX  ADVISORY  WRITE 708 08:01:131074 120 120; waiting ones have an arrow behind the number
        words = line.split()
        if words[1:2] == ["POSIX"] and words[3:4] == ["WRITE"] and int(words[5].rpartition(":")[2]) in inodes:
            yield int(words[4])


def blocker(pid: int) -> Blocker:
    """A process, as far as it may be seen."""
    folder = Path(f"/proc/{pid}")
    try:
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        user = folder.owner()
    except (OSError, KeyError):
        command = user = ""
    return Blocker(pid, user, " ".join(command.split())[:120], "", None, is_local=True)
