"""`migrate adopt`: the histories that other tools have recorded, tool by tool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.adopting import adopted, mark_as_development, project_of, recorded, rows
from tests.postgres.migrating import ran, states
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


def test_dbmate(configured: Project, database: Database, connect: Connect) -> None:
    """Its versions are recorded beside its table, which stays as it is; up and down work on."""
    project_of(configured, "dbmate")
    connection = connect(database)
    connection.execute("CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)")
    connection.execute("INSERT INTO schema_migrations VALUES ('20240101120000')")
    connection.execute("CREATE TABLE accounts (id bigint PRIMARY KEY, name text NOT NULL)")
    refused = configured.run("migrate", "up")
    assert refused.code == 13
    assert "bin/migrate adopt" in refused.stderr
    outcome = adopted(configured)
    assert "recorded 1 migration from public.schema_migrations (dbmate)" in outcome.stdout
    assert "pending: 20240102120000, 20240103120000" in outcome.stdout
    assert states(configured)["20240101120000"] == "applied"
    ran(configured, "up")
    assert recorded(connection) == ["20240101120000", "20240102120000", "20240103120000"]
    mark_as_development(database)
    ran(configured, "down", "--to", "0")
    assert recorded(connection) == []
    assert rows(connection, "SELECT version FROM schema_migrations") == [("20240101120000",)]
