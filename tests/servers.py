"""The PostgreSQL servers of a test run: one for each major version found.

They are started once and stopped whatever happens.  Run as a program this
is the watch that stops them: it waits until its standard input closes, which
happens also when pytest is killed, ends the servers and removes their folder.
"""

from __future__ import annotations

import base64
import concurrent.futures
import dataclasses
import hashlib
import hmac
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from dbops import programs
from dbops.devdb import account, cluster, serving
from dbops.process import Account

# Nothing here needs to survive a crash of the machine, nor lives long enough to need a vacuum.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "32MB",
    "max_wal_size": "128MB",
    "max_prepared_transactions": "10",
    # files of the cluster, that go with it, also where the server is killed
    "dynamic_shared_memory_type": "mmap",
}
# Making a database writes 300 files: in memory that takes a tenth of the time that it takes on many a disk.
MEMORY = Path("/dev/shm")
_ROOM = 4 << 30  # bytes; a run needs less than half of it


@dataclasses.dataclass(frozen=True)
class Server:
    """A running server of the test run.  `own` tells the machine's own PostgreSQL from a bundled one."""

    major: int
    own: bool
    bindir: str
    data: str
    socket_dir: str
    host: str
    port: int
    user: str
    password: str = dataclasses.field(repr=False)

    def keywords(self, database: str = "postgres") -> dict[str, Any]:
        """libpq's keywords for the superuser."""
        return {
            "host": self.host,
            "port": str(self.port),
            "user": self.user,
            "password": self.password,
            "dbname": database,
        }


@dataclasses.dataclass(frozen=True)
class Database:
    """A database of one test, and the ordinary role that owns it."""

    server: Server
    name: str
    user: str
    password: str = dataclasses.field(repr=False)

    @property
    def keywords(self) -> dict[str, Any]:
        """libpq's keywords for the owner."""
        return {**self.server.keywords(self.name), "user": self.user, "password": self.password}

    @property
    def url(self) -> str:
        """The URL for the owner, with its password."""
        entry = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"postgresql://{entry}@{self.server.host}:{self.server.port}/{quote(self.name, safe='')}"


def verifier(password: str) -> str:
    """A password as the server would store it, but of fewer rounds: they are most of what a connection takes.

    RFC 5802, and PostgreSQL's manual on `pg_authid`; a client takes the number of rounds from the server, and
    Go's refuses less than a few hundred.
    """
    salt, rounds = secrets.token_bytes(16), 1000
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    coded = [base64.b64encode(value).decode() for value in (salt, client, server)]
    return f"SCRAM-SHA-256${rounds}:{coded[0]}${coded[1]}:{coded[2]}"


_admins: dict[int, psycopg.Connection[Any]] = {}
"""This process's connections of the superusers, by the server's port."""


def admin(server: Server) -> psycopg.Connection[Any]:
    """A connection of the superuser, in autocommit mode, that is kept: tests are many."""
    found = _admins.get(server.port)
    try:
        if found is not None and not found.closed:
            found.execute("")  # a test may have ended it
            return found
    except psycopg.OperationalError:
        pass
    _admins[server.port] = psycopg.connect(**server.keywords(), autocommit=True)
    return _admins[server.port]


def close_admins() -> None:
    """End what `admin` has opened."""
    for connection in _admins.values():
        connection.close()
    _admins.clear()


def create_database(connection: psycopg.Connection[Any], made: Database) -> None:
    """Make it, empty and of UTF-8; its owner is there already.

    :param connection: the superuser's, in autocommit mode.
    """
    # the other strategy writes every page through the log: twice the time
    strategy = " STRATEGY FILE_COPY" if made.server.major >= 15 else ""
    statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'" + strategy)
    connection.execute(statement.format(sql.Identifier(made.name), sql.Identifier(made.user)))


@dataclasses.dataclass
class Farm:
    """The servers of this run, their folder, and the watch over them."""

    folder: Path
    servers: tuple[Server, ...]
    watch: subprocess.Popen[bytes]

    def stop(self) -> None:
        """End the servers and remove their folder; returns when that is done."""
        assert self.watch.stdin is not None
        self.watch.stdin.close()
        self.watch.wait(timeout=60)

    def leave_running(self) -> str:
        """Let them outlive the run; returns the command that ends them."""
        self.watch.send_signal(signal.SIGKILL)
        self.watch.wait()
        pids = " ".join(_pid(Path(server.data)) for server in self.servers)
        return f"kill -QUIT {pids}; rm -r {self.folder}"


def start(bindirs: Sequence[Path] = ()) -> Farm:
    """Start a server for every major version found, the machine's own first.

    :param bindirs: folders with PostgreSQL's programs: then of these, and of nothing found.
    :raises ValueError: one of them does not do; the message says why.
    """
    owner = account.for_new_cluster()
    installations = tuple(_examined(bindir, owner) for bindir in bindirs) or _found(owner)
    folder = Path(tempfile.mkdtemp(prefix="dbops-t-", dir=MEMORY if has_room(MEMORY) else "/tmp"))
    watch = subprocess.Popen(
        [sys.executable, "-I", __file__, str(folder)], stdin=subprocess.PIPE, start_new_session=True
    )
    if owner is not None:
        os.chown(folder, owner.uid, owner.gid)
    majors: dict[int, programs.Installation] = {}
    for installation in installations:
        majors.setdefault(installation.major, installation)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        starting = [pool.submit(_start_one, folder, found, owner) for found in majors.values()]
    return Farm(folder, tuple(started.result() for started in starting), watch)


def _found(owner: Account | None) -> tuple[programs.Installation, ...]:
    return programs.find(os.environ.get("PATH", os.defpath), owner).found


def _examined(bindir: Path, owner: Account | None) -> programs.Installation:
    outcome = programs.examine(bindir, owner)
    if isinstance(outcome, str):
        raise ValueError(f"{bindir}: {outcome}")  # noqa: TRY004  # the folder is wrong, not a type
    return outcome


def has_room(folder: Path) -> bool:
    """Whether the folder is there, has room for a run of the tests, and lets programs run (a bundle may be copied)."""
    try:
        found = os.statvfs(folder)
    except OSError:  # not on this system
        return False
    room = found.f_bavail * found.f_frsize >= _ROOM
    return room and not found.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK)


def _start_one(folder: Path, installation: programs.Installation, owner: Account | None) -> Server:
    if not installation.reachable:
        installation = programs.copy_bundle(installation, folder / f"programs{installation.major}")
    made = cluster.Cluster(
        home=folder / f"pg{installation.major}",
        bindir=installation.bindir,
        port=0,
        socket_dir=folder / f"pg{installation.major}" / "run",
        user="postgres",
        password=secrets.token_urlsafe(16),
        account=owner,
    )
    cluster.create(made, sync=False)
    made = _start_on_free_port(made)
    server = Server(
        major=installation.major,
        own=not installation.bundled,
        bindir=str(installation.bindir),
        data=str(made.data),
        socket_dir=str(made.socket_dir),
        host=cluster.LOOPBACK,
        port=made.port,
        user=made.user,
        password=made.password,
    )
    with psycopg.connect(**server.keywords(), autocommit=True) as connection:
        role, password = sql.Identifier(server.user), sql.Literal(verifier(server.password))
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, password))
    return server


def _start_on_free_port(made: cluster.Cluster) -> cluster.Cluster:
    """Two runs at once may choose the same port between the look and the start: then the next one."""
    while True:
        first = 26000 + secrets.randbelow(4000)
        made = dataclasses.replace(made, port=cluster.free_port(first))
        try:
            serving.start(made, FAST)
        except serving.PortTaken:
            continue
        return made


def to_json(servers: Sequence[Server]) -> str:
    """For the workers of pytest-xdist."""
    return json.dumps([dataclasses.asdict(server) for server in servers])


def from_json(text: str) -> tuple[Server, ...]:
    return tuple(Server(**fields) for fields in json.loads(text))


def _pid(data: Path) -> str:
    try:
        return (data / "postmaster.pid").read_text().partition("\n")[0]
    except OSError:
        return ""


def _watch(folder: Path) -> None:
    sys.stdin.buffer.read()
    pids = [int(pid) for pid in map(_pid, folder.glob("pg*/data")) if pid]
    for pid in pids:
        _signal(pid, signal.SIGQUIT)
    deadline = time.monotonic() + 20
    while any(_signal(pid, 0) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


def _signal(pid: int, sign: int) -> bool:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
