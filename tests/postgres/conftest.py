"""Fixtures of the tests on real servers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import FAILED, SERVERS, Project
from tests.postgres.differing import HERE
from tests.postgres.migrating import mark_as_development, ran, single, write_tables
from tests.postgres.restoring import Live, live_database
from tests.postgres.rounds import Rounds
from tests.postgres.scratching import allow_databases
from tests.postgres.seeding import Seeds
from tests.servers import Database, Server, admin, create_database, drop_database


@pytest.fixture
def abc(project: Project, database: Database) -> Project:
    """A project with the migrations 001_a, 002_b and 003_c, on a database of unknown purpose."""
    project.use(database)
    write_tables(project, "a", "b", "c")
    return project


@pytest.fixture
def abc_dev(abc: Project, database: Database) -> Project:
    """The same on a database that is marked as development, where nothing need be confirmed."""
    mark_as_development(database)
    return abc


@pytest.fixture
def maker(configured: Project, database: Database) -> Project:
    """A configured project whose role, an ordinary one, may make databases."""
    allow_databases(database)
    return configured


@pytest.fixture
def started(maker: Project, database: Database) -> Project:
    """The same in development, with one applied migration: the table that tests of `migrate diff` begin with."""
    mark_as_development(database)
    maker.write("migrations/001_start.sql", single(HERE, "DROP TABLE person;"))
    ran(maker, "up")
    return maker


@pytest.fixture
def seeds(database: Database, connect: Callable[..., psycopg.Connection[Any]], tmp_path: Path) -> Seeds:
    """A seeds folder and an empty database."""
    return Seeds(tmp_path / "seeds", connect(database))


@pytest.fixture
def live(server: Server) -> Iterator[Live]:
    """A live database, owned by an ordinary role that may create databases."""
    with live_database(server) as made:
        yield made


@pytest.fixture
def other_servers(server: Server, request: pytest.FixtureRequest) -> tuple[Server, ...]:
    """The servers of the other major versions."""
    return tuple(one for one in request.config.stash[SERVERS] if one.major != server.major)


@pytest.fixture
def another(database: Database, request: pytest.FixtureRequest) -> Iterator[Callable[..., Database]]:
    """Makes empty databases for the role of `database`, on a server where it is known.

    They are dropped when the test passes.
    """
    made: list[Database] = []

    def make(server: Server | None = None) -> Database:
        server = server or database.server
        one = Database(server, f"{database.name}_{secrets.token_hex(2)}", database.user, database.password)
        create_database(one)
        made.append(one)
        return one

    yield make
    if not request.node.stash.get(FAILED, False):
        for one in made:
            drop_database(one)


@pytest.fixture
def rounds(project: Project, database: Database, request: pytest.FixtureRequest) -> Iterator[Rounds]:
    """A project and a database to go round with; what the test restores is dropped when it passes."""
    made = Rounds(project, database)
    yield made
    if not request.node.stash.get(FAILED, False):
        made.clear(request.config.stash[SERVERS])


@pytest.fixture
def newest(rounds: Rounds, another: Callable[..., Database], request: pytest.FixtureRequest) -> Rounds:
    """The same on the newest server, whichever the other fixtures are on."""
    found = request.config.stash[SERVERS]
    server = max(found, key=lambda one: one.major)
    if server == rounds.database.server:
        return rounds
    admin(server).execute(
        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
            sql.Identifier(rounds.database.user), sql.Literal(rounds.database.password)
        )
    )
    return Rounds(rounds.project, another(server))
