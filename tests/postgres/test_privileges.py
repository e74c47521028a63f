"""Databases that do not let the migrator write, or look: told as what they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Project
from tests.servers import Database

pytestmark = pytest.mark.one_major


@pytest.fixture
def admin(database: Database, connect: Callable[..., psycopg.Connection[Any]]) -> psycopg.Connection[Any]:
    """The superuser in the database."""
    return connect(database, **database.server.keywords(database.name))


def test_schema_that_is_somebody_elses(
    configured: Project, database: Database, admin: psycopg.Connection[Any]
) -> None:
    """No CREATE on the schema of the tracking tables: exit 1 with the grant that helps."""
    admin.execute("alter schema public owner to postgres")
    admin.execute("revoke all on schema public from public")
    configured.write("migrations/001_t.sql", "SELECT 1;")
    for verb in ("init", "up"):
        outcome = configured.run("migrate", verb)
        assert outcome.code == 1, outcome
        assert "permission denied for schema public" in outcome.stderr
        assert "GRANT CREATE, USAGE ON SCHEMA public" in outcome.stderr


@pytest.mark.parametrize("verb", ["status", "up", "history", "current"])
def test_tables_that_may_not_be_read(configured: Project, admin: psycopg.Connection[Any], verb: str) -> None:
    """The tracking tables belong to another role: exit 1, not a bug."""
    configured.write("migrations/001_t.sql", "SELECT 1;")
    assert configured.run("migrate", "up").code == 0
    admin.execute("alter table schema_migrations owner to postgres")
    admin.execute("alter table schema_migrations_events owner to postgres")
    outcome = configured.run("migrate", verb)
    assert outcome.code == 1, outcome
    assert "permission denied for table schema_migrations" in outcome.stderr


def test_record_that_may_not_be_written(configured: Project, admin: psycopg.Connection[Any]) -> None:
    """A row that is not to be written takes its migration with it."""
    configured.write("migrations/001_t.sql", "SELECT 1;")
    assert configured.run("migrate", "up").code == 0
    admin.execute("alter table schema_migrations owner to postgres")
    admin.execute("grant select on schema_migrations to public")
    configured.write("migrations/002_u.sql", "CREATE TABLE u (id integer);")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert "002_u.sql: while recording it: permission denied for table schema_migrations" in outcome.stderr
    assert admin.execute("select to_regclass('u')").fetchone() == (None,)
    outcome = configured.run("migrate", "mark", "002")
    assert outcome.code == 1, outcome
    assert "permission denied for table schema_migrations" in outcome.stderr


def test_frozen_database(configured: Project, database: Database, admin: psycopg.Connection[Any]) -> None:
    """A database that is set to read-only stays untouched."""
    admin.execute(
        sql.SQL("alter database {} set default_transaction_read_only = on").format(
            sql.Identifier(database.name)
        )
    )
    configured.write("migrations/001_t.sql", "SELECT 1;")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert "read-only transaction" in outcome.stderr
    assert "use the primary" in outcome.stderr
    assert configured.run("migrate", "status").code == 0


def test_unlock_of_another_roles_session(
    configured: Project, database: Database, admin: psycopg.Connection[Any]
) -> None:
    """The holder belongs to a role that one may not end: exit 1 with the server's words, and it lives on."""
    configured.write("migrations/001_t.sql", "SELECT 1;")
    admin.execute("set application_name = 'dbops migrate up somebody@else'")
    admin.execute("select pg_advisory_lock(%s)", [0x7BFA_F4FB_42DD_B4A5])
    outcome = configured.run("migrate", "unlock", "--yes")
    assert outcome.code == 1, outcome
    assert "terminate" in outcome.stderr
    assert admin.execute("select 1").fetchone() == (1,)
    second = configured.run("migrate", "up", "--deadline", "0s")
    assert second.code == 11, second
    assert "somebody@else" in second.stderr
