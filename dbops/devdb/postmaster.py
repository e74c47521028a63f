"""Whether a data folder's server runs, read from its `postmaster.pid`, and who listens on a port.

The pid in that file may have died, or (after a reboot, or in a container
that was started again) belong to another process by now.  PostgreSQL believes
a file whose pid is alive and refuses to start; so it is looked at here first.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

from dbops.process import POSTGRES_ENVIRON, run

_LISTENING = "0A"  # the state column of /proc/net/tcp


@dataclasses.dataclass(frozen=True)
class Listener:
    """A process that listens on a port."""

    pid: int
    command: str


def running(data: Path) -> int | None:
    """The pid of the server that runs on this data folder, None where none does."""
    pid = _recorded_pid(data)
    return pid if pid is not None and _serves(pid, data) is not False else None


def forget_stale(data: Path) -> bool:
    """Remove a `postmaster.pid` whose pid is certainly not this folder's server; True where it was removed.

    The server's own check of its shared memory still guards the folder.
    """
    pid = _recorded_pid(data)
    if pid is None or _serves(pid, data) is not False:
        return False
    (data / "postmaster.pid").unlink(missing_ok=True)
    return True


def listener(port: int) -> Listener | None:
    """The process that listens on this port of 127.0.0.1 or of all addresses, where the system shows it."""
    sockets = set(_listening_inodes(port))
    if not sockets:
        return None
    for entry in os.listdir("/proc"):
        if entry.isdigit() and sockets & _socket_inodes(entry):
            return Listener(int(entry), _command_name(entry))
    return None


def _recorded_pid(data: Path) -> int | None:
    """https://www.postgresql.org/docs/current/storage-file-layout.html: the first line is the pid."""
    try:
        first = (data / "postmaster.pid").read_text(errors="replace").partition("\n")[0]
    except (FileNotFoundError, NotADirectoryError):
        return None
    return abs(int(first)) if first.strip().lstrip("-").isdigit() else None


def _serves(pid: int, data: Path) -> bool | None:
    """Whether this process is the server of the data folder; None where that cannot be seen."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # another account's process: the server would run as ours
    if os.path.isdir("/proc/self"):
        try:  # the server's working folder is its data folder
            return os.path.samefile(f"/proc/{pid}/cwd", data)
        except PermissionError:
            return None
        except OSError:
            return False  # it has ended, perhaps without anybody having waited for it
    said = run(["/bin/ps", "-o", "command=", "-p", str(pid)], environ=POSTGRES_ENVIRON, check=False)
    return None if said.code != 0 else "postgres" in said.stdout and str(data) in said.stdout


def _listening_inodes(port: int) -> list[str]:
    found: list[str] = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as file:
            rows = [line.split() for line in file]
            found += [
                f"socket:[{row[9]}]"
                for row in rows
                if len(row) > 9 and row[1].endswith(f":{port:04X}") and row[3] == _LISTENING
            ]
    return found


def _socket_inodes(pid: str) -> set[str]:
    links = set()
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                links.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    return links


def _command_name(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a process"
