"""A project on a database of either engine, and looks into that database."""

from __future__ import annotations

import contextlib
import dataclasses
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

import psycopg

from tests.conftest import Outcome, Project
from tests.postgres.migrating import mark_as_development, single
from tests.servers import Database
from tests.watching import GIVE_UP


class Engine(Protocol):
    """What differs between the engines, for the tests' own looks and preparations."""

    slow: ClassVar[str]
    """A statement that takes half a minute."""

    @property
    def url(self) -> str:
        """DATABASE_URL."""

    @property
    def name(self) -> str:
        """What --confirm takes."""

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement of the test's own."""

    def mark(self) -> None:
        """Mark the database as development."""


@dataclasses.dataclass(frozen=True)
class Postgres:
    """A fresh database on a server."""

    slow: ClassVar[str] = "SELECT pg_sleep(30);"
    database: Database

    @property
    def url(self) -> str:
        return self.database.url

    @property
    def name(self) -> str:
        return self.database.name

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self.database.keywords, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def mark(self) -> None:
        mark_as_development(self.database)


@dataclasses.dataclass(frozen=True)
class Sqlite:
    """A file that is not there yet."""

    slow: ClassVar[str] = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000000) SELECT count(*) FROM n;"
    )
    path: Path

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    @property
    def name(self) -> str:
        return self.path.stem

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        import sqlite3

        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    def mark(self) -> None:
        Path(f"{self.path}.dbops-marks").write_text("environment=development\n", encoding="utf-8")


@dataclasses.dataclass(frozen=True)
class Site:
    """A project that is configured for a database of one engine."""

    project: Project
    engine: Engine

    def migration(self, name: str, up: str, down: str | None = None) -> None:
        """Write a migration, in one file."""
        self.project.write(f"migrations/{name}.sql", single(up, down))

    def run(self, *argv: str, timeout: float = 60) -> Outcome:
        """`migrate ARGV`."""
        return self.project.run("migrate", *argv, timeout=timeout)

    def ran(self, *argv: str) -> Outcome:
        """`migrate ARGV`, which must succeed."""
        outcome = self.run(*argv)
        assert outcome.code == 0, outcome
        return outcome

    def begin(self, *argv: str) -> subprocess.Popen[str]:
        """Start `migrate ARGV`."""
        return self.project.popen("migrate", *argv)

    def states(self) -> dict[str, str]:
        """Version to state."""
        return {row["version"]: row["state"] for row in self.ran("status", "--json").json["migrations"]}

    def applied(self) -> list[str]:
        """The versions in the tracking table."""
        return [
            row[0] for row in self.engine.query("SELECT version FROM schema_migrations ORDER BY sort_key")
        ]

    def events(self) -> list[tuple[Any, ...]]:
        """The event log, without the journal."""
        return self.engine.query(
            "SELECT action, version FROM schema_migrations_events WHERE action NOT LIKE 'statement %'"
            " AND action <> 'schema stored' ORDER BY id"
        )

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        return self._answers(f"SELECT 1 FROM {table}")

    def _answers(self, statement: str) -> bool:
        import sqlite3

        try:
            self.engine.query(statement)
        except (psycopg.errors.UndefinedTable, sqlite3.OperationalError):
            return False
        return True

    def wait_for(self, condition: Callable[[], bool], seconds: float = GIVE_UP) -> None:
        """Until something has come about."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come about"
            time.sleep(0.05)
