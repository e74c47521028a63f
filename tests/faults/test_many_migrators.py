"""Several migrators at once on one database."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.servers import Database
from tests.watching import Watch

TABLES = {f"migrations/{n:03}_t{n}.sql": f"CREATE TABLE t{n} (id integer);" for n in range(1, 6)}


def _together(project: Project, count: int, *argv: str) -> list[subprocess.Popen[str]]:
    return [project.popen("migrate", "up", *argv) for _ in range(count)]


def _ended(started: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    return [(one.wait(60), "".join(one.communicate())) for one in started]


@pytest.mark.one_major
def test_twenty_on_an_empty_database(configured: Project, watch: Watch) -> None:
    """Twenty begin at once, tables and all; each migration is applied once and everybody ends well.

    A concurrent build among them waits for every older snapshot: those who wait for the lock hold none.
    """
    for name, text in {**TABLES, "migrations/002_t2.sql": "CREATE INDEX CONCURRENTLY i ON t1 (id);"}.items():
        configured.write(name, text)
    ended = _ended(_together(configured, 20))
    assert [code for code, _ in ended] == [0] * 20, ended
    assert watch.applied() == ["001", "002", "003", "004", "005"]
    assert len(watch.events("applied")) == 5
    assert len(watch.events("initialised")) == 1
    assert watch.indexes() == {"i": True}


@pytest.mark.one_major
def test_connections_used_up(
    configured: Project,
    database: Database,
    connect: Callable[..., psycopg.Connection[Any]],
) -> None:
    """A database that lets only two sessions in: the other migrators try again until it is their turn."""
    admin = connect(database, **database.server.keywords(database.name))
    admin.execute(f'alter database "{database.name}" connection limit 2')
    for name, text in TABLES.items():
        configured.write(name, text)
    ended = _ended(_together(configured, 6))
    assert [code for code, _ in ended] == [0] * 6, ended
    assert Watch(admin).applied() == ["001", "002", "003", "004", "005"]
    assert any("too many connections" in said for _, said in ended)


@pytest.mark.one_major
def test_connections_used_up_past_the_deadline(
    configured: Project,
    database: Database,
    connect: Callable[..., psycopg.Connection[Any]],
) -> None:
    """No session is to be had until the deadline: exit 10 with the server's words."""
    admin = connect(database, **database.server.keywords(database.name))
    admin.execute(f'alter database "{database.name}" connection limit 0')
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    outcome = configured.run("migrate", "up", "--deadline", "0.3s")
    assert outcome.code == 10, outcome
    assert "too many connections for database" in outcome.stderr
