"""`bin/migrate diff` writes each format that `new` writes, so that it runs up and down as it stands there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dbops.migrations.formats import NAMES
from tests.conftest import Project
from tests.postgres.differing import allow_databases, diff, files, found
from tests.postgres.migrating import mark_as_development, ran, tables
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]

# Semicolons within a statement, the ends of comments, quotes: what could break out of a file's form.
THERE = """
CREATE TABLE person (id int PRIMARY KEY, name text DEFAULT '*/; ''x'' \\ "y" \"\"\" $$');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$begin /* new; */ return new; end$$;
CREATE TRIGGER touch BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION touch();
"""
NO_WAY_BACK = {"pgmigrate"}
MADE_BY_THEIR_TOOL = {"graphile-migrate"}


@pytest.fixture
def maker(configured: Project, database: Database) -> Project:
    """A project without migrations, whose role may make databases."""
    allow_databases(database)
    mark_as_development(database)
    configured.write("there.sql", THERE)
    return configured


@pytest.mark.parametrize("name", sorted(set(NAMES) - MADE_BY_THEIR_TOOL))
def test_each_format(maker: Project, connect: Connect, database: Database, name: str) -> None:
    """What was written is the whole difference, both ways, and found again by the names of its files."""
    told = found(maker, "there.sql", "make_person", "--format", name)
    assert told["verified"]
    assert told["written"]
    assert {f"migrations/{one}" for one in files(maker)} == set(told["files"])
    ran(maker, "up", "--format", name)
    assert "no difference" in diff(maker, "there.sql", "--format", name).stdout
    if name in NO_WAY_BACK:
        return
    ran(maker, "down", "--format", name)
    assert "person" not in tables(connect(database))


@pytest.mark.parametrize(
    ("name", "mark"),
    [("goose", "-- +goose StatementBegin"), ("sql-migrate", "-- +migrate StatementBegin")],
)
def test_statements_with_semicolons_are_marked(maker: Project, name: str, mark: str) -> None:
    """Tools that cut files at semicolons are told where a function's body ends."""
    (path,) = found(maker, "there.sql", "--format", name)["files"]
    lines = (maker.folder / path).read_text().splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("CREATE OR REPLACE FUNCTION"))
    assert lines[at - 1] == mark


def test_a_format_without_a_way_back_is_told(maker: Project) -> None:
    """A warning says that only up was written."""
    assert "has no way back" in diff(maker, "there.sql", "--format", "pgmigrate").stderr


def test_what_only_its_tool_can_write(maker: Project) -> None:
    """graphile-migrate's files carry a hash of what came before: exit 2, as new."""
    assert "graphile-migrate" in diff(maker, "there.sql", "--format", "graphile-migrate", code=2).stderr
    assert files(maker) == set()
