"""`bin/migrate diff` in folders of several formats; tests/unit/safety/diff/test_writing.py has all of them."""

from __future__ import annotations

import pytest

from tests.conftest import Project
from tests.postgres.differing import diff, files, found
from tests.postgres.migrating import mark_as_development, ran
from tests.postgres.scratching import allow_databases
from tests.servers import Database

pytestmark = pytest.mark.one_major

THERE = """
CREATE TABLE person (id int PRIMARY KEY, name text DEFAULT '*/; ''x'' \\ "y" $$');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$begin /* new; */ return new; end$$;
CREATE TRIGGER touch BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION touch();
"""


@pytest.fixture
def maker(configured: Project, database: Database) -> Project:
    """A project without migrations, whose role may make databases."""
    allow_databases(database)
    mark_as_development(database)
    configured.write("there.sql", THERE)
    return configured


@pytest.mark.parametrize("name", ["pairs", "goose", "flyway", "python-modules"])
def test_each_family(maker: Project, name: str) -> None:
    """What was written is found again by the names of its files, and runs up and down as any migration."""
    told = found(maker, "there.sql", "make_person", "--format", name)
    assert told["verified"]
    assert {f"migrations/{one}" for one in files(maker)} == set(told["files"])
    ran(maker, "up", "--format", name)
    ran(maker, "down", "--format", name)


def test_a_format_without_a_way_back_is_told(maker: Project) -> None:
    """A warning says that only up was written."""
    assert "has no way back" in diff(maker, "there.sql", "--format", "pgmigrate").stderr


def test_what_only_its_tool_can_write(maker: Project) -> None:
    """graphile-migrate's files carry a hash of what came before: exit 2, as new."""
    assert "graphile-migrate" in diff(maker, "there.sql", "--format", "graphile-migrate", code=2).stderr
    assert files(maker) == set()
