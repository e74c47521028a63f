"""dbops, psql and the peers: how each is found, given the migrations, and called."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from tests.benchmarks.ground import ROOT, Database
from tests.benchmarks.measure import Command
from tests.benchmarks.workload import small, write_single

PYTHON = sys.executable
FLOOR = """
import os, psycopg
with psycopg.connect(os.environ["BENCH_URL"]) as connection:
    connection.execute("SELECT 1").fetchone()
"""


class Tool(Protocol):
    """A migration tool.  `folder` is where its files were written."""

    @property
    def name(self) -> str:
        """For the table."""

    def write(self, folder: Path, count: int) -> None:
        """Write that many small migrations."""

    def up(self, folder: Path, database: Database) -> Command:
        """Apply all."""

    def status(self, folder: Path, database: Database) -> Command:
        """Say how the database stands."""


def environ(folder: Path, **more: str) -> dict[str, str]:
    """Nothing of the user's but PATH."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        **more,
    }


def floor(folder: Path, database: Database) -> Command:
    """The least that any Python program on psycopg takes: import, connect, SELECT 1."""
    return Command((PYTHON, "-I", "-c", FLOOR), environ(folder, BENCH_URL=database.url()), folder)


def psql(script: Path, database: Database) -> Command:
    """One session of psql on a script."""
    program = str(database.cluster.bindir / "psql")
    if not os.path.exists(program):
        program = shutil.which("psql") or sys.exit("no psql found to compare with")
    argv = (program, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script))
    return Command(argv, environ(script.parent, **database.variables), script.parent)


@dataclasses.dataclass(frozen=True)
class Dbops:
    """This project, by its module or by its launcher."""

    name: str
    argv: tuple[str, ...]

    def write(self, folder: Path, count: int) -> None:
        write_single(folder / "migrations", count)

    def up(self, folder: Path, database: Database) -> Command:
        return self._command("up", folder, database)

    def status(self, folder: Path, database: Database) -> Command:
        return self._command("status", folder, database)

    def plan(self, folder: Path, database: Database) -> Command:
        """Say what `up` would run."""
        return self._command("plan", folder, database)

    def _command(self, verb: str, folder: Path, database: Database) -> Command:
        variables = environ(folder, DBOPS_PROJECT=str(folder), DATABASE_URL=database.url())
        return Command((*self.argv, verb), variables, folder)


@dataclasses.dataclass(frozen=True)
class Dbmate:
    """https://github.com/amacneil/dbmate"""

    program: str
    name: str = "dbmate"

    def write(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True)
        for one in small(count):
            (folder / f"{one.version}_{one.name}.sql").write_text(
                f"-- migrate:up\n{one.up_script}\n-- migrate:down\n{one.down};\n"
            )

    def up(self, folder: Path, database: Database) -> Command:
        return self._command("up", folder, database)

    def status(self, folder: Path, database: Database) -> Command:
        return self._command("status", folder, database)

    def _command(self, verb: str, folder: Path, database: Database) -> Command:
        options = ("--migrations-dir", str(folder), "--no-dump-schema")
        variables = environ(folder, DATABASE_URL=database.url("postgres", "?sslmode=disable"))
        return Command((self.program, *options, verb), variables, folder)


@dataclasses.dataclass(frozen=True)
class Alembic:
    """A chain of revisions with op.execute, each in a transaction of its own."""

    program: str
    name: str = "alembic"

    def write(self, folder: Path, count: int) -> None:
        (folder / "script" / "versions").mkdir(parents=True)
        (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/script\n")
        (folder / "script" / "env.py").write_text(
            "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine, pool\n"
            'engine = create_engine(os.environ["BENCH_URL"], poolclass=pool.NullPool)\n'
            "with engine.connect() as connection:\n"
            "    context.configure(connection=connection, transaction_per_migration=True)\n"
            "    with context.begin_transaction():\n"
            "        context.run_migrations()\n"
        )
        before = None
        for one in small(count):
            executed = "".join(f"    op.execute({statement!r})\n" for statement in one.up)
            (folder / "script" / "versions" / f"{one.version}_{one.name}.py").write_text(
                f"from alembic import op\n\nrevision = {one.version!r}\ndown_revision = {before!r}\n\n\n"
                f"def upgrade():\n{executed}\n\ndef downgrade():\n    op.execute({one.down!r})\n"
            )
            before = one.version

    def up(self, folder: Path, database: Database) -> Command:
        return self._command(("upgrade", "head"), folder, database)

    def status(self, folder: Path, database: Database) -> Command:
        return self._command(("current",), folder, database)

    def _command(self, words: tuple[str, ...], folder: Path, database: Database) -> Command:
        url = database.url(f"postgresql+{_driver(self.program)}")
        return Command((self.program, *words), environ(folder, BENCH_URL=url), folder)


@dataclasses.dataclass(frozen=True)
class Yoyo:
    """https://ollycope.com/software/yoyo/ with plain SQL files."""

    program: str
    name: str = "yoyo"

    def write(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True)
        for one in small(count):
            (folder / f"{one.version}.{one.name}.sql").write_text(one.up_script)
            (folder / f"{one.version}.{one.name}.rollback.sql").write_text(f"{one.down};\n")

    def up(self, folder: Path, database: Database) -> Command:
        return self._command("apply", folder, database)

    def status(self, folder: Path, database: Database) -> Command:
        return self._command("list", folder, database)

    def _command(self, verb: str, folder: Path, database: Database) -> Command:
        scheme = "postgresql+psycopg" if _driver(self.program) == "psycopg" else "postgresql"
        options = ("--batch", "--no-config-file", "--database", database.url(scheme))
        return Command((self.program, verb, *options, str(folder)), environ(folder), folder)


def dbops() -> list[Tool]:
    """The module in this interpreter, and the launcher where this clone has its .venv."""
    found: list[Tool] = [Dbops("dbops", (PYTHON, "-I", "-m", "dbops", "migrate"))]
    launcher = ROOT / "bin" / "migrate"
    if launcher.exists() and (ROOT / ".venv" / "dbops-stamp").exists():
        found.append(Dbops("bin/migrate", (str(launcher),)))
    return found


def peers() -> tuple[list[Tool], list[str]]:
    """The peers that are installed, and the names of those that are not.

    Looked for beside this interpreter, on PATH, and in `node_modules` of the clone.
    """
    found: list[Tool] = []
    absent: list[str] = []
    for name, make in (("dbmate", Dbmate), ("alembic", Alembic), ("yoyo", Yoyo)):
        program = _program(name)
        if program is None:
            absent.append(name)
        else:
            found.append(make(program))
    return found, absent


def _program(name: str) -> str | None:
    places = [Path(PYTHON).parent, ROOT / "node_modules" / ".bin"]
    path = os.pathsep.join((*map(str, places), os.environ.get("PATH", os.defpath)))
    found = shutil.which(name, path=path)
    if found is None or name != "dbmate":
        return found
    return _without_node(Path(found).resolve())


def _without_node(found: Path) -> str:
    """The npm package is a JavaScript file that starts the real program, which is what is to be measured."""
    for folder in found.parents:
        real = sorted(folder.glob("@dbmate/*/bin/dbmate"))
        if real:
            return str(real[0])
    return str(found)


def _driver(program: str) -> str:
    """psycopg2, the usual one of the peers, where their interpreter has it."""
    python = Path(program).parent / "python"
    has = [str(python if python.exists() else PYTHON), "-c", "import psycopg2"]
    return "psycopg2" if subprocess.run(has, capture_output=True, check=False).returncode == 0 else "psycopg"
