"""`bin/migrate lint` on a database: what it makes a false alarm, and what only it can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import ran, single
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]

TABLES = """
create table empty (id bigint primary key, note text);
create table tiny (id bigint primary key, note text);
insert into tiny select i, 'x' from generate_series(1, 100) as i;
create table large (id bigint primary key, note text);
insert into large select i, repeat('x', 100) from generate_series(1, 20000) as i;
create table parted (id bigint) partition by range (id);
create table parted_1 partition of parted for values from (0) to (100000);
insert into parted select i from generate_series(1, 50000) as i;
create index parted_id on parted (id);
"""


def found(project: Project, *words: str) -> list[tuple[str, str]]:
    """Version and rule of each finding."""
    outcome = project.run("migrate", "lint", *words, "--json")
    assert outcome.code in (0, 3), outcome
    *_, result = [line for line in outcome.events if line["type"] == "result"]
    assert (outcome.code == 3) == bool(result["findings"])
    return [(one["version"], one["rule"]) for one in result["findings"]]


@pytest.fixture
def prepared(configured: Project, database: Database, connect: Connect) -> Project:
    """A project with one applied migration, on a database with tables of every size."""
    configured.write(
        "migrations/001_first.sql", single("CREATE TABLE first (id bigint);", "DROP TABLE first;")
    )
    ran(configured, "up")
    connect(database).execute(TABLES)
    return configured


@pytest.mark.parametrize(
    ("statement", "undo", "rule", "alarms"),
    [
        (
            "CREATE INDEX {0}_note ON {0} (note);",
            "DROP INDEX {0}_note;",
            "require-concurrent-index-creation",
            {"large"},
        ),
        (
            "ALTER TABLE {0} ADD COLUMN more bigint NOT NULL;",
            "ALTER TABLE {0} DROP COLUMN more;",
            "adding-required-field",
            {"large", "tiny"},
        ),
        ("DELETE FROM {0};", "SELECT 1;", "destructive-without-backup", {"large", "tiny"}),
        (
            "ALTER TABLE {0} RENAME COLUMN note TO word;",
            "ALTER TABLE {0} RENAME COLUMN word TO note;",
            "renaming-column",
            {"large", "tiny", "empty"},
        ),
    ],
)
def test_what_the_size_of_a_table_makes_harmless(
    prepared: Project, statement: str, undo: str, rule: str, alarms: set[str]
) -> None:
    """Work on few rows is no alarm, nor what needs a row to fail; clients of an empty table break all the same."""
    for table in ("empty", "tiny", "large"):
        text = single(statement.format(table), undo.format(table))
        prepared.write("migrations/002_next.sql", text)
        assert found(prepared) == ([("002", rule)] if table in alarms else []), table


def test_what_is_made_by_a_pending_migration(prepared: Project) -> None:
    """Nobody can use it; without the database, named alone, it may be in use."""
    new = single("CREATE TABLE new (id bigint);", "DROP TABLE new;")
    change = (
        "CREATE INDEX new_id ON new (id);\nALTER TABLE new RENAME COLUMN id TO number;\nDROP INDEX new_id;"
    )
    prepared.write("migrations/002_new.sql", new)
    prepared.write("migrations/003_change.sql", single(change, "ALTER TABLE new RENAME COLUMN number TO id;"))
    assert found(prepared) == []
    assert found(prepared, "3") == []
    assert {rule for _, rule in found(prepared, "3", "--no-database")} >= {
        "require-concurrent-index-creation",
        "renaming-column",
    }


def test_only_what_is_pending(prepared: Project) -> None:
    """Applied files are looked at with --all, or by name."""
    drop = single("DROP TABLE IF EXISTS gone;", None)
    prepared.write("migrations/002_gone.sql", drop)
    ran(prepared, "up")
    assert found(prepared) == []
    assert found(prepared, "--all") == [("002", "down-missing")]
    assert found(prepared, "002") == [("002", "down-missing")]


def test_partitioned_tables(prepared: Project) -> None:
    """CONCURRENTLY fails on them; the plain index gets the way for partitions as its safer one; ON ONLY is no alarm."""
    undo = "DROP INDEX more;"
    prepared.write("migrations/002_a.sql", single("CREATE INDEX CONCURRENTLY more ON parted (id);", undo))
    prepared.write("migrations/003_b.sql", single("DROP INDEX CONCURRENTLY parted_id;", "SELECT 1;"))
    assert found(prepared) == [("002", "concurrently-on-partitioned"), ("003", "concurrently-on-partitioned")]
    prepared.write("migrations/003_b.sql", single("SELECT 1;", "SELECT 1;"))
    prepared.write("migrations/002_a.sql", single("CREATE INDEX more ON parted (id);", undo))
    result = prepared.run("migrate", "lint", "--json").events[-2]
    assert [one["rule"] for one in result["findings"]] == ["require-concurrent-index-creation"]
    assert "ATTACH PARTITION" in result["findings"][0]["safer"]
    prepared.write("migrations/002_a.sql", single("CREATE INDEX more ON ONLY parted (id);", undo))
    assert found(prepared) == []


def test_if_not_exists_where_it_does(prepared: Project) -> None:
    """What the migration says would not be there afterwards: a warning, no more a note."""
    prepared.write(
        "migrations/002_a.sql",
        single(
            "CREATE TABLE IF NOT EXISTS large (id int, other text);\n"
            "ALTER TABLE tiny ADD COLUMN IF NOT EXISTS note text;\n"
            "CREATE INDEX IF NOT EXISTS large_other ON large (note);",
            "DROP TABLE large;\nALTER TABLE tiny DROP COLUMN note;",
        ),
    )
    assert found(prepared) == [
        ("002", "if-not-exists"),
        ("002", "if-not-exists"),
        ("002", "lock-held-while-slow"),
    ]


def test_a_lock_on_what_is_not_there(prepared: Project) -> None:
    """DROP ... IF EXISTS of nothing holds nothing while an index is built; of something it does."""
    for table, alarms in (("gone", 0), ("tiny", 1)):
        up = f"DROP TABLE IF EXISTS {table};\nALTER TABLE large ADD CHECK (id > 0);"
        prepared.write("migrations/002_drop.sql", single(up, "SELECT 1;"))
        rules = [rule for _, rule in found(prepared)]
        assert rules.count("lock-held-while-slow") == alarms, rules


def test_an_index_that_the_database_has(prepared: Project, database: Database, connect: Connect) -> None:
    """A foreign key on it is no finding; without the index it is a note."""
    text = single(
        "ALTER TABLE large ADD CONSTRAINT k FOREIGN KEY (note) REFERENCES words (word) NOT VALID;",
        "ALTER TABLE large DROP CONSTRAINT k;",
    )
    prepared.write("migrations/002_key.sql", text)
    assert ("002", "foreign-key-without-index") in found(prepared, "--level", "note")
    connect(database).execute("create index on large (note, id)")
    assert ("002", "foreign-key-without-index") not in found(prepared, "--level", "note")


def test_a_mark_for_what_is_harmless_here_is_not_unused(prepared: Project) -> None:
    """It is meant for the database in production, where the table is large."""
    up = "-- dbops: ignore require-concurrent-index-creation\nCREATE INDEX tiny_note ON tiny (note);"
    prepared.write("migrations/002_index.sql", single(up, "DROP INDEX tiny_note;"))
    assert found(prepared) == []


def test_a_type_that_is_as_new_as_its_value(prepared: Project, database: Database) -> None:
    """From PostgreSQL 17 on its value can be used before the commit."""
    up = "CREATE TYPE mood AS ENUM ('sad');\nALTER TYPE mood ADD VALUE 'fine' AFTER 'sad';\nSELECT 'fine'::mood;"
    prepared.write("migrations/002_mood.sql", single(up, "DROP TYPE mood;"))
    wrong = ("002", "enum-value-in-its-transaction")
    assert (wrong in found(prepared)) == (database.server.major < 17)
    assert wrong in found(prepared, "2", "--no-database")


def test_nothing_is_changed_and_no_table_is_needed(
    configured: Project, database: Database, connect: Connect
) -> None:
    """On a database that was never migrated all is pending; lint makes no tracking table."""
    configured.write("migrations/001_a.sql", single("CREATE VIEW v AS SELECT 1;"))
    assert found(configured) == [("001", "down-missing")]
    made = (
        connect(database)
        .execute("select count(*) from pg_class where relname like 'schema_migrations%'")
        .fetchone()
    )
    assert made == (0,)
