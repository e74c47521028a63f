"""The real dbmate, node-pg-migrate and yoyo on the same database as dbops: after it, and before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.adopting import adopted, project_of
from tests.postgres.migrating import mark_as_development, ran, states
from tests.postgres.othertools import Dbmate, NodePgMigrate, Yoyo
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major
REAL = [Dbmate, NodePgMigrate, Yoyo]


@pytest.mark.parametrize("kind", REAL, ids=lambda kind: kind.name)
def test_dbops_after_the_other_tool(
    kind: type[Dbmate | NodePgMigrate | Yoyo], configured: Project, database: Database
) -> None:
    """What it has applied is adopted, dbops goes on; undone by dbops, its own table still says what it did."""
    files = project_of(configured, kind.format)
    if kind is NodePgMigrate:  # within a transaction
        files[2].write_text(files[2].read_text().replace("CONCURRENTLY", ""))
    other = kind(database, configured.folder / "migrations")
    other.up(2)
    outcome = adopted(configured, "--json").json
    assert (outcome["tool"], len(outcome["recorded"]), len(outcome["pending"])) == (kind.name, 2, 1)
    assert all(one["applied_at"] for one in outcome["recorded"]) == (kind is not Dbmate)
    ran(configured, "up")
    assert set(states(configured).values()) == {"applied"}
    mark_as_development(database)
    ran(configured, "down", "3")
    assert other.pending() == 1


@pytest.mark.parametrize("kind", REAL, ids=lambda kind: kind.name)
def test_both_in_turn(
    kind: type[Dbmate | NodePgMigrate | Yoyo], configured: Project, database: Database
) -> None:
    """With --mirror each applies and undoes what the other has applied, and neither finds anything amiss."""
    files = project_of(configured, kind.format)
    if kind is NodePgMigrate:
        files[2].write_text(files[2].read_text().replace("CONCURRENTLY", ""))
    mark_as_development(database)
    other = kind(database, configured.folder / "migrations")
    other.up(1)
    adopted(configured, "--mirror")
    ran(configured, "up")
    assert other.pending() == 0
    fourth = other.write(4, "fourth")
    other.up()
    assert states(configured)[fourth] == "applied"
    other.down()
    assert states(configured)[fourth] == "pending"
    ran(configured, "up")
    assert other.pending() == 0
    other.down()  # what dbops has applied
    fifth = other.write(5, "fifth")
    other.up(2)
    ran(configured, "down", "2")  # what the other tool has applied
    assert states(configured)[fourth] == states(configured)[fifth] == "pending"
    assert other.pending() == 2
    other.up(2)
    adopted(configured, "--no-mirror")
    assert set(states(configured).values()) == {"applied"}
