"""`bin/migrate verify` on SQLite: each migration up, down and up again in a scratch file."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.contract.site import Site
from tests.postgres.migrating import single

START = """
CREATE TABLE city (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE person (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL DEFAULT 'x',
    age INTEGER CHECK (age > 0),
    note TEXT COLLATE NOCASE,
    city_id INTEGER REFERENCES city (id) ON DELETE CASCADE
);
CREATE TABLE spare (id INTEGER) STRICT;
CREATE INDEX person_age ON person (age) WHERE age > 17;
CREATE VIEW adult AS SELECT id FROM person WHERE age > 17;
CREATE TRIGGER touch AFTER UPDATE ON person BEGIN UPDATE person SET note = 't' WHERE id = new.id; END;
"""


@pytest.fixture
def scratch(site: Site, tmp_path: Path) -> Path:
    """The folder for temporary files, empty."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    site.project.environ["TMPDIR"] = str(folder)
    return folder


def verified(site: Site, *options: str, code: int = 0) -> dict[str, Any]:
    """The result of `verify --json`, whose exit code must be this one."""
    outcome = site.run("verify", "--json", *options)
    found = next((event for event in outcome.events if event["type"] == "result"), None)
    assert found is not None, outcome
    assert outcome.code == code, (
        found["history"],
        [one for one in found["migrations"] if not one["verified"]],
    )
    return dict(found)


def rounds(site: Site, *options: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """Its migrations, by name."""
    return {one["name"]: one for one in verified(site, *options, code=code)["migrations"]}


def results(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    """How each ended."""
    return {name: one["result"] for name, one in found.items()}


def anew(table: str, columns: str, kept: str = "*") -> str:
    """The recipe that makes a table anew, with all that belongs to `person` made again."""
    again = START[START.index("CREATE INDEX") :].replace("CREATE VIEW", "DROP VIEW adult; CREATE VIEW")
    return f"""
    PRAGMA foreign_keys = OFF;
    CREATE TABLE new_{table} ({columns});
    INSERT INTO new_{table} SELECT {kept} FROM {table};
    PRAGMA legacy_alter_table = ON;
    DROP TABLE {table};
    ALTER TABLE new_{table} RENAME TO {table};
    {again if table == "person" else ""}
    """


PERSON = START[START.index("    id INTEGER PRIMARY KEY AUTO") : START.index("\n);\nCREATE TABLE spare")]
PLANTED: dict[str, tuple[str, str, str, str]] = {
    "index": ("CREATE INDEX by_name ON person (name);", "SELECT 1;", "index by_name", "left"),
    "index_gone": ("DROP INDEX person_age;", "SELECT 1;", "index person_age", "gone"),
    "index_where": (
        "DROP INDEX person_age;",
        "CREATE INDEX person_age ON person (age) WHERE age > 18;",
        "index person_age",
        "changed",
    ),
    "column_left": ("ALTER TABLE spare ADD more TEXT;", "SELECT 1;", "table spare", "changed"),
    "column_order": (
        "DROP TRIGGER touch; ALTER TABLE person DROP note;",
        "ALTER TABLE person ADD note TEXT COLLATE NOCASE; "
        + START[START.index("CREATE TRIGGER") :],
        "table person",
        "changed",
    ),
    "type": (anew("spare", "id TEXT"), anew("spare", "id INT"), "table spare", "changed"),
    "strict": (anew("spare", "id TEXT"), anew("spare", "id INTEGER"), "table spare", "changed"),
    "default": (
        anew("person", PERSON.replace("'x'", "'y'")),
        anew("person", PERSON.replace("'x'", "'X'")),
        "table person",
        "changed",
    ),
    "check": (anew("person", PERSON), anew("person", PERSON.replace("> 0", "> 1")), "table person", "changed"),
    "collation": (anew("person", PERSON), anew("person", PERSON.replace("COLLATE NOCASE", "")), "table person", "changed"),
    "key": (anew("person", PERSON), anew("person", PERSON.replace("CASCADE", "SET NULL")), "table person", "changed"),
    "autoincrement": (anew("person", PERSON), anew("person", PERSON.replace("AUTOINCREMENT", "")), "table person", "changed"),
    "older_table": ("CREATE TABLE IF NOT EXISTS spare (id INTEGER);", "DROP TABLE spare;", "table spare", "gone"),
    "trigger": ("DROP TRIGGER touch;", "SELECT 1;", "trigger touch", "gone"),
    "trigger_with_its_table": (
        anew("person", PERSON),
        anew("person", PERSON).partition("CREATE TRIGGER")[0],
        "trigger touch",
        "gone",
    ),
    "view": (
        "DROP VIEW adult; CREATE VIEW adult AS SELECT id FROM person WHERE age > 20;",
        "SELECT 1;",
        "view adult",
        "changed",
    ),
}  # fmt: skip


def test_each_kind_of_object(site: Site, scratch: Path) -> None:
    """Whatever a down leaves, changes or loses is named, and nothing of the migration before it."""
    site.migration("001_start", START)
    for number, (name, (up, down, _, _)) in enumerate(PLANTED.items(), start=2):
        site.migration(f"{number:03d}_{name}", up, down)
        # the next one begins with what was there before
        site.migration(
            f"{number:03d}.1_mended",
            "DROP TABLE IF EXISTS person; DROP TABLE city; DROP TABLE spare; DROP VIEW adult;" + START,
        )
    found = verified(site, "--empty", code=3)["migrations"]
    of = {one["name"]: one for one in found if one["name"] in PLANTED}
    for name, (_, _, where, change) in PLANTED.items():
        became = {one["object"]: one["change"] for one in of[name]["differences"] if one["after"] == "down"}
        assert (of[name]["result"], became) == ("differs", {where: change}), (name, of[name])
    assert {one["result"] for one in found if one["name"] == "mended"} == {"no down"}
    assert list(scratch.iterdir()) == []


def test_what_comes_back(site: Site, scratch: Path, file: Path) -> None:
    """Written otherwise, made anew, alone, in two parts: exit 0, and no file is made, the configured one either."""
    site.migration(
        "001_start", START, "DROP TABLE person; DROP TABLE spare; DROP TABLE city; DROP VIEW adult;"
    )
    site.migration(
        "002_anew",
        anew("person", PERSON.replace("'x'", "'y'")),
        anew("person", PERSON.lower().replace("    id integer", ' "id" integer').replace("  ", "\n -- c\n")),
    )
    site.migration("003_only_up", "CREATE TABLE more (id INTEGER);")
    site.migration("004_alone", "VACUUM; PRAGMA journal_mode = delete;", "PRAGMA wal_checkpoint; VACUUM;")
    site.migration(
        "005_parts",
        "CREATE TABLE u (id INTEGER); COMMIT; CREATE TABLE v (id INTEGER);",
        "DROP TABLE v; COMMIT; DROP TABLE u;",
    )
    site.migration(
        "006_rename", "ALTER TABLE person RENAME note TO remark;", "ALTER TABLE person RENAME remark TO note;"
    )
    found = verified(site)
    assert results({one["name"]: one for one in found["migrations"]}) == {
        "start": "comes back", "anew": "comes back", "only_up": "no down", "alone": "comes back",
        "parts": "comes back", "rename": "comes back",
    }  # fmt: skip
    assert found["history"]["unknown"] == "no migration is applied there"
    assert (found["database"]["engine"], found["scratch"]) == ("sqlite", "temporary")
    assert list(scratch.iterdir()) == []
    assert list(file.parent.glob("app.db*")) == []


def test_applied_ones_and_the_live_file(site: Site, scratch: Path, file: Path) -> None:
    """What is applied has its round only with --all; what was changed by hand differs; the file stays as it is."""
    site.migration(
        "001_start", START, "DROP TABLE person; DROP TABLE spare; DROP TABLE city; DROP VIEW adult;"
    )
    site.migration("002_more", "CREATE TABLE more (id INTEGER);", "DROP TABLE more;")
    site.ran("up")
    site.engine.query("INSERT INTO more VALUES (7)")
    site.migration("003_third", "CREATE TABLE third (id INTEGER);", "DROP TABLE third;")
    before = file.read_bytes()
    found = verified(site)
    assert [one["version"] for one in found["migrations"]] == ["003"]
    assert found["history"] == {"unknown": None, "differences": []}
    assert file.read_bytes() == before
    site.engine.query("CREATE INDEX by_hand ON more (id)")
    site.engine.query("DROP TABLE spare")
    found = verified(site, "--all", code=3)
    assert {one["result"] for one in found["migrations"]} == {"comes back"}
    differing = [(one["object"], one["change"]) for one in found["history"]["differences"]]
    assert differing == [("index by_hand", "left"), ("table spare", "gone")]
    site.project.write("pyproject.toml", '[tool.dbops]\ndrift-ignore = ["index by_*", "table spare"]\n')
    assert verified(site)["history"] == {"unknown": None, "differences": []}


def test_what_depends_on_rows(site: Site, scratch: Path) -> None:
    """A NOT NULL without default, also in a table made anew, and a down that rows break fail only with rows."""
    site.migration("001_start", START)
    site.migration("002_must", "ALTER TABLE spare ADD must INTEGER NOT NULL;", "ALTER TABLE spare DROP must;")
    site.migration(
        "003_anew",
        anew("person", PERSON + ", must TEXT NOT NULL", "*, NULL"),
        anew("person", PERSON, "id, name, age, note, city_id"),
    )
    site.migration("004_twice", "SELECT 1;", "CREATE UNIQUE INDEX one ON spare (id > 0); DROP INDEX one;")
    found = rounds(site, code=3)
    assert results(found) == {
        "start": "no down", "must": "up fails", "anew": "up fails", "twice": "down fails",
    }  # fmt: skip
    assert {name for name, one in found.items() if one["only_with_rows"]} == {"must", "anew", "twice"}
    assert "NOT NULL constraint failed: new_person.must" in found["anew"]["message"]
    assert set(results(rounds(site, "--empty")).values()) == {"no down", "comes back"}


def test_rows_that_could_not_know(site: Site, scratch: Path) -> None:
    """Of a rule still to come generated rows know nothing: the table is emptied, though a trigger keeps its rows."""
    keeps = "CREATE TRIGGER keeps BEFORE DELETE ON spare BEGIN SELECT raise(ABORT, 'never'); END;"
    site.migration("001_start", f"{START} ALTER TABLE spare ADD yes INTEGER CHECK (yes IN (0, 1)); {keeps}")
    site.migration("002_unique", "CREATE UNIQUE INDEX one ON spare (id % 1);", "DROP INDEX one;")
    site.migration("003_unique_column", "CREATE UNIQUE INDEX two ON spare (yes);", "DROP INDEX two;")
    site.migration("004_null", anew("city", "id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE"), "SELECT 1;")
    site.migration(
        "005_must",
        anew("person", PERSON.replace("note TEXT", "note TEXT NOT NULL")),
        anew("person", PERSON),
    )
    visit = "id INTEGER PRIMARY KEY, number INTEGER NOT NULL{}, remark TEXT{}"
    site.migration("006_visit", f"CREATE TABLE Visit ({visit.format('', '')});")
    key = " REFERENCES city (id)"
    site.migration("007_key", anew("Visit", visit.format(key, "")), anew("Visit", visit.format("", "")))
    site.migration(
        "008_tight",
        anew('"Visit"', visit.format("", " NOT NULL")).replace('new_"Visit"', '"New Visit"'),
        "SELECT 1;",
    )
    found = rounds(site, code=3)
    assert {name: [one["table"] for one in each["without_rows"]] for name, each in found.items()} == {
        "start": [], "unique": ["all tables"], "unique_column": ["spare"], "null": [], "must": ["person"], "visit": [],
        "key": ["Visit"], "tight": ["Visit"],
    }  # fmt: skip
    assert {name for name, each in found.items() if not each["verified"]} == {
        "tight"
    }  # which has no true down


def test_values(site: Site, scratch: Path) -> None:
    """Values that do not come back are told by table and column, and by the way on which they go; no failure."""
    site.migration(
        "001_start",
        "CREATE TABLE item (id INTEGER PRIMARY KEY AUTOINCREMENT, price REAL NOT NULL, note TEXT NOT NULL);"
        "CREATE TABLE word (a TEXT NOT NULL, b TEXT NOT NULL);",
    )
    item = "id INTEGER PRIMARY KEY AUTOINCREMENT, price {} NOT NULL, note TEXT NOT NULL"
    site.migration("003_column", "ALTER TABLE item ADD mail TEXT;", "ALTER TABLE item DROP mail;")
    site.migration("002_type", anew("item", item.format("INTEGER"), "id, cast(price AS INTEGER), note"),
                   anew("item", item.format("REAL")))  # fmt: skip
    site.migration("004_table", "CREATE TABLE other (a TEXT NOT NULL, b BLOB NOT NULL);", "DROP TABLE other;")
    site.migration("005_deletes", "SELECT 1;", "DELETE FROM word;")
    site.migration("006_update", "UPDATE word SET a = upper(a) || '!';", "SELECT 1;")
    site.migration("007_sequence", "SELECT 1;", "DELETE FROM sqlite_sequence;")
    site.migration("008_stored_as_text", "UPDATE item SET price = price || 'x';", "UPDATE item SET price = rtrim(price, 'x');")  # fmt: skip
    lost = {
        name: {(each["way"], each["table"], each["column"], each["of_sequence"]) for each in one["lost"]}
        for name, one in rounds(site).items()
    }
    assert lost["column"] == {("down and up", "item", "mail", False)}
    assert lost["type"] == {("up and down", "item", "price", False)}
    assert lost["table"] == {("down and up", "other", "a", False), ("down and up", "other", "b", False)}
    both = {(way, "word", column, False) for way in ("up and down", "down and up") for column in ("a", "b")}
    assert lost["deletes"] == both
    assert ("up and down", "word", "a", False) in lost["update"]
    assert ("up and down", "item", "id", True) in lost["sequence"]
    assert lost["stored_as_text"] == set()


def test_twice(site: Site, scratch: Path) -> None:
    """--twice finds what cannot run again, and what changes when it does."""
    site.migration("001_again", "CREATE TABLE IF NOT EXISTS a (id INTEGER);", "DROP TABLE a;")
    site.migration("002_once", "CREATE TABLE b (id INTEGER);", "DROP TABLE b;")
    site.migration(
        "003_grows",
        "CREATE TABLE IF NOT EXISTS g1 (id INTEGER); ALTER TABLE g1 RENAME TO g2; CREATE TABLE g1 (id INTEGER);",
        "DROP TABLE g1; DROP TABLE g2;",
    )
    assert set(results(rounds(site, "--empty")).values()) == {"comes back"}
    found = rounds(site, "--empty", "--twice", code=3)
    assert results(found) == {"again": "comes back", "once": "up again fails", "grows": "up again fails"}


def test_what_does_not_run(site: Site, scratch: Path) -> None:
    """A failing up stops the rounds, a failing down only its own; an up that cannot run after its down is told."""
    site.migration("001_start", START, "DROP TABLE nowhere;")
    site.migration("002_left", "CREATE TABLE left_there (id INTEGER);", "SELECT 1;")
    site.migration("003_wrong", "INSERT INTO nothing VALUES (1);", "SELECT 1;")
    site.migration("004_more", "CREATE TABLE more (id INTEGER);", "DROP TABLE more;")
    found = rounds(site, "--empty", code=3)
    assert results(found) == {
        "start": "down fails", "left": "differs", "wrong": "up fails", "more": "not run",
    }  # fmt: skip
    assert "nowhere" in found["start"]["message"]
    assert "already exists" in found["left"]["message"]


def test_other_files_are_out_of_reach(site: Site, scratch: Path, file: Path) -> None:
    """ATTACH and VACUUM INTO, in Python too, reach no other file; the round of such a migration fails."""
    site.migration("001_t", "CREATE TABLE t (id INTEGER);", "DROP TABLE t;")
    site.ran("up")
    before = file.read_bytes()
    other = file.with_name("other.db")
    site.migration("002_vacuum", "SELECT 1;", f"VACUUM INTO '{other}';")
    site.project.write(
        "migrations/003_python.py",
        f"def up(db):\n    pass\ndef down(db):\n    db.execute(\"ATTACH '{file}' AS live\")\n    db.execute('DROP TABLE live.t')\n",
    )
    site.project.write(
        "migrations/004_more.py",
        f"def up(db):\n    pass\ndef down(db):\n    db.execute(\"VACUUM INTO '{other}'\")\n",
    )
    found = rounds(site, code=3)
    assert results(found) == {"vacuum": "down fails", "python": "down fails", "more": "down fails"}
    assert "beyond the scratch database, to other files" in found["vacuum"]["message"]
    assert file.read_bytes() == before
    assert not other.exists()


def test_no_room(site: Site, scratch: Path) -> None:
    """A full disk says nothing of the migration: verify ends with SQLite's words (1), and leaves nothing behind."""
    site.migration("001_t", "CREATE TABLE t (a TEXT);", "DROP TABLE t;")
    site.migration(
        "002_full",
        "PRAGMA max_page_count = 30; INSERT INTO t SELECT printf('%1000000c', 'x');",
        "SELECT 1;",
    )
    outcome = site.run("verify", "--empty")
    assert (outcome.code, "database or disk is full" in outcome.stderr) == (1, True), outcome
    assert list(scratch.iterdir()) == []


def test_killed_and_interrupted(site: Site, scratch: Path) -> None:
    """What a killed run leaves, the next one removes; while it is at work nobody does.  Ctrl-C leaves nothing."""
    site.migration("001_slow", site.engine.slow, "SELECT 1;")
    site.project.write("quick/001_quick.sql", single("SELECT 1;", "SELECT 1;"))
    slow = site.begin("verify", "--empty")
    site.wait_for(lambda: len(list(scratch.glob("*/*/copy.db-wal"))) == 1)
    (folder,) = scratch.iterdir()
    (copy,) = scratch.glob("*/*/copy.db")
    assert [stat.S_IMODE(one.stat().st_mode) for one in (folder, copy.parent, copy)] == [0o700, 0o700, 0o600]
    quick = ("verify", "--empty", "--migrations-dir", "quick")
    site.ran(*quick)
    assert copy.exists()
    slow.kill()
    slow.wait()
    assert copy.exists()
    site.ran(*quick)
    assert list(scratch.iterdir()) == []
    slow = site.begin("verify", "--empty")
    site.wait_for(lambda: len(list(scratch.glob("*/*/copy.db-wal"))) == 1)
    os.kill(slow.pid, signal.SIGINT)
    assert slow.wait(timeout=30) != 0
    assert list(scratch.iterdir()) == []


def test_what_is_for_postgresql(site: Site) -> None:
    """There is no server to name."""
    site.migration("001_t", "CREATE TABLE t (id INTEGER);")
    outcome = site.run("verify", "--scratch-url", "postgresql://localhost/x")
    assert (outcome.code, "--scratch-url is for PostgreSQL" in outcome.stderr) == (2, True), outcome
