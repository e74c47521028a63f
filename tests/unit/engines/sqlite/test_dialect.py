"""SQLite's SQL as statements."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbops.engines.sqlite.dialect import DIALECT
from dbops.engines.statements import Kind, UnreadableSql

TRIGGER = (
    "CREATE TEMP TRIGGER t AFTER INSERT ON a WHEN new.x = ';' BEGIN\n"
    "  INSERT INTO b SELECT CASE WHEN new.x THEN 2 END; -- END;\n  UPDATE b SET x = 1;\nEND"
)


def _texts(sql: str) -> list[str]:
    return [statement.text for statement in DIALECT.split(sql).statements]


def test_what_divides_and_what_does_not() -> None:
    """Semicolons in strings, names, comments and a trigger's body belong to their statement; empty ones are none."""
    table = """CREATE TABLE "a;b" (x text DEFAULT ';' /* ; */, [y;z] int, `k``;` blob DEFAULT x'00')"""
    sql = f"-- one;\n;{table}; ;\n{TRIGGER};\nSELECT 'it''s;' AS ü; /* open ;"
    assert _texts(sql) == [table, TRIGGER, "SELECT 'it''s;' AS ü"]
    assert [sql[start:end] for start, end in DIALECT.statement_spans(sql)] == _texts(sql)


PIECES = st.sampled_from(
    ["SELECT 1", TRIGGER, "CREATE TABLE t (a)", "BEGIN", "END", "/* ; */", "-- ;\n", "';'", '";"', "[;]", "`;`", ";", "x", "CREATE",
     "TRIGGER", "TEMP", "EXPLAIN"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map(" ".join))
def test_statements_end_where_sqlite_says(sql: str) -> None:
    """By its own `sqlite3_complete`: each but the last is complete with its semicolon, and nothing shorter is."""
    texts = _texts(sql)
    for text in texts[:-1]:
        assert sqlite3.complete_statement(f"{text};")
    for text in texts:
        for end, letter in enumerate(text):
            assert letter != ";" or not sqlite3.complete_statement(text[: end + 1])


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("BEGIN EXCLUSIVE TRANSACTION", Kind.BEGIN),
        ("END", Kind.COMMIT),
        ("commit transaction", Kind.COMMIT),
        ("ROLLBACK", Kind.ROLLBACK),
        ("ROLLBACK TRANSACTION TO SAVEPOINT s", Kind.TRANSACTIONAL),
        ("SAVEPOINT s", Kind.TRANSACTIONAL),
        ("VACUUM INTO 'x.db'", Kind.ALONE),
        ("PRAGMA journal_mode = WAL", Kind.ALONE),
        ("PRAGMA main.journal_mode(wal)", Kind.ALONE),
        ("PRAGMA journal_mode", Kind.TRANSACTIONAL),
        ("PRAGMA wal_checkpoint", Kind.ALONE),
        ("PRAGMA foreign_keys=OFF", Kind.SET),
        ("PRAGMA foreign_keys", Kind.TRANSACTIONAL),
        ("PRAGMA defer_foreign_keys = ON", Kind.TRANSACTIONAL),
        ("PRAGMA user_version = 3", Kind.TRANSACTIONAL),
        ("CREATE TABLE t (a)", Kind.TRANSACTIONAL),
        ("INSERT INTO nowhere VALUES (?)", Kind.TRANSACTIONAL),
        ("EXPLAIN SELECT 1", Kind.TRANSACTIONAL),
        ("this is prose", Kind.UNKNOWN),
        ("Drop the table", Kind.UNKNOWN),
    ],
)
def test_kinds(sql: str, kind: Kind) -> None:
    """How each stands to transactions; what SQLite cannot read is not known."""
    read = DIALECT.split(sql)
    assert [statement.kind for statement in read.statements] == [kind]
    assert read.parsed == (kind is not Kind.UNKNOWN)


def test_what_a_checksum_is_taken_over() -> None:
    """Space, comments and line ends do not count; every token does, with its case."""
    base = DIALECT.split("CREATE TABLE t (a text DEFAULT 'x\ny'); SELECT 1;").checksum
    same = "-- new\r\nCREATE  TABLE t(a text/* */ DEFAULT 'x\r\ny');;SELECT 1"
    assert DIALECT.split(same).checksum == base
    for other in (
        "CREATE TABLE t (a text DEFAULT 'x y'); SELECT 1",
        "create TABLE t (a text DEFAULT 'x\ny'); SELECT 1",
    ):
        assert DIALECT.split(other).checksum != base


@pytest.mark.parametrize(
    ("sql", "offset"),
    [("SELECT 'abc", 7), ('SELECT 1; SELECT "x', 17), ("SELECT [x", 7), ("a\0b", 1), ("a \ud800", 2)],
)
def test_what_cannot_be_divided(sql: str, offset: int) -> None:
    """An open quote, a NUL, half a character: refused with the place."""
    with pytest.raises(UnreadableSql) as error:
        DIALECT.split(sql)
    assert error.value.offset == offset
