"""Where the benchmarks take place: a private server of their own, and fresh databases on it."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from dbops import programs
from dbops.devdb import account, cluster, serving
from tests import servers

ROOT = Path(__file__).resolve().parent.parent.parent
AS_SHIPPED: Mapping[str, str] = {}
_FIRST_PORT = 31000


@dataclasses.dataclass(frozen=True)
class Ground:
    """A running server and a folder to work in; both are gone when the benchmark ends, however it ends."""

    cluster: cluster.Cluster
    folder: Path
    version: str
    settings: Mapping[str, str]
    _numbers: Iterator[int] = dataclasses.field(default_factory=lambda: itertools.count(1))

    def describe(self) -> str:
        """For the headline of a table."""
        how = " ".join(f"{name}={value}" for name, value in self.settings.items())
        return f"PostgreSQL {self.version}, {how or 'settings as shipped (fsync on)'}"

    def database(self) -> Database:
        """Make an empty database."""
        made = Database(self.cluster, f"bench_{next(self._numbers)}")
        with _connect(self.cluster, "postgres") as connection:
            name = sql.Identifier(made.name)
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name))
        return made

    def checkpoint(self) -> None:
        """Write out what is dirty, so that no run pays for the one before it."""
        with _connect(self.cluster, "postgres") as connection:
            connection.execute("CHECKPOINT")

    def processor(self) -> float | None:
        """Processor time of all sessions that have ended, in seconds; None where the system does not tell.

        https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, fields 16 and 17 of the postmaster.
        """
        pid = (self.cluster.data / "postmaster.pid").read_text().partition("\n")[0]
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Database:
    """An empty database of its own."""

    cluster: cluster.Cluster
    name: str

    @property
    def variables(self) -> dict[str, str]:
        """libpq's variables."""
        keywords = self.cluster.keywords(self.name)
        return {
            "PGHOST": keywords["host"],
            "PGPORT": keywords["port"],
            "PGUSER": keywords["user"],
            "PGPASSWORD": keywords["password"],
            "PGDATABASE": self.name,
        }

    def url(self, scheme: str = "postgresql", query: str = "") -> str:
        """The URL with its password, which is that of a throw-away server."""
        found = self.cluster
        entry = f"{found.user}:{quote(found.password, safe='')}@{cluster.LOOPBACK}:{found.port}"
        return f"{scheme}://{entry}/{self.name}{query}"

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """An autocommit connection to it; closed by its `with`."""
        return _connect(self.cluster, self.name)

    def tables(self, pattern: str) -> int:
        """How many tables have a name LIKE this."""
        with _connect(self.cluster, self.name) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE %s", [pattern]
            ).fetchone()
        assert row is not None
        return int(row[0])

    def displaced(self) -> list[str]:
        """Names of the databases that restores have put aside for this one."""
        with _connect(self.cluster, "postgres") as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [f"{self.name}__displaced_"]
            ).fetchall()
        return [str(row[0]) for row in rows]

    def drop(self) -> None:
        """Remove it."""
        with _connect(self.cluster, "postgres") as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self.name)))


def _connect(at: cluster.Cluster, database: str) -> psycopg.Connection[tuple[Any, ...]]:
    keywords: dict[str, Any] = dict(at.keywords(database))
    return psycopg.connect(**keywords, autocommit=True)


@contextlib.contextmanager
def prepared(settings: Mapping[str, str] = AS_SHIPPED) -> Iterator[Ground]:
    """Start a server with these settings on its command line; the newest that the machine itself has.

    The watch of `tests/servers.py` ends it and removes its folder, also when the benchmark is killed.
    """
    owner = account.for_new_cluster()
    folder = Path(tempfile.mkdtemp(prefix="dbops-b-", dir="/tmp"))
    watch = subprocess.Popen(
        [sys.executable, servers.__file__, str(folder)],
        stdin=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        if owner is not None:
            os.chown(folder, owner.uid, owner.gid)
        found = programs.find(os.environ.get("PATH", os.defpath), owner).best()
        if not found.reachable:
            found = programs.copy_bundle(found, folder / "programs")
        home = folder / f"pg{found.major}"
        made = cluster.Cluster(
            home=home,
            bindir=found.bindir,
            port=cluster.free_port(_FIRST_PORT + secrets.randbelow(1000)),
            socket_dir=home / "run",
            user="postgres",
            password=secrets.token_urlsafe(16),
            account=owner,
        )
        cluster.create(made)
        serving.start(made, settings)
        work = folder / "work"
        work.mkdir()
        yield Ground(made, work, found.version, settings)
    finally:
        assert watch.stdin is not None
        watch.stdin.close()
        watch.wait(timeout=60)
