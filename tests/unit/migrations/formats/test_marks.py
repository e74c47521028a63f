"""Both formats: banners in all spellings, commented-out sections, headers, settings, and exact places."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dbops.errors import ConfigError, DbopsError
from dbops.migrations.content import FileSettings, Migration, Text
from dbops.migrations.formats import by_name
from dbops.migrations.model import MigrationFile
from dbops.migrations.version import Version

PATH = Path("/m/001_x.sql")


def single(text: str) -> Migration:
    """Parse a single file."""
    file = MigrationFile(Version.parse("001"), "x", "single", "/m", "001_x.sql")
    return by_name("single").parse(file, Text(PATH, text, "raw"), None)


def pair(up: str, down: str | None) -> Migration:
    """Parse a pair of files."""
    down_name = None if down is None else "001_x.down.sql"
    file = MigrationFile(Version.parse("001"), "x", "pairs", "/m", "001_x.up.sql", down_name)
    below = None if down is None else Text(Path("/m/001_x.down.sql"), down, "raw")
    return by_name("pairs").parse(file, Text(PATH, up, "raw"), below)


def down_of(text: str) -> str | None:
    """The down section without white space around it."""
    down = single(text).down
    return None if down is None else down.sql.strip()


def assert_place(migration: Migration, source: str, statement: str) -> None:
    """The down section's first statement stands where its line and column say."""
    down = migration.down
    assert down is not None
    offset = down.sql.index(statement)
    line = down.line + down.sql.count("\n", 0, offset)
    before = (
        down.sql.rpartition("\n")[0]
        if "\n" not in down.sql[:offset]
        else down.sql[:offset].rpartition("\n")[2]
    )
    column = offset + down.column if "\n" not in down.sql[:offset] else len(before) + 1
    expected = source.index(statement)
    assert line == source.count("\n", 0, expected) + 1
    assert column == expected - source.rfind("\n", 0, expected)


# -- banners -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "banner",
    [
        "-- DOWN Migration",
        "-- ==========\n-- DOWN Migration\n-- ==========",
        "--DOWN MIGRATION",
        "--   down   migration  --",
        "-- Down Migration: drops the table",
        "-- DOWN",
        "-- Down:",
        "-- === DOWN ===",
        "-- Downgrade",
        "-- ROLLBACK",
        "-- Rollback:",
        "-- +migrate Down",
        "\t-- DOWN Migration\r",
        "/* DOWN Migration */",
        "/*\n * ===== DOWN Migration =====\n */",
        "/* ==== Rollback: ==== */",
        "-- Rollback SQL",
    ],
)
@pytest.mark.parametrize("undo", ["/*\nDROP TABLE a;\n*/", "DROP TABLE a;", "-- DROP TABLE a;"])
def test_spellings_of_the_down_banner(banner: str, undo: str) -> None:
    """What follows it is the down section, plain or commented out; what stands before it is up."""
    migration = single(f"CREATE TABLE a ();\n{banner}\n{undo}\n")
    assert migration.up.sql.strip().startswith("CREATE TABLE a ();")
    assert "DROP" not in migration.up.sql
    assert migration.down is not None
    assert migration.down.sql.strip().endswith("DROP TABLE a;")
    assert "CREATE" not in migration.down.sql


@pytest.mark.parametrize(
    "banner",
    [
        "-- UP Migration",
        "-- ====\n-- UP\n-- ====",
        "-- Upgrade",
        "-- +migrate Up",
        "/* UP */",
        "/****\n * UP Migration\n * makes a table\n ****/",
    ],
)
def test_spellings_of_the_up_banner(banner: str) -> None:
    """The sections may come in either order."""
    migration = single(f"-- DOWN\n-- DROP TABLE a;\n{banner}\nCREATE TABLE a ();\n")
    assert migration.up.sql.strip().endswith("CREATE TABLE a ();")
    assert "DROP" not in migration.up.sql
    assert migration.down is not None
    assert migration.down.sql.strip() == "DROP TABLE a;"


@pytest.mark.parametrize(
    "block",
    [
        "/*\n-- DOWN Migration\nDROP TABLE a; /* gone */\n*/",
        "/* DOWN Migration\nDROP TABLE a; /* gone */ */",
        "/* ====\n   ROLLBACK\n   ==== */\n/* DROP TABLE a; /* gone */ */",
    ],
)
def test_a_heading_in_the_block_that_is_commented_out(block: str) -> None:
    """One block comment with the heading and what undoes, a comment nested in it: the down section, and nothing of up."""
    migration = single(f"CREATE TABLE a ();\n{block}\n")
    assert migration.up.sql == "CREATE TABLE a ();\n"
    assert migration.down is not None
    assert migration.down.sql.strip() == "DROP TABLE a; /* gone */"


def test_a_statement_behind_a_down_section_in_a_comment() -> None:
    """Nobody can tell which way it goes: refused with its place."""
    with pytest.raises(DbopsError, match=r"001_x\.sql:5:1: a statement behind"):
        single("CREATE TABLE a ();\n/* DOWN\nDROP TABLE a;\n*/\nSELECT 1;")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT '\n-- DOWN Migration\n';",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n-- DOWN Migration\nSELECT 1\n$$;",
        "DO $x$ BEGIN\n-- DOWN\nNULL; END $x$;",
        "/*\n-- DOWN Migration\n*/ SELECT 1;",
        "SELECT 1 -- DOWN\n+ 1;",
        "-- Slow down here\nSELECT 1;",
        "-- downstream tables follow\nSELECT 1;",
        "-- rollback is not needed\nSELECT 1;",
    ],
)
def test_what_is_no_banner(text: str) -> None:
    """Inside a string, a body, a block comment or a statement, or within a sentence: all of it is up."""
    migration = single(text)
    assert migration.up.sql == text
    assert migration.down is None


def test_a_validation_section_is_not_run() -> None:
    """What stands between a VALIDATION banner and the next one belongs to neither section."""
    migration = single("CREATE TABLE a ();\n-- VALIDATION\nSELECT 1;\n-- DOWN\nDROP TABLE a;")
    assert "SELECT 1" not in migration.up.sql
    assert migration.down is not None
    assert migration.down.sql.strip() == "DROP TABLE a;"


# -- what is commented out ---------------------------------------------------------------------------------------------


def test_the_form_of_the_documents() -> None:
    """Prose as a line comment, then the SQL in a block comment."""
    text = "-- UP Migration\nCREATE TABLE a ();\n-- DOWN Migration\n-- To rollback, uncomment and run the following:\n/*\nDROP TABLE a;\n*/\n"
    assert down_of(text) == "DROP TABLE a;"
    assert_place(single(text), text, "DROP TABLE a")


def test_several_block_comments() -> None:
    """They are one section; lines stay where they were."""
    text = "SELECT 1;\n-- DOWN\n/* DROP TABLE a; */\n-- and then\n/*\nDROP TABLE b;\n*/\n"
    down = single(text).down
    assert down is not None
    assert "".join(down.sql.split()) == "DROPTABLEa;DROPTABLEb;"
    assert_place(single(text), text, "DROP TABLE a")
    assert_place(single(text), text, "DROP TABLE b")


def test_nested_comments() -> None:
    """A comment within the commented-out section stays one."""
    assert down_of("SELECT 1;\n-- DOWN\n/*\nDROP TABLE a; /* really */\n*/\n") == "DROP TABLE a; /* really */"


def test_line_comments_with_prose_before_them() -> None:
    """From the first line from which all the rest is SQL; the prose and the rules before it are not."""
    text = "SELECT 1;\n-- DOWN\n-- ----\n-- Run these by hand.\n-- DROP INDEX i;\n--   DROP TABLE a;\n"
    down = single(text).down
    assert down is not None
    assert down.sql.split() == ["DROP", "INDEX", "i;", "DROP", "TABLE", "a;"]
    assert_place(single(text), text, "DROP INDEX i")
    assert_place(single(text), text, "DROP TABLE a")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;",
        "SELECT 1;\n-- DOWN\n",
        "SELECT 1;\n-- DOWN\n/*\n\n*/\n",
        "SELECT 1;\n-- DOWN\n/* -- only a comment\n*/\n",
        "SELECT 1;\n-- DOWN\n-- There is no way back.\n",
    ],
)
def test_no_down_section(text: str) -> None:
    """Nothing that is SQL: there is no down, which is not the same as an empty one that runs."""
    assert single(text).down is None


def test_a_block_that_is_not_sql_is_kept() -> None:
    """The server shall say what is wrong with it, rather than that a down is silently missing."""
    assert down_of("SELECT 1;\n-- DOWN\n/*\nDROP TABEL a;\n*/") == "DROP TABEL a;"


def test_windows_line_ends() -> None:
    """CRLF throughout: the same sections at the same places."""
    text = "-- UP Migration\nCREATE TABLE a ();\n-- DOWN Migration\n/*\nDROP TABLE a;\n*/\n".replace(
        "\n", "\r\n"
    )
    migration = single(text)
    assert migration.down is not None
    assert migration.down.sql.strip() == "DROP TABLE a;"
    assert_place(migration, text, "DROP TABLE a")


# -- headers and settings ----------------------------------------------------------------------------------------------


def test_the_description_of_the_header() -> None:
    """From a line or a block comment before the first statement, whatever its case; a later one does not count."""
    assert single("-- Migration: 001\n-- Description:  Core tables \nSELECT 1;").description == "Core tables"
    assert single("/*\n * description: Core\n */\nSELECT 1;").description == "Core"
    assert single("-- Description: \nSELECT 1;").description is None
    assert single("SELECT 1;\n-- Description: late").description is None
    assert pair("-- Description: Both\nSELECT 1;", None).description == "Both"


def test_settings_of_a_file() -> None:
    """`-- dbops:` lines of the up section are the up's, those behind the DOWN banner the down's."""
    text = (
        "-- dbops: no-transaction\n-- dbops: lock-timeout 2s\nSELECT 1;\n-- DOWN\n"
        "/*\n-- dbops: statement-timeout 1h\nSELECT 2;\n*/"
    )
    migration = single(text)
    assert migration.up_settings == FileSettings(no_transaction=True, lock_timeout=2.0)
    assert migration.down_settings == FileSettings(statement_timeout=3600.0)
    assert single("-- dbops: lock-timeout off\nSELECT 1;").up_settings.lock_timeout == 0.0
    both = pair("-- dbops: no-transaction\nSELECT 1;", "-- dbops: lock-timeout 1s\nSELECT 2;")
    assert both.up_settings == FileSettings(no_transaction=True)
    assert both.down_settings == FileSettings(lock_timeout=1.0)


@pytest.mark.parametrize(
    "words", ["no-transacton", "lock-timeout", "lock-timeout soon", "", "no-transaction please"]
)
def test_settings_that_are_not_known(words: str) -> None:
    """A slip of the pen is an error with file and line, not a setting that is silently not made."""
    with pytest.raises((ConfigError, DbopsError), match=r"001_x\.sql:2"):
        single(f"SELECT 1;\n-- dbops: {words}\n")


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-- UP\nSELECT 1;\n-- UP\n", r":3:1: a second up section; the first is at line 1"),
        ("SELECT 1;\n-- DOWN\n-- x\n  -- Rollback\n", r":4:3: a second down section; the first is at line 2"),
        ("-- +goose Up\nSELECT 1;", r":1:1: this is a mark of goose"),
        ("\n-- migrate:up\nSELECT 1;", r":2:1: this is a mark of dbmate"),
        ("SELECT 1;\n---- create above / drop below ----\n", r":2:1: this is a mark of tern"),
        ("SELECT 1;\nSELECT 'open", r":2:8: "),
        ("SELECT 1; /* open", r":1:11: "),
    ],
)
def test_errors_have_a_place(text: str, message: str) -> None:
    """File, line and column."""
    with pytest.raises(DbopsError, match=message):
        single(text)


@pytest.mark.parametrize(
    ("up", "down", "message"),
    [
        (
            "SELECT 1;\n-- DOWN Migration\nDROP TABLE a;",
            None,
            r"001_x\.sql:2:1: this file holds a mark of the down",
        ),
        (
            "SELECT 1;",
            "DROP TABLE a;\n-- UP\nSELECT 1;",
            r"001_x\.down\.sql:2:1: this file holds a mark of the up",
        ),
    ],
)
def test_a_pair_with_the_other_direction_in_it(up: str, down: str | None, message: str) -> None:
    """What follows the mark would run with the rest: refused."""
    with pytest.raises(DbopsError, match=message):
        pair(up, down)


def test_a_pair_with_marks_of_its_own_direction() -> None:
    """They are superfluous, and harmless."""
    migration = pair("-- UP\nSELECT 1;", "-- DOWN\nSELECT 2;")
    assert migration.up.sql == "-- UP\nSELECT 1;"
    assert migration.down is not None
    assert migration.down.sql == "-- DOWN\nSELECT 2;"


def test_an_empty_down_file_is_none() -> None:
    """As the template writes it: nothing to run is no down section."""
    assert pair("SELECT 1;", "-- Undoes 001_x\n\n").down is None


# -- names -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_name", "file_name", "expected"),
    [
        ("single", "001_init_schema.sql", ("001", "init_schema")),
        ("single", "001-add-multi-pair-support.sql", ("001", "add-multi-pair-support")),
        ("single", "1.0.3_x.sql", ("1.0.3", "x")),
        ("single", "20250105120000_add.sql", ("20250105120000", "add")),
        ("single", "7.sql", ("7", "7")),
        ("single", "001_a b.c.sql", ("001", "a b.c")),
        ("single", "V1__x.sql", None),
        ("single", "001x.sql", None),
        ("single", "001_x.SQL", None),
        ("single", "001_.sql", None),
        ("single", "\u0660\u0660\u0661_x.sql", None),
        ("pairs", "001_x.up.sql", ("001", "x")),
        ("pairs", "001-x.down.sql", ("001", "x")),
        ("pairs", "001_x.sql", None),
        ("pairs", "001.up.sql", None),
    ],
)
def test_names_of_files(format_name: str, file_name: str, expected: tuple[str, str] | None) -> None:
    """A version of digits and dots, then _ or - and a name."""
    claim = by_name(format_name).claim(file_name)
    assert (claim and (claim.version, claim.name)) == expected


def test_much_between_two_statements() -> None:
    """What is not a comment is not looked at letter by letter: the rows of a COPY, which are blanked, can be millions."""
    began = time.process_time()
    assert down_of("SELECT 1;\n" + f"{' ' * 99}\n" * 150_000 + "-- DOWN\nSELECT 2;") == "SELECT 2;"
    assert time.process_time() - began < 1
