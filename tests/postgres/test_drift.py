"""`bin/migrate drift`: whether the schema still is what the last migration left."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops.engines.postgres.schema import reader
from dbops.engines.schema import differences
from tests.conftest import Project
from tests.postgres.migrating import mark_as_development, ran, single, write_tables
from tests.postgres.rounds import dumped, superuser, superuser_sql
from tests.servers import Database
from tests.watching import until
from tests.zoo import EVERYTHING, build

Connect = Callable[..., psycopg.Connection[Any]]

FIRST = """
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN percent AS int CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE parent (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', m mood);
CREATE TABLE child (id serial, parent_id int CONSTRAINT child_parent REFERENCES parent, n percent);
CREATE INDEX child_parent_id ON child (parent_id);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE INSERT ON child FOR EACH ROW EXECUTE FUNCTION touch();
CREATE VIEW names AS SELECT name FROM parent;
CREATE TABLE spare (id int);
CREATE SEQUENCE counter;
COMMENT ON TABLE parent IS 'as it was';
"""
# What somebody does by hand, and what is told of it.
HARM = [
    ("ALTER TABLE parent ADD COLUMN late int", "table public.parent", "changed"),
    ("ALTER TYPE mood ADD VALUE 'angry'", "type public.mood", "changed"),
    ("ALTER DOMAIN percent SET DEFAULT 5", "type public.percent", "changed"),
    ("ALTER TABLE child DROP CONSTRAINT child_parent", "table constraint child_parent on public.child", "gone"),
    ("CREATE INDEX by_hand ON child (n)", "index public.by_hand", "added"),
    ("DROP INDEX child_parent_id", "index public.child_parent_id", "gone"),
    ("ALTER TABLE child DISABLE TRIGGER touch", "trigger touch on public.child", "changed"),
    (
        "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return null; end'",
        "function public.touch()",
        "changed",
    ),
    ("CREATE OR REPLACE VIEW names AS SELECT upper(name) AS name FROM parent", "view public.names", "changed"),
    ("DROP TABLE spare", "table public.spare", "gone"),
    ("ALTER SEQUENCE counter INCREMENT 2", "sequence public.counter", "changed"),
    ("COMMENT ON TABLE parent IS 'as it is'", "comment on table public.parent", "changed"),
    ("GRANT SELECT ON names TO PUBLIC", "privileges of view public.names", "added"),
    ("ALTER TABLE child ENABLE ROW LEVEL SECURITY", "table public.child", "changed"),
    ("CREATE POLICY own ON child USING (n > 1)", "policy own on public.child", "added"),
    ("CREATE SCHEMA aside", "schema aside", "added"),
    (
        "CREATE STATISTICS both_columns ON id, n FROM child",
        "statistics object public.both_columns",
        "added",
    ),
    (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        "default acl for role {owner} in schema public on tables",
        "added",
    ),
]  # fmt: skip


def drifted(project: Project, *options: str) -> dict[str, str]:
    """Object to what became of it, as `drift --json` tells, whose exit code says whether there is any."""
    outcome = project.run("migrate", "drift", "--json", *options)
    result = next((event for event in outcome.events if event["type"] == "result"), None)
    assert result is not None, outcome
    assert outcome.code == (3 if result["drifted"] else 0), outcome
    return {one["object"]: one["change"] for one in result["differences"]}


@pytest.fixture
def migrated(configured: Project, database: Database) -> Project:
    """A project with one migration, which is applied by an ordinary role that owns the database."""
    configured.write("migrations/001_first.sql", single(FIRST, "DROP TABLE child;"))
    ran(configured, "up")
    return configured


def test_every_change_by_hand_is_named(migrated: Project, database: Database, connect: Connect) -> None:
    """Each object that somebody changed, made or dropped is told, and nothing else."""
    assert drifted(migrated) == {}
    connection = connect(database)
    for statement, _, _ in HARM:
        connection.execute(statement)
    expected = {name.format(owner=database.user): change for _, name, change in HARM}
    assert drifted(migrated) == expected


@pytest.mark.one_major
def test_what_is_no_part_of_the_schema_is_no_drift(
    migrated: Project, database: Database, connect: Connect
) -> None:
    """Rows, statistics, a sequence's position, temporary tables and the session's settings change nothing."""
    connection = connect(database)
    connection.execute(
        "INSERT INTO parent VALUES (1); ANALYZE; SELECT nextval('counter'); CREATE TEMP TABLE t (i int)"
    )
    connection.execute("COMMENT ON TABLE t IS 'temporary'")
    connection.execute(
        f"ALTER ROLE {database.user} SET search_path = nowhere; ALTER ROLE {database.user} SET quote_all_identifiers = on"
    )
    assert drifted(migrated) == {}


@pytest.mark.one_major
def test_what_is_left_out(migrated: Project, database: Database, connect: Connect) -> None:
    """Partitions that a job makes and drops are no drift where the project says so."""
    connection = connect(database)
    migrated.write(
        "migrations/002_log.sql",
        single(
            "CREATE TABLE log (at date NOT NULL PRIMARY KEY) PARTITION BY RANGE (at);"
            "CREATE TABLE log_2025 PARTITION OF log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');",
            "DROP TABLE log;",
        ),
    )
    ran(migrated, "up")
    connection.execute(
        "DROP TABLE log_2025; CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')"
    )
    connection.execute("COMMENT ON TABLE log_2026 IS 'by the job'; GRANT SELECT ON log_2026 TO PUBLIC")
    assert len(drifted(migrated)) > 5
    migrated.write("pyproject.toml", '[tool.dbops]\ndrift-ignore = ["* public.log_20*"]\n')
    assert drifted(migrated) == {}
    connection.execute("CREATE INDEX by_hand ON log (at)")
    assert "index public.by_hand" in drifted(migrated)


@pytest.mark.one_major
def test_definitions_are_told(migrated: Project, database: Database, connect: Connect) -> None:
    """The lines that differ are shown for people; the JSON has both definitions whole."""
    connect(database).execute("ALTER TABLE parent ALTER COLUMN name SET DEFAULT 'y'; DROP TABLE spare")
    outcome = migrated.run("migrate", "drift")
    assert outcome.code == 3
    assert outcome.stdout.splitlines()[:5] == [
        "~ table public.parent: changed",
        "    -   name text DEFAULT 'x'::text NOT NULL",
        "    +   name text DEFAULT 'y'::text NOT NULL",
        "- table public.spare: gone",
        "    -   id integer",
    ]
    assert "2 differences from what 001 left on" in outcome.stdout
    gone = migrated.run("migrate", "drift", "--json").events[0]["differences"][1]
    assert (gone["before"], gone["after"]) == ("  id integer", None)


@pytest.mark.one_major
def test_up_tells_before_it_begins(migrated: Project, database: Database, connect: Connect) -> None:
    """It warns and runs; with --fail-on-drift it refuses.  What it did not touch is drift after it, too."""
    connection = connect(database)
    connection.execute("CREATE TABLE by_hand (id int); ALTER TABLE spare ADD COLUMN n int")
    migrated.write("migrations/002_second.sql", single("ALTER TABLE spare ADD COLUMN o int;"))
    refused = migrated.run("migrate", "up", "--fail-on-drift")
    assert refused.code == 13
    assert "table public.by_hand (added), table public.spare (changed)" in refused.stderr
    assert "warning: the schema is not as the last migration left it" in ran(migrated, "up").stderr
    assert drifted(migrated) == {"table public.by_hand": "added"}
    connection.execute("DROP TABLE by_hand")
    assert drifted(migrated) == {}


@pytest.mark.one_major
def test_drift_can_be_accepted(migrated: Project, database: Database, connect: Connect) -> None:
    """--accept stores what is there and writes that into the history; --dry-run only tells."""
    connect(database).execute("CREATE TABLE by_hand (id int)")
    assert "would accept 1 difference" in ran(migrated, "drift", "--accept", "--dry-run").stdout
    assert drifted(migrated) != {}
    assert "accepted 1 difference" in ran(migrated, "drift", "--accept").stdout
    assert drifted(migrated) == {}
    assert "nothing to accept" in ran(migrated, "drift", "--accept").stdout
    history = ran(migrated, "history", "--json").json["events"]
    accepted = [event["detail"] for event in history if event["action"] == "drift accepted"]
    assert accepted == [{"objects": {"table public.by_hand": "added"}}]


@pytest.mark.one_major
def test_status_tells_when_asked(migrated: Project, database: Database, connect: Connect) -> None:
    """`status` says nothing of drift, `status --drift` does; with --check it exits 3."""
    connect(database).execute("DROP TABLE spare")
    assert "drift" not in ran(migrated, "status", "--check", "--json").json
    told = ran(migrated, "status", "--drift", "--json").json["drift"]
    assert (told["drifted"], told["version"], len(told["differences"])) == (True, "001", 1)
    assert "table public.spare (gone)" in ran(migrated, "status", "--drift").stdout
    assert migrated.run("migrate", "status", "--drift", "--check").code == 3


@pytest.mark.one_major
def test_down_and_what_fails_are_followed(migrated: Project, database: Database) -> None:
    """After a down, and after a run that stopped at its second migration, the schema is what was left."""
    mark_as_development(database)
    migrated.write("migrations/002_b.sql", single("CREATE TABLE b (id int);", "DROP TABLE b;"))
    migrated.write("migrations/003_c.sql", single("CREATE TABLE c (id int); SELECT 1/0;"))
    assert migrated.run("migrate", "up").code == 1
    assert drifted(migrated) == {}
    ran(migrated, "down")
    assert drifted(migrated) == {}


@pytest.mark.one_major
def test_a_partly_applied_migration_is_followed(migrated: Project) -> None:
    """What a migration outside a transaction has left when it stopped is no drift."""
    migrated.write(
        "migrations/002_b.sql",
        single(
            "CREATE INDEX CONCURRENTLY spare_id ON spare (id);\nCREATE INDEX CONCURRENTLY x ON nowhere (id);"
        ),
    )
    assert migrated.run("migrate", "up").code == 4
    assert drifted(migrated) == {}


@pytest.mark.one_major
def test_nothing_false_is_told(migrated: Project, database: Database, connect: Connect) -> None:
    """Where no schema was stored, or another process ended before it stored it, drift is not known until the next run."""
    connection = connect(database)
    migrated.write("migrations/002_b.sql", single("CREATE TABLE b (id int);"))
    ran(migrated, "up")
    for forget, said in (
        (
            "id = (SELECT max(id) FROM schema_migrations_events WHERE action = 'schema stored')",
            "their process ended",
        ),
        ("action = 'schema stored'", "no schema was stored yet"),
    ):
        connection.execute(f"DELETE FROM schema_migrations_events WHERE {forget}")
        told = ran(migrated, "drift", "--json").json
        assert told["drifted"] is None
        assert said in told["unknown"]
    migrated.write("migrations/003_c.sql", single("CREATE TABLE c (id int);"))
    assert "warning" not in ran(migrated, "up", "--fail-on-drift").stderr
    assert ran(migrated, "drift", "--json").json["drifted"] is False


@pytest.mark.one_major
def test_a_killed_run_has_stored_what_it_left(
    configured: Project, database: Database, connect: Connect
) -> None:
    """Killed in its second migration: what the first one left is known, and compared."""
    configured.write("migrations/001_a.sql", single("CREATE TABLE a (id int);"))
    configured.write("migrations/002_slow.sql", single("CREATE TABLE b (id int); SELECT pg_sleep(60);"))
    connection = connect(database)
    child = configured.popen("migrate", "up")
    sleeping = (
        "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    )
    until(lambda: connection.execute(sleeping).fetchall(), "the second migration sleeps")
    child.kill()
    child.wait()
    connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({sleeping}) AS slow")
    told = ran(configured, "drift", "--json").json
    assert (told["drifted"], told["version"]) == (False, "001")
    connection.execute("DROP TABLE a")
    assert drifted(configured) == {"table public.a": "gone"}


@pytest.mark.one_major
def test_of_quick_migrations_not_each_is_stored(
    configured: Project, database: Database, connect: Connect
) -> None:
    """The schema is read after a few of them and at the end, since to read it takes longer than they do."""
    write_tables(configured, *(f"t{number}" for number in range(30)))
    ran(configured, "up")
    stored = connect(database).execute(
        "SELECT detail ->> 'version' FROM schema_migrations_events WHERE action = 'schema stored' ORDER BY id"
    )
    versions = [row[0] for row in stored]
    assert (versions[0], versions[-1]) == ("001", "030")
    assert len(versions) < 10


@pytest.mark.one_major
def test_a_locked_view_does_not_stop_up(migrated: Project, database: Database, connect: Connect) -> None:
    """Another session holds a view that cannot be read: up warns and applies; nothing false is told later."""
    connection = connect(database, autocommit=False)
    connection.execute("LOCK TABLE names IN ACCESS EXCLUSIVE MODE")
    migrated.write("migrations/002_b.sql", single("CREATE TABLE b (id int);"))
    outcome = ran(migrated, "up", "--lock-timeout", "200ms")
    assert "warning: schema drift is not known" in outcome.stderr
    assert "warning: the schema could not be stored" in outcome.stderr
    connection.rollback()
    assert ran(migrated, "drift", "--json").json["drifted"] is None


@pytest.mark.one_major
def test_a_baseline_is_stored(configured: Project, database: Database, connect: Connect) -> None:
    """A database whose history is only recorded has a schema to be compared with."""
    connect(database).execute("CREATE TABLE a (id int)")
    write_tables(configured, "a")
    ran(configured, "baseline", "001")
    assert drifted(configured) == {}
    connect(database).execute("DROP TABLE a")
    assert drifted(configured) == {"table public.a": "gone"}


def test_a_restored_schema_is_the_same(database: Database, tmp_path: Path) -> None:
    """All that PostgreSQL knows, dumped and restored by its own programs, reads the same, but for what pg_dump loses."""
    build(database, EVERYTHING)
    copy = dataclasses.replace(database, name=f"{database.name}_copy")
    superuser_sql(database, f"CREATE DATABASE {copy.name} OWNER {database.user} TEMPLATE template0")
    try:
        _load(copy, dumped(database, database.server, tmp_path / "dump.sql", "-s"))
        with superuser(database) as first, superuser(copy) as second:
            before, after = reader.read(first, ()), reader.read(second, ())
    finally:
        superuser_sql(database, f"DROP DATABASE {copy.name}", "postgres")
    found = [one for one in differences(before, after) if one.object not in LOST]
    assert found == []
    assert len(before.objects) > 400
    assert {name.partition(" ")[0] for name in before.objects} >= KINDS


def _load(database: Database, path: Path) -> None:
    server = database.server
    entry = {
        "PGHOST": server.host,
        "PGPORT": str(server.port),
        "PGUSER": server.user,
        "PGPASSWORD": server.password,
    }
    words = [
        f"{server.bindir}/psql",
        "-X",
        "-q",
        "-d",
        database.name,
        "-v",
        "ON_ERROR_STOP=1",
        "-f",
        str(path),
    ]
    subprocess.run(words, env={**os.environ, **entry}, check=True, timeout=60)


# Columns that a parent got late come in another place, and the like: tests/zoo/known.py has the reasons.
LOST = {
    *("sequence zoo.alike_by_default_seq", "table zoo.adopted", "table zoo.dogs", "table zoo.lap_dogs"),
    "table constraint late_not_null on zoo.since18_child",
}
KINDS = {
    *(
        "aggregate",
        "cast",
        "collation",
        "comment",
        "default",
        "event",
        "extension",
        "foreign",
        "function",
        "index",
    ),
    *(
        "materialized",
        "operator",
        "policy",
        "privileges",
        "publication",
        "rule",
        "schema",
        "sequence",
        "statistics",
    ),
    *("table", "text", "trigger", "type", "user", "view"),
}
