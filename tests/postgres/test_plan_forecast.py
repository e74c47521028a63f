"""`bin/migrate plan`: what each pending statement would lock, read, write anew and destroy on this very database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]

# Large enough for work that somebody would notice.
LARGE = """
create unlogged table orders (id int primary key, account int, note text, price numeric(10,2));
insert into orders select i, i, repeat('x', 1800), 1 from generate_series(1, 40000) as i;
create table accounts (id int primary key);
create table empty (id int);
analyze;
"""


@pytest.fixture
def large(configured: Project, database: Database, connect: Connect) -> Project:
    connect(database).execute(LARGE)
    return configured


def planned(project: Project, sql: str, *options: str) -> list[dict[str, Any]]:
    """The statements of the one pending migration, as `plan --json` tells."""
    project.write("migrations/001_x.up.sql", sql)
    outcome = project.run("migrate", "plan", "--json", *options)
    assert outcome.code == 0, outcome
    (step,) = outcome.json["forecast"]
    statements: list[dict[str, Any]] = step["statements"]
    return statements


@pytest.mark.parametrize(
    ("sql", "risk", "lock", "work"),
    [
        ("CREATE TABLE x (id int)", "safe", None, None),
        ("ALTER TABLE orders ADD COLUMN x int DEFAULT 1", "brief", "ACCESS EXCLUSIVE", "catalog"),
        ("ALTER TABLE orders ADD COLUMN x float DEFAULT random()", "blocking", "ACCESS EXCLUSIVE", "rewrite"),
        ("CREATE INDEX ON orders (account)", "blocking", "SHARE", "index build"),
        ("CREATE INDEX CONCURRENTLY i ON orders (account)", "safe", "SHARE UPDATE EXCLUSIVE", "index build"),
        ("ALTER TABLE orders ALTER note SET NOT NULL", "blocking", "ACCESS EXCLUSIVE", "scan"),
        ("ALTER TABLE orders ALTER price TYPE numeric(12,2)", "brief", "ACCESS EXCLUSIVE", "catalog"),
        ("ALTER TABLE orders ALTER price TYPE float", "blocking", "ACCESS EXCLUSIVE", "rewrite"),
        ("ALTER TABLE orders DROP COLUMN note", "destructive", "ACCESS EXCLUSIVE", "catalog"),
        ("DROP TABLE empty", "brief", "ACCESS EXCLUSIVE", "catalog"),
        ("DROP TABLE orders", "destructive", "ACCESS EXCLUSIVE", "catalog"),
        ("UPDATE orders SET price = 2", "blocking", "ROW EXCLUSIVE", "rows"),
        ("INSERT INTO orders VALUES (0, 1, 'x', 1)", "safe", "ROW EXCLUSIVE", "catalog"),
    ],
)
def test_the_risk_of_a_statement(
    large: Project, sql: str, risk: str, lock: str | None, work: str | None
) -> None:
    """By its lock, by the work under it, and by the size of this table."""
    (found,) = planned(large, sql)
    assert found["risk"] == risk
    strongest = next((one for one in found["effects"] if one["rows"] is not None), None)
    assert (strongest and strongest["lock"], strongest and strongest["work"]) == (lock, work)
    assert bool(strongest and strongest["safer"]) == (risk in {"blocking", "destructive"})


def test_a_lock_that_is_held_while_a_slow_statement_runs(large: Project) -> None:
    """A column is added in the transaction that then updates every row: its lock stays, and that is told."""
    first, second = planned(large, "ALTER TABLE accounts ADD COLUMN x int;\nUPDATE orders SET price = 2;")
    assert (first["risk"], second["risk"]) == ("blocking", "blocking")
    assert "while statement 2 runs" in first["effects"][0]["reason"]
    first, second = planned(large, "UPDATE orders SET price = 2;\nALTER TABLE accounts ADD COLUMN x int;")
    assert second["risk"] == "brief"


def test_what_an_earlier_migration_makes_is_nobodys_yet(large: Project) -> None:
    """An index and a rewrite of a table that a pending migration makes: safe."""
    large.write("migrations/001_x.up.sql", "CREATE TABLE fresh (id int);")
    large.write(
        "migrations/002_y.up.sql",
        "CREATE INDEX ON fresh (id);\nALTER TABLE public.fresh ALTER id TYPE bigint;",
    )
    outcome = large.run("migrate", "plan", "--json").json
    assert outcome["risk"] == "safe"
    assert [step["risk"] for step in outcome["forecast"]] == ["safe", "safe"]


def test_for_people_and_for_a_pull_request(large: Project) -> None:
    """Lock, size, reason and safer way below a statement; as a Markdown table."""
    large.write("migrations/001_x.up.sql", "CREATE INDEX i ON orders (account);\nSELECT 'a|b';")
    text = large.run("migrate", "plan").stdout
    assert "blocking    CREATE INDEX i ON orders (account)" in text
    assert "SHARE on public.orders stops writes; index build, 40,000 rows" in text
    assert "safer: CREATE INDEX CONCURRENTLY" in text
    table = large.run("migrate", "plan", "--markdown").stdout.splitlines()
    assert table[2].startswith(
        "| 001 | 1 | blocking | `CREATE INDEX i ON orders (account)` | SHARE on `public.orders` |"
    )
    assert "a\\|b" in table[3]
    assert any(line.startswith("- **001 statement 1, blocking**") for line in table)


def test_nothing_pending_in_a_pull_request(large: Project) -> None:
    """--markdown says so in a sentence: an empty comment would look like a failure."""
    large.write("migrations/001_x.up.sql", "CREATE TABLE x (id int);")
    assert large.run("migrate", "up").code == 0
    assert large.run("migrate", "plan", "--markdown").stdout == "No migration is pending.\n"


def test_a_pipeline_stops_at_a_risk(large: Project) -> None:
    """--check with --fail-on: exit 3 from that risk on, 0 below it; without, exit 3 where anything is pending."""
    large.write("migrations/001_x.up.sql", "CREATE INDEX i ON orders (account);")
    assert large.run("migrate", "plan", "--check", "--fail-on", "blocking").code == 3
    assert large.run("migrate", "plan", "--check", "--fail-on", "destructive").code == 0
    assert large.run("migrate", "plan", "--check").code == 3


SWAPPED = """CREATE TABLE fresh (id int);
ALTER TABLE orders RENAME TO old;
ALTER TABLE fresh RENAME TO orders;
"""
MOVED = [
        ("CREATE TABLE IF NOT EXISTS orders (id int);\nDROP TABLE orders;", "destructive"),
        ("CREATE SCHEMA other;\nCREATE TABLE other.orders (id int);\nDROP TABLE orders;", "destructive"),
        ("DROP TABLE orders;\nCREATE TABLE IF NOT EXISTS orders (id int);\nALTER TABLE orders ADD x int;", "safe"),
        ("ALTER TABLE orders RENAME TO old;\nDROP TABLE old;", "destructive"),
        ("ALTER TABLE orders RENAME TO old;\nDROP TABLE public.old;", "destructive"),
        ("CREATE SCHEMA other;\nALTER TABLE orders SET SCHEMA other;\nDROP TABLE other.orders;", "destructive"),
        (f"{SWAPPED}ALTER TABLE orders ADD x int;", "safe"),
        (f"{SWAPPED}DROP TABLE old;", "destructive"),
        ("CREATE SCHEMA other;\nCREATE TABLE other.orders (id int);\nSET search_path = other;\nDROP TABLE orders;", "safe"),
        ("SET search_path = nowhere, public;\nDROP TABLE orders;", "destructive"),
        ("CREATE SCHEMA o;\nCREATE TABLE o.orders (id int);\nSELECT set_config('search_path', 'o', false);\nDROP TABLE orders;", "safe"),
        ("SELECT set_config('search_path', 'nowhere, Public', true);\nDROP TABLE orders;", "destructive"),
        ("SELECT set_config('search_path', '', false);\nDROP TABLE orders;", "safe"),
        ("CREATE INDEX i ON accounts (id);\nDROP INDEX i;", "brief"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1 AS a;\nDROP VIEW v;", "safe"),
        ("ALTER TABLE orders ALTER note TYPE varchar;\nALTER TABLE orders ALTER note TYPE varchar(9);", "blocking"),
        ("ALTER TABLE orders ALTER account TYPE bigint;\nALTER TABLE orders ALTER account TYPE bigint;", "brief"),
]  # fmt: skip


def test_what_earlier_statements_have_made_of_the_live_tables(large: Project) -> None:
    """A name that moved still is the live table, also where a new one has its name; what was there is not made."""
    assert [(sql, planned(large, sql)[-1]["risk"]) for sql, _ in MOVED] == MOVED


NOT_BY_THE_FIRST_WORD = [
        ("WITH gone AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM gone", "destructive"),
        ("CREATE TABLE x AS WITH n AS (UPDATE orders SET price = 1 RETURNING id) SELECT * FROM n", "blocking"),
        ("DROP SCHEMA public CASCADE", "destructive"),
        ("DROP SCHEMA IF EXISTS nowhere CASCADE", "safe"),
        ("DROP SCHEMA public", "safe"),
        ("DO $$ BEGIN DELETE FROM orders; END $$", "unknown"),
        ("CALL whatever()", "unknown"),
        ("DROP TYPE IF EXISTS kind CASCADE", "unknown"),
        ("DROP OWNED BY CURRENT_USER", "unknown"),
]  # fmt: skip


def test_what_is_not_said_by_the_first_word(large: Project) -> None:
    """Rows written in a WITH, a schema with all that is in it; what the grammar cannot tell is unknown, not safe."""
    found = [(sql, planned(large, sql)[-1]["risk"]) for sql, _ in NOT_BY_THE_FIRST_WORD]
    assert found == NOT_BY_THE_FIRST_WORD
