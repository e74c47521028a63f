"""What `bin/seed-test-data` says of what it cannot do, or has done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.test_seed import mark
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


@pytest.fixture
def people(configured: Project, database: Database, connect: Connect) -> psycopg.Connection[Any]:
    """A table in a database of development, and a set with two rows for it."""
    connection = connect(database)
    mark(connection, database, "environment=development")
    connection.execute("create table people (id int primary key, name text not null unique)")
    configured.write("seeds/dev/people.csv", "id,name\n1,ann\n2,bob\n")
    return connection


@pytest.mark.parametrize("how", ["set", "script", "generate", "whole table"])
def test_what_is_held_by_somebody(
    people: psycopg.Connection[Any], configured: Project, database: Database, connect: Connect, how: str
) -> None:
    """A row or the table: exit 11 that names the table and the session."""
    people.execute("create table pets (id int primary key, owner int not null references people)")
    people.execute("insert into people values (1, 'eve')")
    configured.write("seeds/script/x.sql", "update people set name = 'x' where id = 1;")
    other = connect(database, autocommit=False, application_name="a colleague")
    other.execute("lock table people" if how == "whole table" else "select from people for update")
    words = {"script": ["script"], "generate": ["generate", "--table", "pets", "--rows", "5"]}.get(how, [])
    outcome = configured.run("seed-test-data", *words, "--lock-timeout", "200ms")
    assert outcome.code == 11, outcome
    assert "people" in outcome.stderr, outcome
    assert "'a colleague'" in outcome.stderr, outcome
