"""A private cluster: made, started, stopped, removed; its server listens on 127.0.0.1 and in a closed folder.

Its folder (`home`) holds `data/`, `server.log` and usually the socket folder
`run/`.  Nothing outside of it is written but a socket folder elsewhere, where
the path of `run/` is too long for a socket.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import shlex
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from dbops.devdb import account as accounts
from dbops.devdb import postmaster
from dbops.errors import ProgramFailed
from dbops.process import POSTGRES_ENVIRON, Account, Completed, failure, run

LOOPBACK = "127.0.0.1"
SOCKET_PATH_BYTES = 103  # 107 on Linux, 103 on macOS and the BSDs: sun_path less its final zero
_START_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Where a cluster is and how one gets in.  `user` is its superuser; `account` None means ourselves."""

    home: Path
    bindir: Path
    port: int
    socket_dir: Path
    user: str
    password: str = dataclasses.field(repr=False)
    account: Account | None = None

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def keywords(self, database: str) -> dict[str, str]:
        """libpq's keywords for a connection over loopback; holds the password."""
        return {
            "host": LOOPBACK,
            "port": str(self.port),
            "user": self.user,
            "password": self.password,
            "dbname": database,
        }


class PortTaken(ProgramFailed):
    """Another process listens on the port that the cluster keeps."""


def create(cluster: Cluster, *, sync: bool = True) -> None:
    """Make the cluster with initdb; UTF-8 and scram-sha-256 whatever the environment.

    It is made under a temporary name beside `home` and renamed last, so a
    killed run leaves only the temporary folder, which the next one removes.
    The name is a new one each time: an initdb may outlive the run that was killed.
    On failure and on Ctrl-C nothing is left behind.

    :param sync: flush it to disk; False only for clusters that live as long as a test run.
    :raises ProgramFailed: initdb failed (a full disk, missing libraries): its words are the detail.
    """
    remove_partial(cluster.home)
    partial = cluster.home.with_name(f"{cluster.home.name}.partial-{secrets.token_hex(4)}")
    with _removed_on_failure(partial):
        accounts.make_folder(partial, cluster.account)
        with _password_file(partial, cluster) as pwfile:
            _initdb(cluster, partial / "data", pwfile, sync)
        os.rename(partial, cluster.home)


def start(cluster: Cluster, server_settings: Mapping[str, str] | None = None) -> None:
    """Start the server and wait until it lets clients in; does nothing where it runs already.

    :param server_settings: more settings for the server's command line.
    :raises PortTaken: another process listens on the port; the message names it where it can be seen.
    :raises ProgramFailed: the server did not come up; the end of its log is the detail.
    """
    postmaster.forget_stale(cluster.data)
    if postmaster.running(cluster.data) is not None:
        wait_until_up(cluster)
        return
    _make_socket_folder(cluster)
    log_size = cluster.log.stat().st_size if cluster.log.exists() else 0
    started = _pg_ctl(
        cluster,
        "start", "-w", "-t", str(_START_SECONDS), "-l", str(cluster.log),
        "-o", _server_options(cluster, server_settings or {}),
    )  # fmt: skip
    if started.code != 0:
        raise _start_failure(cluster, started, _read_from(cluster.log, log_size))


def stop(cluster: Cluster, mode: str = "fast") -> bool:
    """Stop the server and wait for it; False where it was not running.

    :raises ProgramFailed: it did not end within a minute.
    """
    postmaster.forget_stale(cluster.data)
    if postmaster.running(cluster.data) is None:
        return False
    stopped = _pg_ctl(cluster, "stop", "-w", "-t", str(_START_SECONDS), "-m", mode)
    if stopped.code != 0 and postmaster.running(cluster.data) is not None:
        raise failure(stopped)
    return True


def destroy(cluster: Cluster) -> None:
    """Stop the server and remove the cluster and its socket folder; renamed first, so never half there."""
    if cluster.home.exists():
        if cluster.data.exists():
            stop(cluster, "immediate")
        doomed = cluster.home.with_name(f"{cluster.home.name}.partial-{secrets.token_hex(4)}")
        os.rename(cluster.home, doomed)
        shutil.rmtree(doomed)
    remove_partial(cluster.home)
    if cluster.socket_dir.parent != cluster.home:
        shutil.rmtree(cluster.socket_dir, ignore_errors=True)


def remove_partial(home: Path) -> None:
    """Remove what killed runs left beside the cluster's folder."""
    for left in home.parent.glob(f"{home.name}.partial-*"):
        shutil.rmtree(left, ignore_errors=True)


def wait_until_up(cluster: Cluster) -> None:
    """Wait for a server that runs to listen: another run may have started it a moment ago.

    :raises ProgramFailed: it does not within a minute.
    """
    deadline = time.monotonic() + _START_SECONDS
    while not answers(cluster.port):
        if time.monotonic() > deadline:
            raise ProgramFailed(
                f"the private server runs and does not listen on {LOOPBACK}:{cluster.port}",
                hint="bin/setup-dev-db stop",
            )
        time.sleep(0.05)


def answers(port: int, timeout: float = 2.0) -> bool:
    """Whether something listens on the loopback port: one TCP connect."""
    try:
        socket.create_connection((LOOPBACK, port), timeout).close()
    except OSError:
        return False
    return True


def free_port(first: int, count: int = 2000) -> int:
    """The first loopback port from `first` on that nobody listens on.

    Ports below 32768 are asked for, since the system hands out those above to
    outgoing connections, and one that is kept must be free after a reboot too.

    :raises ProgramFailed: none of `count` is free.
    """
    for port in range(first, first + count):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, port))
                return port
    raise ProgramFailed(f"no free port between {first} and {first + count - 1} on {LOOPBACK}")


def fits_socket(folder: Path) -> bool:
    """Whether a socket in this folder has a path that the system takes, with any port."""
    return len(os.fsencode(folder / ".s.PGSQL.65535")) <= SOCKET_PATH_BYTES


def data_major(data: Path) -> int | None:
    """The major version that made a data folder; None where it is none."""
    try:
        return int((data / "PG_VERSION").read_text().split(".")[0])
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def _removed_on_failure(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextlib.contextmanager
def _password_file(folder: Path, cluster: Cluster) -> Iterator[Path]:
    path = folder / "pwfile"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            if cluster.account is not None:
                os.fchown(file.fileno(), cluster.account.uid, cluster.account.gid)
            file.write(cluster.password + "\n")
        yield path
    finally:
        path.unlink(missing_ok=True)


def _initdb(cluster: Cluster, data: Path, pwfile: Path, sync: bool) -> None:
    """https://www.postgresql.org/docs/current/app-initdb.html"""
    common = [
        str(cluster.bindir / "initdb"), "-D", str(data), "-U", cluster.user, f"--pwfile={pwfile}",
        "--auth=scram-sha-256", "--encoding=UTF8",
    ] + ([] if sync else ["--no-sync"])  # fmt: skip
    ended: Completed | None = None
    for locale in ("C.UTF-8", "C"):
        ended = run(
            [*common, f"--locale={locale}"], environ=POSTGRES_ENVIRON, account=cluster.account, check=False
        )
        if ended.code == 0:
            return
        shutil.rmtree(data, ignore_errors=True)
        if "locale" not in ended.stderr:
            break
    assert ended is not None
    raise _named(ended, ended.stdout + ended.stderr, "making the private cluster failed")


def _server_options(cluster: Cluster, more: Mapping[str, str]) -> str:
    """Options for the server, quoted for the shell that pg_ctl passes them through.

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
    return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in options.items())


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


def _pg_ctl(cluster: Cluster, verb: str, *options: str) -> Completed:
    """https://www.postgresql.org/docs/current/app-pg-ctl.html"""
    argv = [str(cluster.bindir / "pg_ctl"), verb, "-D", str(cluster.data), *options]
    return run(argv, environ=POSTGRES_ENVIRON, account=cluster.account, check=False)


def _read_from(path: Path, position: int) -> str:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read(65536).decode(errors="replace")
    except FileNotFoundError:
        return ""


def _start_failure(cluster: Cluster, ended: Completed, log: str) -> ProgramFailed:
    if "Address already in use" in log or "could not bind" in log:
        holder = postmaster.listener(cluster.port)
        named = f"by {holder.command} (pid {holder.pid})" if holder else "by another process"
        return PortTaken(
            f"port {cluster.port}, which the private server keeps, is taken {named}",
            hint=f"kill {holder.pid}" if holder else f"sudo lsof -nP -iTCP:{cluster.port} -sTCP:LISTEN",
        )
    return _named(ended, log or ended.last_lines(), "the private server did not start")


def _named(ended: Completed, said: str, what: str) -> ProgramFailed:
    """The cause in the words of PostgreSQL's log, with the next command where it is known."""
    detail = "\n".join(said.strip().splitlines()[-12:])
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return ProgramFailed(f"{what}: the disk is full", hint="df -h .", detail=detail)
    if "error while loading shared libraries" in said or "Library not loaded" in said:
        library = said.partition("libraries: ")[2].partition(":")[0] or "a library"
        return ProgramFailed(
            f"{what}: {ended.argv[0]} needs {library}, which is missing",
            hint="sh dbops/bootstrap.sh --extra server",
            detail=detail,
        )
    if "permission denied" in said.lower():
        return ProgramFailed(f"{what}: permission denied", hint="bin/setup-dev-db status", detail=detail)
    return ProgramFailed(what, detail=detail or None)
