"""`bin/seed-test-data` on SQLite: how values are kept, what is locked, what is refused."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.contract.seeding import Seeded
from tests.contract.site import Site

SCHEMA = """
CREATE TABLE kinds (
    id INTEGER PRIMARY KEY, flag BOOLEAN, price DECIMAL(10,2), big INTEGER, ratio REAL, blob BLOB, doc JSON,
    token UUID, at DATETIME, day DATE, clock TIME, created_at TEXT, code STRING, plain
);
CREATE TABLE strict_one (id TEXT PRIMARY KEY, amount INTEGER NOT NULL, data ANY) STRICT, WITHOUT ROWID;
CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL);
CREATE TRIGGER noted AFTER INSERT ON kinds BEGIN INSERT INTO log (what) VALUES ('kind ' || new.id); END;
"""


@pytest.fixture
def seeded(site: Site) -> Seeded:
    """Migrated, marked, and without sets."""
    site.migration("001_schema", SCHEMA)
    site.ran("up")
    site.engine.mark()
    return Seeded(site)


def test_values_are_kept_as_sqlite_has_them(seeded: Seeded) -> None:
    """Booleans are 1 and 0, decimals and floats numbers, bytes blobs, JSON and times text; again nothing changes."""
    seeded.write(
        "kinds.toml",
        """
[[rows]]
id = 1
flag = true
price = "19.90"
big = 9007199254740993
ratio = 2
blob = '\\x00ff'
doc = { a = [1, 2.50] }
token = "6f1c2a34-0000-4000-8000-000000000001"
at = 2026-01-05T08:00:00Z
day = 2026-01-05
clock = 08:30:00
created_at = "2026-01-05T08:00:00Z"
code = "A7"
[[rows]]
id = 2
flag = "f"
price = 5
at = 1767600000
code = "007"
""",
    )
    assert seeded.counts() == {"kinds": (2, 0, 0)}
    assert seeded.query("SELECT * FROM kinds") == [
        (
            1, 1, 19.9, 9007199254740993, 2.0, b"\x00\xff", '{"a": [1, 2.50]}',
            "6f1c2a34-0000-4000-8000-000000000001", "2026-01-05 08:00:00+00:00", "2026-01-05", "08:30:00",
            "2026-01-05T08:00:00Z", "A7", None,
        ),
        (2, 0, 5, None, None, None, None, None, 1767600000, None, None, None, 7, None),
    ]  # fmt: skip
    assert seeded.counts() == {"kinds": (0, 0, 2)}
    assert seeded.query("SELECT what FROM log") == [("kind 1",), ("kind 2",)]


def test_relative_times_are_text_as_sqlite_writes_it(seeded: Seeded) -> None:
    """`now - 3d` is what datetime('now', '-3 days') gives, also in a column of TEXT that is named like a time."""
    seeded.write("kinds.csv", "id,at,day,clock,created_at\n1,now - 3d,yesterday,today + 8h,now - 3d\n")
    seeded.ran()
    assert seeded.query(
        "SELECT abs(julianday(at) - julianday('now', '-3 days')) < 0.001, length(at), day = date('now', '-1 day'), clock,"
        " created_at = at FROM kinds"
    ) == [(1, 19, 1, "08:00:00", 1)]


def test_seconds_since_1970(seeded: Seeded) -> None:
    """A number whose default counts seconds takes relative times, and generated ones are of the last years."""
    seeded.query("CREATE TABLE ticks (id INTEGER PRIMARY KEY, at INTEGER NOT NULL DEFAULT (unixepoch()))")
    seeded.write("ticks.csv", "id,at\n1,now - 1d\n2,1767600000\n")
    seeded.ran()
    assert seeded.counts() == {"ticks": (0, 0, 2)}
    assert seeded.query("SELECT abs(at - strftime('%s', 'now', '-1 day')) < 60 FROM ticks") == [(1,), (0,)]
    seeded.ran("generate", "--table", "ticks", "--rows", "50")
    seeded.ran("generate", "--table", "ticks", "--rows", "50", "--write-set", "clock")
    seeded.ran("clock", "--truncate")
    assert seeded.query(
        "SELECT count(*) FROM ticks WHERE date(at, 'unixepoch') < date('now', '-3 years')"
    ) == [(0,)]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("flag", "maybe", "'maybe' is no boolean (BOOLEAN)"),
        ("price", "cheap", "'cheap' is no number (DECIMAL(10,2))"),
        ("big", "1.5", "'1.5' is no whole number (INTEGER)"),
        ("big", "9223372036854775808", "is no whole number (INTEGER)"),
        ("token", "abc", "'abc' is no UUID (UUID)"),
        ("day", "soon", "'soon' is no date (DATE)"),
        ("doc", "{", "is no JSON (JSON)"),
    ],
)
def test_what_sqlite_would_take_and_no_application_could_read(
    seeded: Seeded, column: str, value: str, said: str
) -> None:
    """SQLite keeps any value in any column; a value that is none of the declared type is an error all the same."""
    seeded.write("kinds.csv", f"id,{column}\n1,\n2,{value}\n")
    outcome = seeded.run()
    assert outcome.code == 1
    assert f"seeds/dev/kinds.csv line 3, column {column}: " in outcome.stderr
    assert said in outcome.stderr


def test_tables_that_are_strict_and_without_rowids(seeded: Seeded) -> None:
    """They are loaded and matched like others; a secret of the environment is not shown where it does not fit."""
    seeded.write("strict_one.csv", "id,amount,data\na,${AMOUNT:-3},x\nb,4,\n")
    assert seeded.counts() == {"strict_one": (2, 0, 0)}
    assert seeded.query("SELECT id, amount, typeof(amount), data FROM strict_one") == [
        ("a", 3, "integer", "x"),
        ("b", 4, "integer", None),
    ]
    seeded.site.project.environ["AMOUNT"] = "hunter2"
    outcome = seeded.run()
    assert outcome.code == 1
    assert "the value that the environment gives is no INTEGER" in outcome.stderr
    assert "hunter2" not in outcome.stderr


def test_numbers_begin_anew_after_truncate(seeded: Seeded) -> None:
    """--truncate also takes the highest number of an AUTOINCREMENT away; without it that goes on."""
    seeded.write("log.json", '[{"what": "one"}]')
    seeded.ran("--truncate")
    seeded.ran("--truncate")
    assert seeded.query("SELECT id, what FROM log") == [(1, "one")]


def test_a_script_that_fails(seeded: Seeded) -> None:
    """The line is named, and the rows of the set are not there."""
    seeded.write("10_log.csv", "id,what\n1,x\n")
    seeded.write("20_more.sql", "SELECT 1;\n\nINSERT INTO nowhere VALUES (1);\n")
    outcome = seeded.run()
    assert outcome.code == 1
    assert "seeds/dev/20_more.sql line 3: no such table: nowhere" in outcome.stderr
    assert seeded.query("SELECT count(*) FROM log") == [(0,)]


def test_a_row_that_a_trigger_keeps_out(seeded: Seeded) -> None:
    """RAISE(IGNORE) is no error to SQLite; the row is named, and nothing is written."""
    seeded.query("CREATE TRIGGER no BEFORE INSERT ON log WHEN new.what = 'y' BEGIN SELECT RAISE(IGNORE); END")
    seeded.write("log.csv", "id,what\n1,x\n2,y\n")
    outcome = seeded.run()
    assert outcome.code == 1
    assert (
        "seeds/dev/log.csv line 3: log took the row without an error, but it is not there" in outcome.stderr
    )
    assert seeded.query("SELECT count(*) FROM log") == [(0,)]


def test_virtual_tables(seeded: Seeded) -> None:
    """A virtual table takes no rows of a file and is not generated, nor is what belongs to it."""
    seeded.query("CREATE VIRTUAL TABLE found USING fts5(body)")
    seeded.write("found.csv", "body\nx\n")
    assert "'found' is a virtual table" in seeded.run().stderr
    tables = seeded.ran("generate", "--dry-run", "--json").json["tables"]
    assert {one["table"] for one in tables} == {"kinds", "log", "strict_one"}


def test_another_writer(seeded: Seeded, file: Path) -> None:
    """While another program writes, loading waits for --lock-timeout; then it is exit 11, and nothing is written."""
    seeded.write("log.csv", "id,what\n1,x\n")
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        outcome = seeded.run("--lock-timeout", "500ms")
        assert outcome.code == 11
        assert "is locked by another program" in outcome.stderr
        assert 0.4 < time.monotonic() - began < 10
        other.execute("ROLLBACK")
    assert seeded.counts() == {"log": (1, 0, 0)}


def test_a_migration_that_runs(seeded: Seeded, file: Path) -> None:
    """No set is loaded while the migration lock is held; the holder is named."""
    seeded.write("log.csv", "id,what\n1,x\n")
    holding = (
        "import pathlib, sys, time\nfrom dbops.engines.sqlite.lock import MigrationLock\n"
        f"lock = MigrationLock(pathlib.Path({str(file)!r}), 'migrate up')\nlock.acquire(5, print)\n"
        "print('held', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", holding], stdin=-1, stdout=-1, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        outcome = seeded.run("--deadline", "300ms")
        holder.communicate("")
    assert outcome.code == 11
    assert "migrate up" in outcome.stderr


def test_what_sqlite_cannot_do(seeded: Seeded) -> None:
    """Demo data and --fast are refused with the reason, before anything is done."""
    for argv in (("--scale", "1"), ("check",)):
        outcome = seeded.run(*argv)
        assert outcome.code == 13
        assert "demo data are a trading firm's on PostgreSQL" in outcome.stderr
    outcome = seeded.run("generate", "--fast")
    assert outcome.code == 13
    assert "SQLite cannot leave triggers out" in outcome.stderr


def test_a_database_that_is_not_there(project_of_nothing: Seeded, file: Path) -> None:
    """It is exit 10, and none is made."""
    project_of_nothing.write("log.csv", "id,what\n1,x\n")
    outcome = project_of_nothing.run()
    assert outcome.code == 10
    assert f"there is no database {file}" in outcome.stderr
    assert not file.exists()


@pytest.fixture
def project_of_nothing(site: Site) -> Seeded:
    """A site whose file was never made."""
    return Seeded(site)


def test_the_bots_variable(seeded: Seeded, file: Path) -> None:
    """SQLITE_DB_PATH leads to the database where there is no DATABASE_URL."""
    seeded.write("log.csv", "id,what\n1,x\n")
    del seeded.site.project.environ["DATABASE_URL"]
    seeded.site.project.environ["SQLITE_DB_PATH"] = str(file)
    assert seeded.counts() == {"log": (1, 0, 0)}


def test_killed(seeded: Seeded, file: Path) -> None:
    """Killed in the middle, nothing of it is there, and the next run does all."""
    child = seeded.site.project.popen("seed-test-data", "generate", "--rows", "300000", "--table", "log")
    journal = Path(f"{file}-wal")
    end = time.monotonic() + 30
    while not (journal.exists() and journal.stat().st_size > 100_000):
        assert time.monotonic() < end, "it wrote nothing"
        time.sleep(0.01)
    child.kill()
    child.wait()
    assert seeded.query("SELECT count(*) FROM log") == [(0,)]
    seeded.ran("generate", "--rows", "10", "--table", "log")
    assert seeded.query("SELECT count(*) FROM log") == [(10,)]
