"""What the round trips share: a project that backs up one database and restores it anywhere, and stock programs."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.conftest import Outcome, Project
from tests.servers import Database, Server, admin
from tests.zoo.description import Description, describe, describe_database


@dataclasses.dataclass(frozen=True)
class Rounds:
    """A database that is backed up, and the databases beside it, whose names all begin with its name."""

    project: Project
    database: Database

    def beside(self, name: str, server: Server | None = None) -> Database:
        """A database that is not made yet."""
        made = self.database
        return Database(server or made.server, f"{made.name}_{name}", made.user, made.password)

    def ran(
        self, *argv: str | Path, at: Database | None = None, code: int = 0, user: bool = False
    ) -> Outcome:
        """Run a command on a database as the superuser, or as its owner (`user`); its exit code must be this."""
        at = at or self.database
        url = at.url if user else superuser_url(at)
        outcome = self.project.run(*argv, environ={"DATABASE_URL": url}, timeout=120)
        assert outcome.code == code, outcome
        return outcome

    def restored(self, what: str | Path, to: Database, *options: str, code: int = 0) -> Outcome:
        """Restore into a database, on its server, as the superuser."""
        return self.ran("restore", what, "--to", to.name, "--confirm", to.name, *options, at=to, code=code)

    def path(self, name: str) -> Path:
        """Of a backup."""
        return self.project.folder / "backups" / name

    def databases(self, server: Server | None = None) -> set[str]:
        """All of this test, on one server."""
        found = superuser_sql(
            self.beside("", server),
            "SELECT datname FROM pg_database WHERE datname NOT LIKE 'template%'",
            "postgres",
        )
        return {name for (name,) in found if name.startswith(self.database.name)}

    def clear(self, servers: tuple[Server, ...]) -> None:
        """Drop all databases of this test but the first."""
        for server in servers:
            for name in self.databases(server) - {self.database.name}:
                drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
                superuser_sql(self.beside("", server), drop, "postgres")


@contextmanager
def superuser(database: Database, name: str | None = None) -> Iterator[psycopg.Connection[Any]]:
    """A session in a database."""
    keywords = database.server.keywords(name or database.name)
    with psycopg.connect(**keywords, autocommit=True) as connection:
        yield connection


def superuser_sql(database: Database, statement: str | sql.Composed, name: str | None = None) -> list[Any]:
    """Run a statement, in the database or in another one of its server."""
    text = statement.encode() if isinstance(statement, str) else statement
    if name == "postgres":
        return rows(admin(database.server).execute(text))
    with superuser(database, name) as connection:
        return rows(connection.execute(text))


def rows(cursor: psycopg.Cursor[Any]) -> list[Any]:
    """The rows of a statement, if it is one that has any."""
    return cursor.fetchall() if cursor.description else []


def superuser_url(database: Database) -> str:
    """The URL for the superuser."""
    server = database.server
    return f"postgresql://{server.user}:{server.password}@{server.host}:{server.port}/{quote(database.name, safe='')}"


def described(database: Database) -> Description:
    """Everything that is in it."""
    with superuser(database) as connection:
        return describe(connection)


def properties(database: Database) -> dict[str, Any]:
    """What belongs to the database itself."""
    with superuser(database) as connection:
        return describe_database(connection)


def dumped(database: Database, client: Server, path: Path, *options: str) -> Path:
    """A dump by the stock pg_dump of a version, made by the superuser."""
    server = database.server
    entry = {
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": server.user,
        "PGPASSWORD": server.password,
    }
    subprocess.run(
        [f"{client.bindir}/pg_dump", "-d", database.name, "-f", path, *options], env={**os.environ, **entry},
        check=True, timeout=60,
    )  # fmt: skip
    return path
