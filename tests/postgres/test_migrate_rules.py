"""Late numbers, foreign tracking tables, what stopped in the middle, and the event log."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import applied, events, mark_as_development, ran, single, states, tables
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


@pytest.fixture
def late(abc: Project) -> Project:
    """001 and 003 are applied, then git brings 002."""
    second = (abc.folder / "migrations/002_b.sql").read_text()
    (abc.folder / "migrations/002_b.sql").unlink()
    ran(abc, "up")
    abc.write("migrations/002_b.sql", second)
    who = ("-c", "user.name=Kim Late", "-c", "user.email=kim@example.org")
    for words in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "-m", "Add b")):
        subprocess.run(["git", *words], cwd=abc.folder, check=True, env=abc.environ)
    return abc


def test_a_lower_number_that_arrives_late_is_refused(
    late: Project, database: Database, connect: Connect
) -> None:
    """The file and its git author are named, three ways are offered, and nothing is done."""
    assert states(late) == {"001": "applied", "002": "out of order", "003": "applied"}
    outcome = late.run("migrate", "up")
    assert outcome.code == 13
    assert "migrations/002_b.sql (added by Kim Late, 20" in outcome.stderr
    assert "lower number than the newest applied version 003" in outcome.stderr
    for way in ("bin/migrate up --out-of-order", "bin/migrate mark 002", "renumber"):
        assert way in outcome.stderr
    assert late.run("migrate", "status", "--check").code == 3
    assert tables(connect(database)) == ["a", "c"]


def test_a_late_number_applied(late: Project, database: Database, connect: Connect) -> None:
    """--out-of-order runs it; afterwards all are applied."""
    ran(late, "up", "--out-of-order")
    assert tables(connect(database)) == ["a", "b", "c"]
    assert set(states(late).values()) == {"applied"}


def test_a_late_number_skipped(late: Project, database: Database, connect: Connect) -> None:
    """`mark` records it without running it."""
    ran(late, "mark", "002")
    assert ran(late, "up").stdout.startswith("up: nothing to do")
    assert tables(connect(database)) == ["a", "c"]


def test_a_late_number_renumbered(late: Project, database: Database, connect: Connect) -> None:
    """With the next free number it is an ordinary pending migration."""
    folder = late.folder / "migrations"
    (folder / "002_b.sql").rename(folder / "004_b.sql")
    ran(late, "up")
    assert applied(connect(database)) == ["001", "003", "004"]


def test_two_files_with_one_version(abc: Project) -> None:
    """A colleague's 003: exit 5, both files named, before any database is asked."""
    abc.write("migrations/3_other.sql", "SELECT 1;")
    outcome = abc.run("migrate", "up")
    assert outcome.code == 5
    assert "003_c.sql" in outcome.stderr
    assert "3_other.sql" in outcome.stderr


# -- tables of other tools ---------------------------------------------------------------------------------------------

FOREIGN = {
    "golang-migrate": "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);"
    " INSERT INTO schema_migrations VALUES (2, false);",
    "dbmate": "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);"
    " INSERT INTO schema_migrations VALUES ('001'), ('002');",
    "Rails": "CREATE TABLE schema_migrations (version varchar PRIMARY KEY); CREATE TABLE ar_internal_metadata (key text);"
    " INSERT INTO schema_migrations VALUES ('001'), ('002');",
    "the trading engine's original tool": "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY,"
    " name VARCHAR(255) NOT NULL, description TEXT, applied_at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP,"
    " execution_time_ms INTEGER, checksum VARCHAR(64)); INSERT INTO schema_migrations VALUES (2, 'b');",
    "another tool": "CREATE TABLE schema_migrations (id int, what text);",
}


def test_tables_of_other_tools_are_told_apart(abc: Project, database: Database, connect: Connect) -> None:
    """By their columns; every one is refused with exit 13 and the way out, and none is written to."""
    connection = connect(database)
    for tool, sql in FOREIGN.items():
        connection.execute(sql)
        before = connection.execute("SELECT * FROM schema_migrations").fetchall()
        outcome = abc.run("migrate", "up")
        assert outcome.code == 13, tool
        assert f"public.schema_migrations belongs to {tool}" in outcome.stderr
        known = tool != "another tool"
        assert ("bin/migrate adopt" if known else 'tracking-table = "dbops_migrations"') in outcome.stderr
        assert connection.execute("SELECT * FROM schema_migrations").fetchall() == before
        connection.execute("DROP TABLE schema_migrations; DROP TABLE IF EXISTS ar_internal_metadata")
    assert tables(connection) == []


def test_the_way_out_beside_another_tool(abc: Project, database: Database, connect: Connect) -> None:
    """tracking-table and baseline, without adopt: then all verbs work, and the other tool's table stays."""
    connection = connect(database)
    connection.execute(FOREIGN["golang-migrate"])
    connection.execute("CREATE TABLE a (); CREATE TABLE b ();")
    for argv in (("status",), ("force", "1"), ("init",), ("history",)):
        assert abc.run("migrate", *argv).code == 13, argv
    abc.write("pyproject.toml", '[tool.dbops]\ntracking-table = "dbops_migrations"\n')
    ran(abc, "baseline", "2")
    ran(abc, "up")
    assert applied(connection, "dbops_migrations") == ["001", "002", "003"]
    assert connection.execute("SELECT version, dirty FROM schema_migrations").fetchall() == [(2, False)]
    # Once they are there, they are found without the configuration, too.
    (abc.folder / "pyproject.toml").unlink()
    assert set(states(abc).values()) == {"applied"}


# -- what cannot run in a transaction ----------------------------------------------------------------------------------


def test_a_file_that_stops_in_the_middle_goes_on(
    project: Project, database: Database, connect: Connect
) -> None:
    """Duplicates stop a unique concurrent index: exit 4, partial; with them gone `up` goes on there."""
    project.use(database)
    text = "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1), (1);\nCREATE UNIQUE INDEX CONCURRENTLY i ON t (id);"
    project.write("migrations/001_t.sql", single(text, "DROP TABLE t;"))
    project.write("migrations/002_u.sql", "CREATE TABLE u ();")
    stopped = project.run("migrate", "up")
    assert stopped.code == 4
    assert '001_t.sql:4:1: could not create unique index "i"' in stopped.stderr
    assert "statement 3 of 3; what was before it is in place" in stopped.stderr
    assert "then bin/migrate up goes on at this statement" in stopped.stderr
    assert states(project) == {"001": "partial", "002": "pending"}
    down = project.run("migrate", "goto", "0")
    assert (down.code, "stopped in the middle" in down.stderr) == (13, True)
    connection = connect(database)
    connection.execute("DELETE FROM t WHERE ctid = (SELECT min(ctid) FROM t)")
    outcome = ran(project, "up")
    assert "going on with 001 at statement 3 of 3" in outcome.stderr
    assert states(project) == {"001": "applied", "002": "applied"}
    assert connection.execute(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"
    ).fetchone() == (True,)


def test_a_partial_migration_whose_file_is_gone_is_not_forgotten(
    abc: Project, database: Database, connect: Connect
) -> None:
    """A branch switch took the file away: status shows it, `up` refuses, `mark --not-applied` settles it."""
    abc.write("migrations/004_d.sql", "CREATE TABLE d (id int);\nCREATE INDEX CONCURRENTLY i ON d (nosuch);")
    assert abc.run("migrate", "up").code == 4
    (abc.folder / "migrations/004_d.sql").unlink()
    assert states(abc)["004"] == "partial"
    outcome = abc.run("migrate", "up")
    assert outcome.code == 13
    assert "version 004 stopped in the middle" in outcome.stderr
    assert "its file is gone" in outcome.stderr
    connect(database).execute("DROP TABLE d")
    ran(abc, "mark", "004", "--not-applied")
    assert list(states(abc)) == ["001", "002", "003"]


# -- the event log -----------------------------------------------------------------------------------------------------


def test_the_event_log_is_only_appended_to(abc: Project, database: Database, connect: Connect) -> None:
    """Each verb adds events with who, when and how it went, and leaves those before as they were."""
    mark_as_development(database)
    connection = connect(database)
    abc.write("migrations/004_bad.sql", "CREATE TABLE x ();\nSELECT 1/0;")
    seen: list[tuple[Any, ...]] = []
    for argv in (("up",), ("down",), ("mark", "3"), ("force", "1"), ("redo",), ("goto", "0")):
        abc.run("migrate", *argv)
        now = connection.execute("SELECT * FROM schema_migrations_events ORDER BY id").fetchall()
        assert now[: len(seen)] == seen
        assert len(now) > len(seen)
        seen = now
    rows = events(connection, "action, version, duration_ms IS NOT NULL, who LIKE '%@%', role, at <= now()")
    assert {row[2:] for row in rows} == {(True, True, database.user, True)}
    failure = connection.execute(
        "SELECT version, direction, sqlstate, message, statement, statement_number, duration_ms >= 0"
        " FROM schema_migrations_events WHERE action = 'failed'"
    ).fetchall()
    assert failure == [("004", "up", "22012", "division by zero", "SELECT 1/0", 2, True)]
