"""Verify sections: what they allow, what they refuse and what they leave, in and out of transactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Outcome, Project
from tests.postgres.migrating import applied, events, mark_as_development, ran, states, tables
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]
UP = "CREATE TABLE t (id int PRIMARY KEY);\nINSERT INTO t VALUES (1);\n"


def verified(project: Project, verify: str, up: str = UP, name: str = "1_t.sql") -> Outcome:
    """Write a migration with a verify section, and migrate."""
    project.write(f"migrations/{name}", f"{up}-- VERIFY Migration\n{verify}\n")
    return project.run("migrate", "up")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) = 1 FROM t;",
        "SELECT id FROM t WHERE false;",
        "SELECT NULL::boolean;",
        "SELECT 0, false;",
        "-- expect no rows\nSELECT * FROM t WHERE id > 1;",
        "SELECT count(*) - 1 FROM t; -- expect zero",
        "SELECT 0.00\n-- expect zero\n;",
        "INSERT INTO t VALUES (2); SELECT count(*) = 2 FROM t;",
        "BEGIN; UPDATE t SET id = 7; ROLLBACK;",
        "DO $$ BEGIN ASSERT (SELECT count(*) FROM t) = 1; END $$;",
        "SET LOCAL search_path = pg_catalog; SELECT 100 % 7 = 2;",
        "SELECT 'infinity'::date, '{1,2}'::int[], E'\\\\x00'::bytea;",
        "-- nothing to look at",
    ],
)
def test_what_is_as_it_should_be(
    configured: Project, database: Database, connect: Connect, query: str
) -> None:
    """Applied; of what a query changes nothing stays."""
    outcome = verified(configured, query)
    assert outcome.code == 0, outcome
    assert connect(database).execute("SELECT id FROM t").fetchall() == [(1,)]
    assert states(configured) == {"1": "applied"}


@pytest.mark.parametrize(
    ("query", "place", "said"),
    [
        ("SELECT count(*) = 2 FROM t;", "4:1", "not verified: it returned (f)"),
        ("\n  SELECT id = 2, 'two' FROM t;", "5:3", "not verified: it returned (f, two)"),
        ("SELECT true UNION ALL SELECT false;", "4:1", "not verified: it returned (f)"),
        ("-- expect no rows\nSELECT id, NULL FROM t;", "5:1", "expected no rows, and it returned 1 row (1, NULL)"),
        (
            "-- expect no rows\nSELECT g FROM generate_series(7, 9) g;",
            "5:1",
            "expected no rows, and it returned 3 rows, the first (7)",
        ),
        ("SELECT count(*) FROM t; -- expect zero", "4:1", "expected zero, and it returned (1)"),
        ("SELECT 1 WHERE false; -- expect zero", "4:1", "expected zero, and it returned no row"),
        ("SELECT NULL; -- expect zero", "4:1", "expected zero, and it returned (NULL)"),
        ("SELECT 'x'; -- expect zero", "4:1", "expected zero, and it returned (x)"),
        ("-- expect no rows\nSELECT repeat('x', 999);", "5:1", "returned 1 row (" + "x" * 119 + "..."),
        ("SELECT true; SELECT nowhere FROM t;", "4:21", 'not verified: column "nowhere" does not exist'),
        ("DO $$ BEGIN RAISE 'not so'; END $$;", "4:1", "not verified: not so"),
    ],
)  # fmt: skip
def test_what_is_not(
    configured: Project, database: Database, connect: Connect, query: str, place: str, said: str
) -> None:
    """Exit 1 with the place of the query and what it returned; nothing of the migration stays, the event log has it."""
    outcome = verified(configured, query)
    assert outcome.code == 1, outcome
    assert f"migrations/1_t.sql:{place}: " in outcome.stderr
    assert said in outcome.stderr
    assert "run bin/migrate up again" in outcome.stderr
    connection = connect(database)
    assert tables(connection) == []
    assert states(configured) == {"1": "pending"}
    assert [row[0] for row in events(connection)] == ["initialised", "failed"]
    assert verified(configured, "SELECT true;").code == 0


def test_the_query_that_failed_is_shown_and_kept(
    configured: Project, database: Database, connect: Connect
) -> None:
    """The lines of the file with a mark, and the statement in the event log."""
    outcome = verified(configured, "SELECT true;\nSELECT\n  false;")
    assert "5 | SELECT" in outcome.stderr
    assert events(connect(database), "statement_number, statement, message")[-1] == (
        2, "SELECT\n  false", "it returned (f)"
    )  # fmt: skip


def test_the_sections_own_settings_reach_it_and_leave_nothing(
    configured: Project, database: Database, connect: Connect
) -> None:
    """The query sees the search path of the up section; the next migration starts clean."""
    up = "CREATE SCHEMA s; SET search_path = s; CREATE TABLE inner_t (); CREATE TEMP TABLE passing ();\n"
    assert verified(configured, "SELECT count(*) = 0 FROM inner_t, passing;", up).code == 0
    configured.write("migrations/2_u.sql", "CREATE TABLE u (); CREATE TEMP TABLE passing ();")
    ran(configured, "up")
    assert tables(connect(database)) == ["u"]


def test_its_text_may_change_afterwards(configured: Project) -> None:
    """It does not count in the checksum; one that is added later, or a file of its own, neither."""
    assert verified(configured, "SELECT true;").code == 0
    configured.write("migrations/1_t.sql", f"{UP}-- VERIFY Migration\nSELECT 1 = 1;\n")
    assert states(configured) == {"1": "applied"}
    configured.write("migrations/1_t.sql", UP)
    configured.write("migrations/1_t.verify.sql", "SELECT true;")
    assert states(configured) == {"1": "applied"}


def test_all_or_none_with_verify_sections(configured: Project, database: Database, connect: Connect) -> None:
    """In a single transaction each migration is verified behind its own statements; one no takes all back."""
    configured.write(
        "migrations/1_a.sql", "CREATE TABLE a ();\n-- VERIFY Migration\nSELECT to_regclass('b') IS NULL;\n"
    )
    configured.write(
        "migrations/2_b.sql", "CREATE TABLE b ();\n-- VERIFY Migration\nSELECT to_regclass('b') IS NULL;\n"
    )
    outcome = configured.run("migrate", "up", "--single-transaction")
    assert (outcome.code, "2_b.sql:3:1: not verified" in outcome.stderr) == (1, True)
    connection = connect(database)
    assert tables(connection) == []
    configured.write(
        "migrations/2_b.sql",
        "CREATE TABLE b ();\n-- VERIFY Migration\nSELECT to_regclass('a') IS NOT NULL;\n",
    )
    plan = ran(configured, "plan").stdout
    assert "up 1 a: 1 statement, one transaction, verified by 1 query\n" in plan
    ran(configured, "up", "--single-transaction")
    assert applied(connection) == ["1", "2"]


def test_behind_statements_that_cannot_be_in_a_transaction(
    configured: Project, database: Database, connect: Connect
) -> None:
    """Exit 4: the index is there, nothing is recorded; `up` verifies again, and when the query agrees, records."""
    up = f"{UP}CREATE INDEX CONCURRENTLY t_id ON t (id);\n"
    probe = "INSERT INTO t VALUES (2);\nSELECT count(*) = {} FROM t;"
    outcome = verified(configured, probe.format(7), up)
    assert outcome.code == 4, outcome
    assert (
        "1_t.sql:6:1: not verified: it returned (f); the migration is in place, and not recorded"
        in outcome.stderr
    )
    assert "bin/migrate up verifies it again" in outcome.stderr
    connection = connect(database)
    assert connection.execute("SELECT to_regclass('t_id') IS NOT NULL").fetchall() == [(True,)]
    assert states(configured) == {"1": "partial"}
    assert verified(configured, probe.format(2), up).code == 0
    assert states(configured) == {"1": "applied"}
    assert connection.execute("SELECT id FROM t").fetchall() == [(1,)]
    assert [row[0] for row in events(connection)] == ["initialised", "failed", "applied"]


def test_what_is_applied_is_verified_on_demand(
    configured: Project, database: Database, connect: Connect
) -> None:
    """A table of results, exit 3 where one says no; nothing is changed, by a probing INSERT neither."""
    mark_as_development(database)
    assert "no applied migration has a verify section" in ran(configured, *_verify(configured)).stdout
    configured.write("migrations/2_plain.sql", "CREATE TABLE plain ();")
    configured.write("migrations/3_pair.up.sql", "CREATE TABLE pair ();")
    configured.write(
        "migrations/3_pair.verify.sql", "INSERT INTO pair DEFAULT VALUES;\nSELECT count(*) = 1 FROM pair;"
    )
    assert verified(configured, "-- expect zero\nSELECT count(*) - 1 FROM t;").code == 0
    configured.write("migrations/4_new.sql", "SELECT 1;\n-- VERIFY Migration\nSELECT false;\n")
    outcome = ran(configured, *_verify(configured))
    assert "1        t     1        verified" in outcome.stdout
    assert "2 of 2 verified" in outcome.stdout
    connection = connect(database)
    connection.execute("DELETE FROM t")
    failed = configured.run("migrate", "verify", "--applied", "--json")
    assert failed.code == 3
    result, error = failed.events
    assert [(row["version"], row["verified"], row["queries"]) for row in result["migrations"]] == [
        ("1", False, 1), ("3", True, 2)
    ]  # fmt: skip
    assert "1_t.sql:5:1: not verified: expected zero, and it returned (-1)" in error["message"]
    assert configured.run("migrate", "verify", "--applied", "3").code == 0
    assert configured.run("migrate", "verify", "--applied", "4").code == 13
    assert configured.run("migrate", "verify", "--applied", "5").code == 2
    assert connection.execute("SELECT count(*) FROM pair").fetchall() == [(0,)]
    assert applied(connection) == ["0", "1", "2", "3"]


def _verify(project: Project) -> tuple[str, ...]:
    """The words of the command, with a migrations folder that is not empty."""
    project.write("migrations/0_first.sql", "SELECT 1;")
    return ("verify", "--applied")


def test_a_reading_function_that_writes(configured: Project, database: Database, connect: Connect) -> None:
    """On demand, what will not be read-only is run in a transaction that is rolled back."""
    up = f"{UP}CREATE FUNCTION probe() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN DELETE FROM t; RETURN FOUND; END$$;\n"
    assert verified(configured, "SELECT probe();", up).code == 0
    ran(configured, "verify", "--applied", "1")
    assert connect(database).execute("SELECT id FROM t").fetchall() == [(1,)]


@pytest.mark.parametrize(("constants", "code"), [("", 1), ("transactional = False\n", 4)])
def test_a_python_migration_is_verified(
    configured: Project, database: Database, connect: Connect, constants: str, code: int
) -> None:
    """By the file beside it: in its transaction, or behind its calls, which stay."""
    module = f"{constants}def up(db):\n    db.execute('CREATE TABLE IF NOT EXISTS t (id int)')\n"
    configured.write("migrations/1_t.py", module)
    configured.write("migrations/1_t.verify.sql", "SELECT count(*) = 1 FROM t;")
    outcome = configured.run("migrate", "up")
    assert (outcome.code, "1_t.verify.sql:1:1: not verified: it returned (f)" in outcome.stderr) == (
        code,
        True,
    )
    connection = connect(database)
    assert tables(connection) == ([] if code == 1 else ["t"])
    assert applied(connection) == []
    configured.write("migrations/1_t.verify.sql", "INSERT INTO t VALUES (1); SELECT count(*) = 1 FROM t;")
    assert "verified by 2 queries" in ran(configured, "plan").stdout
    ran(configured, "up")
    assert applied(connection) == ["1"]
    assert connection.execute("SELECT count(*) FROM t").fetchall() == [(0,)]
    assert "1 of 1 verified" in ran(configured, "verify", "--applied").stdout
