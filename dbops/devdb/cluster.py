"""A private cluster: made and removed; its server listens on 127.0.0.1 and in a closed folder.

Its folder (`home`) holds `data/`, `server.log` and usually the socket folder
`run/`.  Nothing outside of it is written but a socket folder elsewhere, where
the path of `run/` is too long for a socket.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from dbops.devdb import account as accounts
from dbops.errors import ProgramFailed
from dbops.process import POSTGRES_ENVIRON, Account, Completed, run

LOOPBACK = "127.0.0.1"
SOCKET_PATH_BYTES = 103  # 107 on Linux, 103 on macOS and the BSDs: sun_path less its final zero


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


def destroy(cluster: Cluster) -> None:
    """Remove a stopped cluster and its socket folder; renamed first, so never half there."""
    if cluster.home.exists():
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
    raise named_failure(ended, ended.stdout + ended.stderr, "making the private cluster failed")


def named_failure(ended: Completed, said: str, what: str) -> ProgramFailed:
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
