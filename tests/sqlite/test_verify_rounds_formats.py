"""`bin/migrate verify` on SQLite with files of every format, and with Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dbops.migrations.formats import NAMES
from tests.conftest import ROOT
from tests.contract.site import Site
from tests.sqlite.test_formats import UP_ONLY, copy_project
from tests.sqlite.test_verify_rounds import results, rounds


@pytest.mark.parametrize("name", NAMES)
def test_every_format(name: str, site: Site) -> None:
    """The project of each has its rounds: what has a down comes back."""
    options = copy_project(name, site)
    found = results(rounds(site, *options))
    assert set(found.values()) <= {"comes back", "no down"}
    assert ("comes back" in found.values()) is (name not in UP_ONLY), found


def test_flyway(site: Site) -> None:
    """Undo files are downs; a repeatable has none, and has its round again when it was changed."""
    site.project.write("migrations/V1__a.sql", "CREATE TABLE a (id INTEGER PRIMARY KEY, n TEXT);")
    site.project.write("migrations/U1__a.sql", "DROP TABLE a;")
    view = "DROP VIEW IF EXISTS seen; CREATE VIEW seen AS SELECT {} FROM a;"
    site.project.write("migrations/R__seen.sql", view.format("id"))
    assert results(rounds(site)) == {"a": "comes back", "seen": "no down"}
    site.ran("up")
    assert rounds(site) == {}
    site.project.write("migrations/R__seen.sql", view.format("id, n"))
    assert results(rounds(site)) == {"seen": "no down"}


def test_python_and_verify_sections(site: Site) -> None:
    """Python's calls go up and down like SQL; an up whose verify section says no fails."""
    up = 'def up(db):\n    db.execute("CREATE TABLE {0} (id INTEGER)")\ndef down(db):\n    {1}\n'
    site.project.write("migrations/001_good.py", up.format("good", 'db.execute("DROP TABLE good")'))
    site.project.write("migrations/002_left.py", up.format("bad", "pass"))
    site.project.write(
        "migrations/003_must.py",
        'def up(db):\n    db.execute("ALTER TABLE good ADD must INTEGER NOT NULL")\n'
        'def down(db):\n    db.execute("ALTER TABLE good DROP must")\n',
    )
    no = "-- UP Migration\nSELECT 1;\n-- VERIFY Migration\nSELECT 0;\n"
    site.project.write("migrations/004_no.sql", no)
    found = rounds(site, code=3)
    assert results(found) == {
        "good": "comes back", "left": "differs", "must": "up fails", "no": "up fails",
    }  # fmt: skip
    assert found["must"]["only_with_rows"]
    assert "not verified" in found["no"]["message"]


def test_odd_tables(site: Site, file: Path) -> None:
    """Virtual and temporary ones, without rowid, strict, of a query, with odd names, that refer to each other."""
    tables = {
        "virtual": ("CREATE VIRTUAL TABLE doc USING fts5(title);", "DROP TABLE doc;"),
        "query": ("CREATE TABLE q AS SELECT 1 AS a, 'x' AS b;", "DROP TABLE q;"),
        "strict": ("CREATE TABLE s (k TEXT PRIMARY KEY, v REAL) WITHOUT ROWID, STRICT;", "DROP TABLE s;"),
        "names": ('CREATE TABLE "we ird" ("a ""b" TEXT, [c d] INT, `e.f` REAL);', 'DROP TABLE "we ird";'),
        "generated": ("CREATE TABLE g (a INTEGER, b AS (a * 2) STORED, c, d BLOB);", "DROP TABLE g;"),
        "circle": (
            "CREATE TABLE x (id INTEGER PRIMARY KEY, y REFERENCES y); CREATE TABLE y (id INTEGER PRIMARY KEY, x REFERENCES x);",
            "UPDATE x SET y = NULL; UPDATE y SET x = NULL; DROP TABLE y; DROP TABLE x;",
        ),
        "temporary": (
            "CREATE TEMP TABLE t (id INTEGER); CREATE TABLE u AS SELECT * FROM t;",
            "DROP TABLE u;",
        ),
    }
    for number, (name, (up, down)) in enumerate(tables.items(), start=1):
        site.migration(f"{number:03d}_{name}", up, down)
    assert results(rounds(site)) == dict.fromkeys(tables, "comes back")
    assert not file.exists()


def test_the_example_of_the_handbook(site: Site, file: Path) -> None:
    """docs/sqlite.md shows what these files give."""
    users = "CREATE TABLE {} (id INTEGER PRIMARY KEY, name TEXT NOT NULL, {});"
    site.migration(
        "001_users",
        users.format("users", "age INTEGER") + " CREATE INDEX by_name ON users (name);",
        "DROP TABLE users;",
    )
    site.ran("up")
    site.migration("002_mail", "ALTER TABLE users ADD mail TEXT;", "ALTER TABLE users DROP mail;")
    site.migration(
        "003_age",
        "PRAGMA foreign_keys = OFF; "
        + users.format("new_users", "age INTEGER CHECK (age > 0), mail TEXT")
        + " INSERT INTO new_users SELECT id, name, abs(age) + 1, mail FROM users; DROP TABLE users;"
        " ALTER TABLE new_users RENAME TO users; CREATE INDEX by_name ON users (name);",
        "PRAGMA foreign_keys = OFF; "
        + users.format("old_users", "mail TEXT, age INTEGER")
        + " INSERT INTO old_users SELECT id, name, mail, age FROM users; DROP TABLE users;"
        " ALTER TABLE old_users RENAME TO users;",
    )
    site.migration("004_born", "ALTER TABLE users ADD born TEXT NOT NULL;", "ALTER TABLE users DROP born;")
    outcome = site.run("verify")
    said = f"{outcome.stdout}{outcome.stderr}exit code {outcome.code}\n".replace(str(file), "app.db")
    handbook = (ROOT / "docs" / "sqlite.md").read_text()
    _, _, rest = handbook.partition('$ bin/migrate verify; echo "exit code $?"\n')
    assert re.sub(r"\(SQLite .*\)", "", said) == re.sub(r"\(SQLite .*\)", "", rest.partition("```")[0])
