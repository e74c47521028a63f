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

_READY = frozenset({"ready", "standby"})
_LISTENING = "0A"  # the state column of /proc/net/tcp


@dataclasses.dataclass(frozen=True)
class Listener:
    """A process that listens on a port."""

    pid: int
    command: str


def running(data: Path) -> int | None:
    """The pid of the server that runs on this data folder, None where none does."""
    pid = _recorded_pid(data)
    return pid if pid is not None and serves(pid, data) is not False else None


def forget_stale(data: Path) -> bool:
    """Remove a `postmaster.pid` whose pid is certainly not this folder's server; True where it was removed.

    The server's own check of its shared memory still guards the folder.
    """
    pid = _recorded_pid(data)
    if pid is None or serves(pid, data) is not False:
        return False
    (data / "postmaster.pid").unlink(missing_ok=True)
    return True


def serves(pid: int, data: Path) -> bool | None:
    """Whether this process is the server of the data folder; None where that cannot be seen."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # another account's process: the server would run as ours
    if _zombie(pid):
        return False
    if os.path.isdir("/proc/self"):
        try:  # the server's working folder is its data folder
            return os.path.samefile(f"/proc/{pid}/cwd", data)
        except PermissionError:
            return None
        except OSError:
            return False  # it has ended, perhaps without anybody having waited for it
    # macOS; without -ww it cuts its lines off at 79 characters
    said = run(["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)], environ=POSTGRES_ENVIRON, check=False)
    return None if said.code != 0 else "postgres" in said.stdout and str(data) in said.stdout


def ready(data: Path, pid: int) -> bool:
    """Whether the server of this pid lets clients in, as its `postmaster.pid` says."""
    try:
        lines = (data / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return lines[:1] == [str(pid)] and any(line.strip() in _READY for line in lines[2:])


def forget_stale_socket(folder: Path, port: int) -> None:
    """Remove a socket and its lock file that a killed server left.

    PostgreSQL believes the lock's pid as long as there is a process of that
    number, be it one that has ended and that nobody waits for.
    """
    lock = folder / f".s.PGSQL.{port}.lock"
    try:
        lines = lock.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return
    pid = lines[0].strip().lstrip("-") if lines else ""
    if len(lines) > 1 and pid.isdigit() and serves(int(pid), Path(lines[1])) is False:
        lock.unlink(missing_ok=True)
        (folder / f".s.PGSQL.{port}").unlink(missing_ok=True)


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


def _zombie(pid: int) -> bool:
    """Whether the process has ended and nobody has waited for it, as under a container's PID 1 that never does."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] == ["Z"]


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
