"""Fixtures of the tests of `migrate`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Project
from tests.postgres.migrating import mark_as_development, write_tables
from tests.postgres.restoring import Live, live_database
from tests.servers import Database, Server


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
def live(server: Server) -> Iterator[Live]:
    """A live database, owned by an ordinary role that may create databases."""
    with live_database(server) as made:
        yield made
