"""A private cluster's server: started, waited for, stopped.

`postgres` itself is run, in the background, and not `pg_ctl start`: that
passes the paths of the log and of the options through a shell.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from dbops.devdb import account as accounts
from dbops.devdb import postmaster
from dbops.devdb.cluster import LOOPBACK, Cluster, answers, named_failure
from dbops.errors import ProgramFailed
from dbops.process import POSTGRES_ENVIRON, Background, Completed, launch

_SECONDS = 60
_ORPHAN_SECONDS = 5
_POLL_SECONDS = 0.02
_ORPHANS = "pre-existing shared memory block"
_SIGNALS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}


class PortTaken(ProgramFailed):
    """Another process listens on the port that the cluster keeps."""


def start(cluster: Cluster, server_settings: Mapping[str, str] | None = None) -> None:
    """Start the server and wait until it lets clients in; does nothing where it runs already.

    It outlives us, and Ctrl-C does not reach it; where we are interrupted while we wait it is ended.

    :param server_settings: more settings for the server's command line.
    :raises PortTaken: another process listens on the port; the message names it where it can be seen.
    :raises ProgramFailed: the server did not come up; the end of its log is the detail.
    """
    postmaster.forget_stale(cluster.data)
    if postmaster.running(cluster.data) is not None:
        wait_until_up(cluster)
        return
    _make_socket_folder(cluster)
    postmaster.forget_stale_socket(cluster.socket_dir, cluster.port)
    argv = [
        str(cluster.bindir / "postgres"),
        "-D",
        str(cluster.data),
        *_options(cluster, server_settings or {}),
    ]
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while (ended := _attempt(cluster, argv)) is not None:
        # of a server that was killed the sessions end by themselves, a moment later
        if _ORPHANS not in ended.stdout or time.monotonic() > deadline:
            raise _start_failure(cluster, ended)
        time.sleep(0.1)


def stop(cluster: Cluster, mode: str = "fast") -> bool:
    """Stop the server and wait until it has ended; False where it was not running.

    https://www.postgresql.org/docs/current/server-shutdown.html

    :param mode: "fast" ends the sessions; "immediate" also leaves what a crash would.
    :raises ProgramFailed: it did not end within a minute, or belongs to another account.
    """
    postmaster.forget_stale(cluster.data)
    pid = postmaster.running(cluster.data)
    if pid is None:
        return False
    deadline = time.monotonic() + _SECONDS
    try:
        os.kill(pid, _SIGNALS[mode])
        while postmaster.serves(pid, cluster.data) is not False:
            if time.monotonic() > deadline:
                raise ProgramFailed(
                    f"the private server (pid {pid}) did not end within {_SECONDS} s",
                    hint=f"tail {shlex.quote(str(cluster.log))}",
                )
            time.sleep(_POLL_SECONDS)
    except ProcessLookupError:
        return True
    except PermissionError as error:
        raise ProgramFailed(f"the private server (pid {pid}) belongs to another account") from error
    return True


def wait_until_up(cluster: Cluster) -> None:
    """Wait for a server that runs to listen: another run may have started it a moment ago.

    :raises ProgramFailed: it does not within a minute.
    """
    deadline = time.monotonic() + _SECONDS
    while not answers(cluster.port):
        if time.monotonic() > deadline:
            raise ProgramFailed(
                f"the private server runs and does not listen on {LOOPBACK}:{cluster.port}",
                hint="bin/setup-dev-db stop",
            )
        time.sleep(0.05)


def port_taken(port: int) -> PortTaken:
    """The error for a port of the private server on which another process listens."""
    holder = postmaster.listener(port)
    named = f"by {holder.command} (pid {holder.pid})" if holder else "by another process"
    return PortTaken(
        f"port {port}, which the private server keeps, is taken {named}",
        hint=f"kill {holder.pid}" if holder else f"sudo lsof -nP -iTCP:{port} -sTCP:LISTEN",
    )


def _attempt(cluster: Cluster, argv: list[str]) -> Completed | None:
    """Start it once; None when it is up, otherwise how it ended, with what it wrote to the log."""
    written = cluster.log.stat().st_size if cluster.log.exists() else 0
    child = launch(argv, environ=POSTGRES_ENVIRON, account=cluster.account, log=cluster.log)
    try:
        _await_ready(child, cluster)
    except BaseException:
        _end(child)
        raise
    if child.poll() is None:
        return None
    return Completed(tuple(argv), child.returncode, _read_from(cluster.log, written), "")


def _await_ready(child: Background, cluster: Cluster) -> None:
    """Return when the server lets clients in or has ended."""
    deadline = time.monotonic() + _SECONDS
    while child.poll() is None and not postmaster.ready(cluster.data, child.pid):
        if time.monotonic() > deadline:
            raise ProgramFailed(
                f"the private server did not come up within {_SECONDS} s",
                hint=f"tail {shlex.quote(str(cluster.log))}",
            )
        time.sleep(_POLL_SECONDS)


def _end(child: Background) -> None:
    """End a server that is starting, and wait: its folder may be removed next."""
    for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        child.send_signal(sign)
        deadline = time.monotonic() + 5
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        if child.poll() is not None:
            return


def _options(cluster: Cluster, more: Mapping[str, str]) -> list[str]:
    """Options for the server's command line.

    Given at each start and not written into postgresql.conf: the project's
    folder, and with it the socket's, may have moved since.
    """
    options = {
        "listen_addresses": LOOPBACK,
        "port": str(cluster.port),
        "unix_socket_directories": '"' + str(cluster.socket_dir).replace('"', '""') + '"',
        "unix_socket_permissions": "0700",
        **more,
    }
    return [word for name, value in options.items() for word in ("-c", f"{name}={value}")]


def _make_socket_folder(cluster: Cluster) -> None:
    """Made anew at each start where it is missing: a folder in /tmp is gone after a reboot.

    :raises ProgramFailed: there is one that is not its owner's alone.
    """
    with contextlib.suppress(FileExistsError):
        accounts.make_folder(cluster.socket_dir, cluster.account)
    found = cluster.socket_dir.lstat()
    owner = cluster.account.uid if cluster.account else os.geteuid()
    if cluster.socket_dir.is_symlink() or found.st_uid != owner or found.st_mode & 0o077:
        raise ProgramFailed(
            f"the socket folder {cluster.socket_dir} is not for its owner alone",
            hint=f"rm -r {shlex.quote(str(cluster.socket_dir))}",
        )


def _start_failure(cluster: Cluster, ended: Completed) -> ProgramFailed:
    log = ended.stdout
    if "Address already in use" in log or "could not bind" in log:
        return port_taken(cluster.port)
    return named_failure(ended, log, "the private server did not start")


def _read_from(path: Path, position: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read(65536).decode(errors="replace")
    except FileNotFoundError:
        return ""
