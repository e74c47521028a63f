"""`bin/migrate plan` on SQLite: what each statement writes anew, how large that is, what it destroys; held against SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from dbops.engines.sqlite import connection as connections
from dbops.engines.sqlite.effects import FileLock
from dbops.engines.sqlite.foresight import LiveFile
from tests.contract.site import Site

TABLES = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, note TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER, amount REAL);
CREATE TABLE keyed (a TEXT PRIMARY KEY, b) WITHOUT ROWID;
"""
FILL = """
INSERT INTO users VALUES (1, 'a', 'x'), (2, 'b', 'y');
INSERT INTO orders VALUES (1, 1, 1.5), (2, 2, 2.5);
INSERT INTO keyed VALUES ('k', 1);
"""
MANY = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
INSERT INTO users SELECT i, 'name ' || i, 'a note that makes the row as long as rows are ' || i FROM n
"""
REBUILT = """
CREATE TABLE new_users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT);
INSERT INTO new_users SELECT * FROM users;
DROP TABLE users;
ALTER TABLE new_users RENAME TO Users;
"""


def planned(site: Site, sql: str, *words: str) -> dict[str, Any]:
    """What is told of a migration with these statements, after the tables were made."""
    site.project.write("migrations/002_b.sql", sql)
    outcome = site.project.run("migrate", "plan", "--json", *words)
    assert outcome.code == 0, outcome
    *_, result = [line for line in outcome.events if line["type"] == "result"]
    (forecast,) = result["forecast"]
    assert result["risk"] == forecast["risk"]
    return dict(forecast)


@pytest.fixture
def applied(site: Site, file: Path) -> Path:
    """The tables, empty, in the file."""
    site.project.write("migrations/001_a.sql", TABLES)
    assert site.project.run("migrate", "up").code == 0
    return file


def fill(file: Path, sql: str) -> None:
    """As an application does."""
    with contextlib.closing(connections.connect(file, listen=print, deadline=5)) as connection:
        connection.executescript(sql)


@pytest.mark.parametrize(
    ("sql", "risk", "work", "destroys"),
    [
        ("CREATE TABLE t (a)", "safe", [], None),
        ("CREATE TABLE t AS SELECT * FROM users", "brief", ["rows"], None),
        ("CREATE VIEW v AS SELECT * FROM users", "safe", [], None),
        ("CREATE TEMP TABLE t (a)", "safe", [], None),
        ('CREATE UNIQUE INDEX "an index" ON users (name)', "brief", ["index build"], None),
        ("ALTER TABLE users ADD COLUMN x TEXT DEFAULT 'check'", "brief", ["catalog"], None),
        ("ALTER TABLE main.users ADD x INTEGER CHECK (x > 0)", "brief", ["scan"], None),
        ("ALTER TABLE [users] RENAME COLUMN name TO called", "brief", ["catalog"], None),
        ('ALTER TABLE "USERS" DROP COLUMN Note', "destructive", ["rewrite"], "the column users.note"),
        ("DROP TABLE IF EXISTS users", "destructive", ["catalog"], "the table users"),
        ("DROP TABLE IF EXISTS never", "safe", ["catalog"], "the table never"),
        ("DELETE FROM keyed", "destructive", ["rows"], "all rows of keyed"),
        ("DELETE FROM keyed WHERE b = 1", "destructive", ["rows"], "the chosen rows of keyed"),
        ("UPDATE OR IGNORE users SET note = 'x'", "brief", ["rows"], None),
        ("INSERT INTO users (name) VALUES ('c')", "brief", ["catalog"], None),
        ("INSERT INTO orders (user_id) SELECT id FROM users", "brief", ["catalog", "rows"], None),
        (
            "WITH x AS (SELECT id FROM users) INSERT INTO orders (user_id) SELECT id FROM x",
            "brief",
            ["catalog", "rows", "rows"],
            None,
        ),
        ("SELECT * FROM users, orders AS o JOIN keyed ON 1", "safe", ["scan"] * 3, None),
        ("VACUUM", "brief", ["rewrite"], None),
        ("REINDEX users", "brief", ["index build"], None),
        ("ANALYZE", "brief", ["scan"], None),
        ("PRAGMA foreign_keys = OFF", "safe", [], None),
        ("CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM users; END", "safe", [], None),
    ],
)
def test_a_statement(
    site: Site, applied: Path, sql: str, risk: str, work: list[str], destroys: str | None
) -> None:
    """Its risk, its work and what is gone after it; of an empty table nothing can be destroyed."""
    empty = planned(site, f"{sql};")
    assert empty["risk"] in ("safe", "brief")
    fill(applied, FILL)
    (statement,) = planned(site, f"{sql};")["statements"]
    assert statement["risk"] == risk, statement
    assert sorted(one["work"] for one in statement["effects"]) == sorted(work)
    assert next((one["destroys"] for one in statement["effects"] if one["destroys"]), None) == destroys


def test_what_sqlite_does_not_know(site: Site, applied: Path) -> None:
    """Nothing is said to be safe that SQLite cannot read; nor is a way named to trace it, which is for PostgreSQL."""
    forecast = planned(site, "CREAT TABLE x (;\nCREATE VIRTUAL TABLE v USING fts5 (a);")
    assert [one["risk"] for one in forecast["statements"]] == ["unknown", "safe"]
    assert forecast["statements"][0]["untold"] == "what this SQLite does not know"
    assert "--trace" not in site.ran("plan").stdout


def test_locks_are_those_that_sqlite_takes(applied: Path) -> None:
    """Of each statement in a transaction of its own: told to hold the write lock exactly where another cannot write then;
    and another reads all the time.
    """
    fill(applied, FILL + "CREATE INDEX of_users ON orders (user_id);")
    statements = [
        "CREATE INDEX i ON users (name)", "ALTER TABLE users ADD COLUMN x", "ALTER TABLE users DROP COLUMN note",
        "DROP TABLE keyed", "DELETE FROM users", "UPDATE users SET name = 'z'", "INSERT INTO users (name) VALUES ('z')",
        "INSERT INTO orders (user_id) SELECT id FROM users", "CREATE TABLE t AS SELECT * FROM users", "REINDEX orders",
        "ANALYZE", "SELECT * FROM users", "ALTER TABLE users RENAME TO people",
    ]  # fmt: skip
    with (
        contextlib.closing(connections.connect(applied, listen=print, deadline=5)) as one,
        contextlib.closing(connections.connect(applied, listen=print, deadline=5)) as other,
    ):
        other.execute("pragma busy_timeout = 0")
        for statement in statements:
            (effects,) = LiveFile(one).foreseen([statement])
            one.execute("begin")
            one.execute(statement).fetchall()
            assert other.execute("select count(*) from users").fetchone() == (2,)
            try:
                other.execute("begin immediate")
                other.execute("rollback")
                is_free = True
            except sqlite3.OperationalError:
                is_free = False
            one.execute("rollback")
            assert is_free != any(effect.mode is FileLock.WRITE for effect in effects), statement


def test_a_large_table(site: Site, applied: Path) -> None:
    """Rows and bytes are about those of the table; what takes long blocks, and so does what is held meanwhile."""
    fill(applied, MANY)
    (statement,) = planned(site, "CREATE INDEX i ON users (note);")["statements"]
    (effect,) = statement["effects"]
    assert effect["rows"] == 150_000
    assert 0.5 < effect["bytes"] / applied.stat().st_size < 1.5
    assert (effect["risk"], effect["lock"], effect["blocks"]) == ("brief", "WRITE", "writes to the file")
    fill(applied, MANY.replace("SELECT i,", "SELECT i + 150000,").replace("150000)", "1000000)"))
    held, slow = planned(site, "ALTER TABLE orders ADD COLUMN x; CREATE INDEX i ON users (note);")[
        "statements"
    ]
    assert (held["risk"], slow["risk"]) == ("blocking", "blocking")
    assert "while statement 2 runs" in held["effects"][0]["reason"]


@pytest.mark.parametrize(
    ("change", "destroys"),
    [
        (("", ""), set()),
        ((", note TEXT", ""), {"the column users.note"}),
        (("INTO new_users SELECT *", "INTO new_users (id, name) SELECT id, name"), {"the column users.note"}),
        (("FROM users;", "FROM users WHERE name <> '';"), {"the table users"}),
        (("FROM users;", "FROM orders;"), {"the table users"}),
        (("ALTER TABLE new_users RENAME TO Users;", ""), {"the table users"}),
    ],
)
def test_a_table_made_anew(site: Site, applied: Path, change: tuple[str, str], destroys: set[str]) -> None:
    """The recipe for what ALTER TABLE cannot do destroys nothing but the columns that are not carried over."""
    fill(applied, FILL)
    forecast = planned(site, REBUILT.replace(*change) if change[0] else REBUILT)
    effects = [effect for one in forecast["statements"] for effect in one["effects"]]
    assert {one["destroys"] for one in effects if one["destroys"]} == destroys
    assert forecast["risk"] == ("destructive" if destroys else "brief")


def test_before_a_deploy(site: Site, applied: Path) -> None:
    """`--check --fail-on` and `--markdown` are those of PostgreSQL; before the first migration there is no file, and all is safe."""
    fill(applied, FILL)
    site.project.write("migrations/002_b.sql", "DROP TABLE orders;")
    run = site.project.run
    assert run("migrate", "plan", "--check", "--fail-on", "destructive").code == 3
    site.project.write("migrations/002_b.sql", "ALTER TABLE orders ADD COLUMN x;")
    assert run("migrate", "plan", "--check", "--fail-on", "blocking").code == 0
    told = run("migrate", "plan", "--markdown")
    assert (
        "| 002 | 1 | brief | `ALTER TABLE orders ADD COLUMN x` | WRITE on `orders` | catalog" in told.stdout
    )
    applied.unlink()
    assert run("migrate", "plan", "--check", "--fail-on", "brief").code == 0
