"""`migrate adopt` in an Alembic project, and both tools on one database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests import alembics
from tests.alembics import table
from tests.conftest import Project
from tests.postgres.migrating import applied, mark_as_development, ran, states, tables
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]


@pytest.fixture
def upgraded(project: Project, database: Database) -> Project:
    """A project whose only configuration is alembic.ini: two branches and a merge, of which one branch is applied."""
    mark_as_development(database)
    alembics.make(project.folder, alembics.sqlalchemy_url(database))
    table(project.folder, "base0", None)
    table(project.folder, "left0", "base0", date="2024-01-01")
    table(project.folder, "right", "base0")
    alembics.alembic(project.folder, "upgrade", "right")
    return project


def heads(connection: psycopg.Connection[Any]) -> set[str]:
    """What Alembic's table says."""
    return {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}


def test_in_one_command(upgraded: Project, database: Database, connect: Connect) -> None:
    """`adopt` renders, and records what the head stands for; the rest is pending, in order, and `up` applies it."""
    outcome = ran(upgraded, "adopt", "--dry-run")
    assert (
        "would render 3 Alembic revisions into migrations\nwould record 2 migrations as applied"
        in outcome.stdout
    )
    assert not list((upgraded.folder / "migrations").iterdir())
    outcome = ran(upgraded, "adopt")
    assert "recorded 2 migrations from public.alembic_version" in outcome.stdout
    assert "pending: 0003" in outcome.stdout
    assert applied(connect(database)) == ["0001", "0002"]
    ran(upgraded, "up")
    assert "left0" in tables(connect(database))
    ran(upgraded, "down", "--to", "0")
    assert tables(connect(database)) == ["alembic_version"]


def test_a_new_database(upgraded: Project, database: Database, connect: Connect) -> None:
    """One that Alembic has never seen: all is rendered, nothing recorded, and `up` begins from the beginning."""
    connect(database).execute('DROP TABLE alembic_version, base0, "right"')
    outcome = ran(upgraded, "adopt", "--json")
    assert [stem[:4] for stem in outcome.json["rendered"]] == ["0001", "0002", "0003"]
    assert outcome.json["recorded"] == []
    ran(upgraded, "up")
    assert tables(connect(database)) == ["base0", "left0", "right"]


def test_a_revision_that_no_file_has(upgraded: Project) -> None:
    """The database is at a revision of somebody's branch: it is named, nothing is rendered."""
    next((upgraded.folder / "alembic" / "versions").glob("right_*")).unlink()
    outcome = upgraded.run("migrate", "adopt")
    assert outcome.code == 5
    assert "the database is at revision right, and no file of the project has it" in outcome.stderr
    assert not list((upgraded.folder / "migrations").iterdir())


def test_both_tools_in_turn(upgraded: Project, database: Database, connect: Connect) -> None:
    """With a mirror each sees what the other did, upwards and downwards, across branches and a merge."""
    connection = connect(database)
    ran(upgraded, "adopt", "--mirror")
    assert heads(connection) == {"right"}
    ran(upgraded, "up")
    assert heads(connection) == {"right", "left0"}
    table(upgraded.folder, "merge0", ("left0", "right"))
    table(upgraded.folder, "above0", "merge0")
    alembics.alembic(upgraded.folder, "upgrade", "merge0")
    assert states(upgraded) == {
        "0001": "applied",
        "0002": "applied",
        "0003": "applied",
        "0004": "applied",
        "0005": "pending",
    }
    ran(upgraded, "up")
    assert heads(connection) == {"above0"}
    assert "above0 (head)" in alembics.alembic(upgraded.folder, "current")
    ran(upgraded, "down", "2")
    assert heads(connection) == {"left0", "right"}
    alembics.alembic(upgraded.folder, "downgrade", "left0@base0")
    assert ran(upgraded, "status").code == 0
    alembics.alembic(upgraded.folder, "upgrade", "heads")
    ran(upgraded, "up")
    assert set(states(upgraded).values()) == {"applied"}


def test_migrations_of_ones_own_beside_a_mirror(
    upgraded: Project, database: Database, connect: Connect
) -> None:
    """A plain file that Alembic does not know is applied and undone, and its table hears nothing of it."""
    ran(upgraded, "adopt", "--mirror")
    ran(upgraded, "up")
    upgraded.write("migrations/0004_own.up.sql", "CREATE TABLE own (id int);")
    upgraded.write("migrations/0004_own.down.sql", "DROP TABLE own;")
    ran(upgraded, "up")
    assert "own" in tables(connect(database))
    assert set(states(upgraded).values()) == {"applied"}
    assert heads(connect(database)) == {"left0", "right"}
    ran(upgraded, "down")
    assert heads(connect(database)) == {"left0", "right"}
