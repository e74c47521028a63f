"""What a migration may say on SQLite, and what is said of one that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.site import Site


@pytest.mark.parametrize(
    ("sql", "place", "message"),
    [
        ("SELEC 1;", "2:1", 'near "SELEC": syntax error'),
        ("SELECT (1, 2) FROM (SELECT 3, 4) WHERE (1 = ));", "2:45", 'near ")": syntax error'),
        ("CREATE TABLE t (\n  a text\n  DEFAULT (1);", "4:13", "incomplete input"),
        ("SELECT 'a'\n  , # FROM x;", "3:5", 'unrecognized token: "#"'),
        ("CREATE TABLE t (a integer);\nINSERT INTO t (a, b) VALUES (1, 2);", "3:19", "has no column named b"),
        ("CREATE TABLE t (a integer);\nSELECT a, u.b FROM t AS u;", "3:13", "no such column: u.b"),
        ("SELECT ? + 1;", "2:8", "it has parameters"),
        (".read other.sql", "2:1", 'near ".": syntax error'),
        ("SELECT 'abc;\n", "2:8", "an unterminated '"),
        ("SELECT load_extension('x');", "2:1", "not authorized"),
    ],
)
def test_a_failure_is_shown_at_its_place(site: Site, sql: str, place: str, message: str) -> None:
    """SQLite's driver gives no place: it is found by what SQLite names."""
    site.migration("001_a", sql)
    failed = site.run("up")
    assert failed.code == 1
    assert f"001_a.sql:{place}: " in failed.stderr
    assert message in failed.stderr


@pytest.mark.parametrize("sql", ["ATTACH 'other.db' AS other;", "DETACH DATABASE other;"])
def test_another_file_is_refused_before_anything_runs(site: Site, sql: str) -> None:
    """It would be under no lock and in no backup: exit 1 with the place, nothing is applied."""
    site.migration("001_a", "CREATE TABLE a (id integer);")
    site.migration("002_b", f"CREATE TABLE b (id integer);\n{sql}")
    failed = site.run("up")
    assert failed.code == 1
    assert "002_b.sql:3:1: " in failed.stderr
    assert "neither under the migration lock" in failed.stderr
    assert not site.has("a")


@pytest.mark.parametrize("transactional", [True, False])
def test_another_file_is_refused_in_a_module(site: Site, tmp_path: Path, transactional: bool) -> None:
    """For the same reason; the other file is not made."""
    other = tmp_path / "other.db"
    site.project.write(
        "migrations/001_a.py",
        f"transactional = {transactional}\ndef up(db):\n    db.execute(\"ATTACH '{other}' AS other\")\n",
    )
    failed = site.run("up")
    assert failed.code == 1, failed
    assert "001_a.py:3:" in failed.stderr
    assert "neither under the migration lock" in failed.stderr
    assert not other.exists()


def test_rows_are_read_to_the_end(site: Site) -> None:
    """A SELECT does all that it does, although nobody reads its rows; so does RETURNING."""
    site.migration(
        "001_a",
        "CREATE TABLE a (id integer);\nINSERT INTO a VALUES (1), (2), (3) RETURNING id;\n"
        "SELECT json(CASE id WHEN 3 THEN '{' ELSE '1' END) FROM a;",
    )
    failed = site.run("up")
    assert "malformed JSON" in failed.stderr
    assert not site.has("a")


def test_settings_come_back(site: Site) -> None:
    """A file's PRAGMAs hold in that file, also between its own transactions, and in no other one."""
    site.migration(
        "001_a",
        "PRAGMA recursive_triggers = ON;\nBEGIN;\nCREATE TABLE a (n integer);\nCOMMIT;\nBEGIN;\n"
        "INSERT INTO a SELECT recursive_triggers FROM pragma_recursive_triggers;\nCOMMIT;",
    )
    site.migration("002_b", "INSERT INTO a SELECT recursive_triggers FROM pragma_recursive_triggers;")
    site.ran("up")
    first, second = site.engine.query("SELECT n FROM a")
    assert (first, second) != ((1,), (1,))


def test_settings_that_count_before_a_transaction(site: Site) -> None:
    """`synchronous` cannot be set in a transaction: it is set before it, and the file is one transaction."""
    site.migration(
        "001_a", "PRAGMA synchronous = OFF;\nCREATE TABLE a (id integer);\nPRAGMA synchronous = FULL;"
    )
    plan = site.ran("plan", "--json").json["steps"]
    assert [step["mode"] for step in plan] == ["one transaction"]
    site.ran("up")


def test_the_journal_mode_stays_a_wal(site: Site) -> None:
    """A file may change it, outside a transaction; the next connection has a WAL again."""
    site.migration("001_a", "PRAGMA journal_mode = DELETE;\nCREATE TABLE a (id integer);")
    site.ran("up")
    assert site.engine.query("PRAGMA journal_mode") == [("wal",)]


def test_savepoints(site: Site) -> None:
    """They are nothing but statements of the migration's transaction."""
    site.migration(
        "001_a",
        "CREATE TABLE a (id integer);\nSAVEPOINT s;\nINSERT INTO a VALUES (1);\nROLLBACK TO s;\nRELEASE s;",
    )
    site.ran("up")
    assert site.engine.query("SELECT count(*) FROM a") == [(0,)]


@pytest.mark.parametrize(
    ("files", "format_name"),
    [
        ({"1_a.up.sql": "CREATE TABLE a (id integer);", "1_a.down.sql": "DROP TABLE a;"}, "pairs"),
        (
            {
                "20250101000000_a.sql": "-- migrate:up\nCREATE TABLE a (id integer);\n-- migrate:down\nDROP TABLE a;\n"
            },
            "dbmate",
        ),
        (
            {
                "00001_a.sql": "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE a (id integer);\n"
                "-- +goose StatementEnd\nCREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; SELECT 2; END;\n"
                "-- +goose Down\nDROP TABLE a;\n"
            },
            "goose",
        ),
    ],
)
def test_formats_of_other_tools(site: Site, files: dict[str, str], format_name: str) -> None:
    """They are read as on PostgreSQL, with SQLite's own lexical rules: up and down."""
    for name, text in files.items():
        site.project.write(f"migrations/{name}", text)
    assert format_name in site.ran("up", "-v").stderr
    assert site.has("a")
    site.engine.mark()
    site.ran("down")
    assert not site.has("a")


def test_variables_of_psql(site: Site) -> None:
    """`--var` stands for `:'x'`, `:"x"` and `:x`, quoted as SQLite reads it; nothing within a string is one."""
    site.migration(
        "001_a",
        """CREATE TABLE :"name" (t text DEFAULT :'text', n integer CHECK (n < :limit), s text DEFAULT ':limit');""",
    )
    site.ran("up", "--var", 'name=a "b"', "--var", "text=it's \\ ü", "--var", "limit=7")
    site.engine.query('INSERT INTO "a ""b""" (n) VALUES (6)')
    assert site.engine.query('SELECT * FROM "a ""b"""') == [("it's \\ ü", 6, ":limit")]
