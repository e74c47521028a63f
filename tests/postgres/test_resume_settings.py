"""What a stopped migration goes on with: the settings it had, and its place, whatever the file says now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]


@pytest.mark.one_major
def test_a_started_index_is_looked_for_under_the_search_path_that_it_had(
    configured: Project, connect: Connect, database: Database
) -> None:
    """An index was built in a schema that the file itself set, and the process died before it was journalled: found."""
    configured.write(
        "migrations/001_a.sql",
        "CREATE SCHEMA app; SET search_path = app; CREATE TABLE t (id int);\n"
        "CREATE INDEX CONCURRENTLY t_id ON t (id);\nSELECT 1/0;\n",
    )
    assert configured.run("migrate", "up").code == 4
    with connect(database) as session:
        session.execute(
            "DELETE FROM schema_migrations_events WHERE action = 'statement done' AND statement_number = 4"
        )
    configured.write(
        "migrations/001_a.sql",
        "CREATE SCHEMA app; SET search_path = app; CREATE TABLE t (id int);\n"
        "CREATE INDEX CONCURRENTLY t_id ON t (id);\nSELECT 1/1;\n",
    )

    finished = configured.run("migrate", "up")

    assert finished.code == 0, finished.stderr


@pytest.mark.one_major
def test_a_file_that_could_now_be_one_transaction_goes_on_where_it_stopped(
    configured: Project, connect: Connect, database: Database
) -> None:
    """CONCURRENTLY is taken out of the statement that failed: what ran before it does not run a second time."""
    insert = "CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1);\n"
    configured.write("migrations/001_a.sql", insert + "CREATE UNIQUE INDEX CONCURRENTLY t_id ON t (id);\n")
    assert configured.run("migrate", "up").code == 4
    configured.write("migrations/001_a.sql", insert + "CREATE INDEX IF NOT EXISTS t_other ON t (id);\n")

    finished = configured.run("migrate", "up")

    assert finished.code == 0, finished.stderr
    with connect(database) as session:
        assert session.execute("SELECT count(*) FROM t").fetchone() == (2,)
