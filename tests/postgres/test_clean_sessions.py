"""What a migration sets for its session does not reach its record, the next migration, or the lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.servers import Database
from tests.watching import Watch

SETTINGS = [
    "SET search_path = nowhere, pg_catalog;",
    "SET search_path = '';",
    "SET statement_timeout = '200ms';",  # less, and a busy machine ends the file's own SELECT
    "SET lock_timeout = '1ms';",
    "SET row_security = off;",
    "SET default_transaction_read_only = on;",
    "SET default_transaction_isolation = 'serializable';",
    "SET DateStyle = 'German, DMY';",
    "SET client_encoding = 'LATIN1';",
    "SET standard_conforming_strings = off;",
    "SET escape_string_warning = off; SET quote_all_identifiers = on; SET TimeZone = 'Asia/Kathmandu';",
    "SET ROLE {role};",
    "SET SESSION AUTHORIZATION {role};",
    "SET session_replication_role = replica;",
    "CREATE TEMPORARY TABLE schema_migrations (id integer);",
    "PREPARE p AS SELECT 1;",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1;",
    "LISTEN something;",
]
SHOWN = """
    SELECT pg_catalog.json_build_array(
        (SELECT pg_catalog.json_object_agg(name, setting ORDER BY name) FROM pg_catalog.pg_settings
            WHERE source = 'session' OR name IN ('search_path', 'role', 'session_authorization')),
        session_user, current_user,
        (SELECT count(*) FROM pg_catalog.pg_prepared_statements),
        (SELECT count(*) FROM pg_catalog.pg_cursors WHERE is_holdable),
        (SELECT count(*) FROM pg_catalog.pg_listening_channels()),
        (SELECT count(*) FROM pg_catalog.pg_class WHERE relpersistence = 't'))::text
"""


@pytest.mark.parametrize("alone", ["", "VACUUM public.seen;\n"], ids=["transaction", "stepwise"])
def test_next_migration_starts_clean(
    project: Project, database: Database, connect: Callable[..., psycopg.Connection[Any]], alone: str
) -> None:
    """The record is written whatever a file sets, and the next file sees what the first one saw."""
    superuser = f"{database.server.user}:{database.server.password}@"
    project.environ["DATABASE_URL"] = database.url.replace(f"{database.user}:{database.password}@", superuser)
    project.write("migrations/000_seen.sql", f"CREATE TABLE public.seen AS {SHOWN};")
    for number, setting in enumerate(SETTINGS, 1):
        text = setting.format(role=f'"{database.user}"')
        project.write(f"migrations/{number}.1_sets.sql", f"{alone}{text}\nSELECT 1;\n")
        project.write(f"migrations/{number}.2_sees.sql", f"INSERT INTO public.seen {SHOWN};")
    outcome = project.run("migrate", "up", "--lock-timeout", "7s")
    assert outcome.code == 0, outcome
    watch = Watch(connect(database, **database.server.keywords(database.name)))
    assert len(watch.applied()) == 1 + 2 * len(SETTINGS)
    first, *others = watch.values("select * from seen order by ctid")
    assert dict(zip(SETTINGS, others, strict=True)) == dict.fromkeys(SETTINGS, first)


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (id integer);\nSELECT pg_advisory_unlock_all();",
        "CREATE TABLE t (id integer);\nDO $$BEGIN PERFORM pg_advisory_unlock_all(); END$$;",
    ],
)
def test_lock_given_away_in_a_transaction(configured: Project, watch: Watch, text: str) -> None:
    """Rolled back and not recorded, exit 11 that names the cause."""
    configured.write("migrations/001_t.sql", text)
    outcome = configured.run("migrate", "up")
    assert outcome.code == 11, outcome
    assert "gave the migration lock away" in outcome.stderr
    assert watch.applied() == []
    assert watch.value("select to_regclass('t')") is None


@pytest.mark.one_major
def test_lock_given_away_in_a_file_of_steps(configured: Project, watch: Watch) -> None:
    """The statement that freed the lock is rolled back; what ran before it stays, and nothing is recorded."""
    configured.write(
        "migrations/001_t.sql", "CREATE TABLE t (id integer);\nVACUUM;\nSELECT pg_advisory_unlock_all();"
    )
    for _ in range(2):
        outcome = configured.run("migrate", "up")
        assert outcome.code == 11, outcome
        assert "001_t.sql, statement 3 gave the migration lock away" in outcome.stderr
        assert watch.applied() == []
    assert watch.value("select to_regclass('t') is not null")


@pytest.mark.one_major
def test_discard_all_is_refused(configured: Project, watch: Watch) -> None:
    """DISCARD ALL would free the lock: refused before anything runs."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);\nDISCARD ALL;")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert "001_t.sql:2:1: DISCARD ALL would give the migration lock away" in outcome.stderr
    assert watch.value("select to_regclass('t')") is None
