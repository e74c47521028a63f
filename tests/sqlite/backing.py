"""What the tests of backing a SQLite database up and restoring it share."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conftest import Outcome, Project

CONFIRMED = ("--confirm", "app")
_PROGRAM = """
import os, signal, sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
c.execute("pragma journal_mode = " + sys.argv[2])
c.execute("select count(*) from state").fetchone()
print("ready", flush=True)
if sys.argv[3] == "is killed":
    c.execute("pragma cache_size = 5")
    c.execute("begin")
    c.execute("update rows set noise = 'half'")
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "writes":
    for number in range(10 ** 9):
        c.execute("begin immediate")
        c.execute("update counter set a = a + 1")
        c.execute("update counter set b = b + 1")
        c.execute("insert into log values (?, randomblob(300))", [number])
        c.execute("commit")
        time.sleep(0.002)
time.sleep(600)
"""


@dataclasses.dataclass(frozen=True)
class Site:
    """A project on the file `app.db`."""

    project: Project
    path: Path

    @contextlib.contextmanager
    def connected(self, path: Path | None = None) -> Iterator[sqlite3.Connection]:
        """A connection of the test's own, without a transaction around everything."""
        with contextlib.closing(
            sqlite3.connect(path or self.path, timeout=60, isolation_level=None)
        ) as connection:
            yield connection

    def query(self, statement: str, path: Path | None = None) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        with self.connected(path) as connection:
            return connection.execute(statement).fetchall()

    def script(self, text: str) -> None:
        """Run several statements."""
        with self.connected() as connection:
            connection.executescript(text)

    def run(self, *argv: str | Path) -> Outcome:
        """`dbops ARGV`."""
        return self.project.run(*argv)

    def ran(self, *argv: str | Path) -> Outcome:
        """`dbops ARGV`, which must succeed."""
        outcome = self.run(*argv)
        assert outcome.code == 0, outcome
        return outcome

    def what(self) -> str:
        """The state that the database is in, which is whole."""
        assert self.query("pragma integrity_check") == [("ok",)]
        ((found,),) = self.query("select what from state")
        return str(found)

    def become(self, what: str) -> None:
        """Another state."""
        self.query(f"update state set what = '{what}'")

    @contextlib.contextmanager
    def program(self, *, mode: str = "wal", does: str = "idles") -> Iterator[subprocess.Popen[str]]:
        """An application that has the database open; it ends with the block."""
        argv = [sys.executable, "-c", _PROGRAM, str(self.path), mode, does]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            assert program.stdout.readline() == "ready\n"
            try:
                yield program
            finally:
                program.kill()

    def beside(self) -> set[str]:
        """What lies beside the database, but the lock."""
        names = {path.name for path in self.path.parent.iterdir() if path.name.startswith((".app", "app"))}
        return names - {"app.db", "app.db.dbops-lock"}


def make(project: Project, folder: Path, mode: str = "wal") -> Site:
    """The database in the state `first`, with a megabyte of rows."""
    site = Site(project, folder / "app.db")
    project.environ["DATABASE_URL"] = f"sqlite:///{site.path}"
    site.query(f"pragma journal_mode = {mode}")
    site.script(
        """
        create table state (what text);
        insert into state values ('first');
        create table counter (a integer, b integer);
        insert into counter values (0, 0);
        create table log (id integer, noise blob);
        create table rows (id integer primary key, noise blob);
        insert into rows with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
            select i, randomblob(200) from n;
        """
    )
    return site
