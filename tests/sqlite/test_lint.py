"""`bin/migrate lint` on SQLite: dbops' own rules, by what SQLite's statements do and what the file has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbops.engines.sqlite import connection as connections
from dbops.engines.sqlite.likeness import tree
from tests.contract.site import Site

TABLES = """
CREATE TABLE [Users] (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id));
-- DOWN Migration
/*
DROP TABLE orders; DROP TABLE users;
*/
"""
MANY = """
INSERT INTO orders VALUES (1, NULL);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO users SELECT i, 'a name that is as long as names are ' || i FROM n
"""
REBUILT = """PRAGMA foreign_keys = OFF;
CREATE TABLE n (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO n SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE n RENAME TO users;
CREATE INDEX i ON users (name);"""
DOWN = "\n-- DOWN Migration\n/*\nSELECT 1;\n*/\n"


def found(site: Site, *words: str) -> list[tuple[str, str, int]]:
    """Rule, level and line of all that is found."""
    outcome = site.project.run("migrate", "lint", "--level", "note", "--json", *words)
    assert outcome.code in (0, 3), outcome
    *_, result = [line for line in outcome.events if line["type"] == "result"]
    assert result["squawk"] is False
    findings: list[dict[str, Any]] = result["findings"]
    return [(one["rule"], one["level"], one["line"]) for one in findings]


@pytest.fixture
def applied(site: Site, file: Path) -> Path:
    """Two tables in the file, with rows."""
    site.project.write("migrations/001_a.sql", f"-- UP Migration{TABLES}")
    assert site.project.run("migrate", "up").code == 0
    with connections.connect(file, listen=print, deadline=5) as connection:
        connection.executescript(MANY)
    return file


@pytest.mark.parametrize(
    ("sql", "rules"),
    [
        ("CREATE INDEX i ON users (name);\n-- DOWN Migration\n/*\nDROP INDEX i;\n*/", []),
        ("CREATE INDEX i ON users (name);" + DOWN, [("down-incomplete", "warning", 5)]),
        ("CREATE INDEX i ON users (name);", [("down-missing", "warning", 2)]),
        ("CREATE VIEW v AS SELECT 1;\n-- DOWN Migration\n/*\nDROP VIEW IF EXISTS v;\n*/", []),
        (
            "CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM users; END;\n-- DOWN Migration\n/*\nDROP TRIGGER t;\n*/",
            [],
        ),
        (
            "CREATE TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM users; END;" + DOWN,
            [("down-incomplete", "warning", 5)],
        ),
        ("DROP TABLE orders;" + DOWN, [("destructive-without-backup", "warning", 2)]),
        ("DELETE FROM [ORDERS] WHERE id = 7;" + DOWN, [("destructive-without-backup", "warning", 2)]),
        ('ALTER TABLE "users" DROP COLUMN name;' + DOWN, [("destructive-without-backup", "warning", 2)]),
        ("-- dbops: ignore destructive-without-backup -- meant\nDROP TABLE orders;" + DOWN, []),
        (
            "-- dbops: ignore down-missing\nSELECT 1; /* [ignore] */" + DOWN,
            [("unused-ignore", "warning", 2)],
        ),
        ("CREATE TABLE IF NOT EXISTS `Users` (id INTEGER);" + DOWN, [("if-not-exists", "warning", 2), ("down-incomplete", "warning", 5)]),
        (
            "ALTER TABLE orders ADD COLUMN x TEXT;\nUPDATE OR IGNORE users SET name = 'x';" + DOWN,
            [("ddl-with-data", "warning", 3), ("down-incomplete", "warning", 6)],
        ),
        ("UPDATE users SET name = 'x';" + DOWN, []),
        ("ALTER TABLE users ADD COLUMN of INTEGER REFERENCES orders;\n-- DOWN Migration\n/*\nALTER TABLE users DROP COLUMN of;\n*/",
         [("foreign-key-without-index", "note", 2)]),
        (
            REBUILT,
            [("down-missing", "warning", 2)],
        ),
        ("SELECT 'open;", [("cannot-run", "error", 2)]),
    ],
)  # fmt: skip
def test_what_is_found(site: Site, applied: Path, sql: str, rules: list[tuple[str, str, int]]) -> None:
    """Each rule where it is broken and where it is not; tables by any spelling of their names; the recipe that makes one
    anew destroys nothing.
    """
    site.project.write("migrations/002_b.sql", f"-- UP Migration\n{sql}\n")
    assert found(site) == rules


def test_what_sqlite_does_not_know(site: Site, applied: Path) -> None:
    """A statement that SQLite cannot read is found; one that lacks a table, a function or is SQLite's alone is not."""
    site.project.write(
        "migrations/002_b.sql",
        "CREATE VIRTUAL TABLE v USING fts5 (a);\nCREAT TABLE x (;\nSELECT unheard(a) FROM nowhere;\nPRAGMA user_version = 3;\n",
    )
    assert [one for one in found(site) if one[0] != "down-missing"] == [("unknown-syntax", "error", 2)]


def test_without_a_database(site: Site, file: Path) -> None:
    """Every file is looked at, and every table may be in use; an index that a later migration makes counts."""
    site.project.write("migrations/001_a.sql", f"-- UP Migration{TABLES}")
    assert found(site, "--no-database") == [("foreign-key-without-index", "note", 3)]
    site.project.write("migrations/002_b.sql", "CREATE INDEX i ON orders (user_id);\nDROP TABLE other;\n")
    assert found(site, "--no-database") == [
        ("down-missing", "warning", 1),
        ("destructive-without-backup", "warning", 2),
    ]
    assert not file.exists()


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT UNIQUE ON CONFLICT IGNORE) STRICT", "CreateStmt"),
        ("CREATE TABLE main.t (a TEXT PRIMARY KEY) WITHOUT ROWID, STRICT", None),
        ("CREATE TABLE main.t (a TEXT PRIMARY KEY) WITHOUT ROWID", "CreateStmt"),
        ("INSERT OR REPLACE INTO t VALUES (1)", "InsertStmt"),
        ("REPLACE INTO t VALUES (1)", "InsertStmt"),
        ("INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO NOTHING", "InsertStmt"),
        ("PRAGMA user_version = 3", "PRAGMA"),
        ("CREATE VIRTUAL TABLE v USING fts5 (a)", None),
        ("CREATE TABLE t (a, b)", None),
        ("", None),
    ],
)  # fmt: skip
def test_what_is_alike(sql: str, kind: str | None) -> None:
    """A statement that PostgreSQL's grammar has but for words which change nothing; of another, nothing is known."""
    found = tree(sql)
    assert (found and found[0]) == kind
