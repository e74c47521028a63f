"""Fixtures of the fault tests: a server that may be stopped, and a wire that may be cut or rewritten."""

from __future__ import annotations

import dataclasses
import secrets
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops.devdb import account, cluster, serving
from tests import servers
from tests.conftest import Project
from tests.faults.restoring import Ground
from tests.faults.seeding import SMALL, Holder, prepare
from tests.firms import Firms, seed
from tests.postgres.restoring import live_database
from tests.servers import Database, Server
from tests.watching import Watch

Start = Callable[..., "subprocess.Popen[str]"]
Connect = Callable[..., psycopg.Connection[Any]]
SmallDisk = Callable[[int], Path]
OldSnapshot = Callable[[], psycopg.Connection[Any]]


@pytest.fixture
def start(configured: Project) -> Start:
    """Starts `migrate ARGV`; what still runs after the test is killed."""
    return lambda *argv: configured.popen("migrate", *argv)


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """Mounts a disk of so many bytes that every account may write to; only root may mount one."""
    folder = Path(tempfile.mkdtemp(prefix="dbops-t-disk-", dir="/tmp"))

    def mount(size: int) -> Path:
        argv = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "tmpfs", str(folder)]
        if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
            pytest.xfail("no file system may be mounted here")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()


@pytest.fixture
def old_snapshot(database: Database, connect: Callable[..., psycopg.Connection[Any]]) -> OldSnapshot:
    """Opens a session that a concurrent build has to wait for, until it is closed."""

    def open_session() -> psycopg.Connection[Any]:
        session = connect(database, autocommit=False)
        session.execute("set transaction isolation level repeatable read")
        session.execute("select count(*) from pg_class")
        return session

    return open_session


@pytest.fixture
def ground(server: Server, project: Project) -> Iterator[Ground]:
    """A live database that is not what its backup `b1` is, in a project that is configured for it."""
    with live_database(server) as live:
        yield Ground(live, project)


class Wire:
    """A proxy on a port of its own in front of a server.

    `rewrite` changes the process id in the server's BackendKeyData message, as a pooler's handshake does.
    """

    def __init__(self, server: Server, *, rewrite: bool = False) -> None:
        self._server = server
        self._rewrite = rewrite
        self._sockets: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection at once, and take no new one."""
        self._listening.close()
        while self._sockets:
            one = self._sockets.pop()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:  # the other side was faster
                continue
            finally:
                one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # closed by `cut`
                return
            server = socket.create_connection((self._server.host, self._server.port))
            self._sockets += [client, server]
            threading.Thread(target=self._carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._carry, args=(server, client, self._rewrite), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, rewrite: bool) -> None:
        try:
            while portion := source.recv(65536):
                at = portion.find(b"K\x00\x00\x00") if rewrite else -1
                if at >= 0:
                    portion = portion[: at + 5] + struct.pack("!i", 1) + portion[at + 9 :]
                    rewrite = False
                sink.sendall(portion)
            sink.shutdown(socket.SHUT_WR)
        except OSError:  # cut
            return


@pytest.fixture
def wires() -> Iterator[Callable[..., Wire]]:
    """Makes wires and cuts them after the test."""
    made: list[Wire] = []

    def make(server: Server, *, rewrite: bool = False) -> Wire:
        made.append(Wire(server, rewrite=rewrite))
        return made[-1]

    yield make
    for wire in made:
        wire.cut()


@dataclasses.dataclass
class OwnServer:
    """A server of one test, which may be stopped and started."""

    cluster: cluster.Cluster

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; `immediate` is a crash."""
        serving.stop(self.cluster, mode)

    def start(self, **server_settings: str) -> None:
        """Start it on its port."""
        serving.start(self.cluster, {**servers.FAST, **server_settings})

    @property
    def url(self) -> str:
        """The superuser's URL of the database postgres."""
        made = self.cluster
        return f"postgresql://{made.user}:{made.password}@{cluster.LOOPBACK}:{made.port}/postgres"

    def connect(self) -> psycopg.Connection[Any]:
        """A session in autocommit mode."""
        return psycopg.connect(self.url, autocommit=True)


@pytest.fixture
def own_server(any_server: Server) -> Iterator[OwnServer]:
    """A running server of one's own, in the folder that the watch over the test run clears in any case."""
    made = cluster.Cluster(
        home=Path(any_server.data).parent.with_name(f"pg-own-{secrets.token_hex(4)}"),
        bindir=Path(any_server.bindir),
        port=cluster.free_port(23000 + secrets.randbelow(2000)),
        socket_dir=Path(any_server.socket_dir).parent.with_name(f"s-{secrets.token_hex(4)}"),
        user="postgres",
        password=secrets.token_urlsafe(16),
        account=account.for_new_cluster(),
    )
    cluster.create(made, sync=False)
    own = OwnServer(made)
    own.start()
    yield own
    serving.stop(made, "immediate")
    cluster.destroy(made)


@pytest.fixture
def firm(firms: Firms, server: Server, project: Project) -> Database:
    """A database with a small firm's life, and the means to hold a command in the middle."""

    def fill(made: Database) -> None:
        prepare(made)
        outcome = seed(project, made, *SMALL)
        assert outcome.code == 0, outcome

    return firms.filled(server, "small", fill)


@pytest.fixture
def firm_watch(firm: Database, connect: Connect) -> Watch:
    """What the firm's database shows."""
    return Watch(connect(firm))


@pytest.fixture
def held(firm: Database, firm_watch: Watch, project: Project, connect: Connect) -> Iterator[Holder]:
    """Starts a command and waits until it is at one of its phases."""
    holder = Holder(project, firm, connect(firm), firm_watch)
    yield holder
    holder.free()
