"""What a SQLite schema is read as."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from dbops.engines.catalog import Identity, Table
from dbops.engines.sqlite.catalog import Schema, read


def _read(definitions: str) -> Schema:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(definitions)
        return read(connection)


def _table(definitions: str) -> Table:
    return _read(definitions).catalog.tables[0]


@pytest.mark.parametrize(
    ("declared", "name", "length", "precision", "scale"),
    [
        ("INTEGER", "int8", None, None, None),
        ("integer unsigned", "int8", None, None, None),
        ("SMALLINT", "int2", None, None, None),
        ("VARCHAR(20)", "varchar", 20, None, None),
        ("NVARCHAR( 20 )", "varchar", 20, None, None),
        ("TEXT", "text", None, None, None),
        ("DECIMAL(10,2)", "numeric", None, 10, 2),
        ("NUMERIC", "numeric", None, None, None),
        ("decimal(30, 8)", "numeric", None, 15, 8),
        ("double precision", "float8", None, None, None),
        ("REAL", "float8", None, None, None),
        ("Boolean", "bool", None, None, None),
        ("DATETIME", "timestamp", None, None, None),
        ("TIMESTAMP WITH TIME ZONE", "timestamp", None, None, None),
        ("datetime(6)", "timestamp", None, 6, None),
        ("DATE", "date", None, None, None),
        ("TIME", "time", None, None, None),
        ("JSON", "json", None, None, None),
        ("UUID", "uuid", None, None, None),
        ("BLOB", "bytea", None, None, None),
        ("BINARY(16)", "bytea", 16, None, None),
        ("STRING", "text", None, None, None),
        ("", "text", None, None, None),
    ],
)
def test_declared_types(
    declared: str, name: str, length: int | None, precision: int | None, scale: int | None
) -> None:
    """The declared type says what the application means; it is kept as it was written."""
    found = _table(f"CREATE TABLE t (a {declared})").columns[0].type
    assert (found.name, found.length, found.scale) == (name, length, scale)
    assert found.precision == (precision if name == "numeric" else None)
    assert found.sql == declared


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ("a TEXT DEFAULT CURRENT_TIMESTAMP", "timestamp"),
        ("a TEXT NOT NULL DEFAULT (datetime('now'))", "timestamp"),
        ("a TEXT DEFAULT (date('now', 'utc'))", "date"),
        ("created_at TEXT", "timestamp"),
        ("birth_date TEXT", "date"),
        ("a TEXT CHECK (json_valid(a))", "json"),
        ("a TEXT DEFAULT '{}'", "json"),
        ("a CHECK (a IN (1, 2))", "numeric"),
        ("a CHECK (a IN ('1', '2'))", "text"),
        ("format TEXT", "text"),
        ("a INTEGER DEFAULT (unixepoch())", "epoch"),
        ("a INTEGER DEFAULT (strftime('%s', 'now'))", "epoch"),
        ("a INTEGER DEFAULT (strftime('%Y', 'now'))", "int8"),
    ],
)
def test_what_text_holds(column: str, name: str) -> None:
    """A time or a document in a TEXT is known by its default, its checks, or its name."""
    assert _table(f"CREATE TABLE t ({column})").columns[0].type.name == name


def test_primary_keys() -> None:
    """INTEGER PRIMARY KEY is numbered by SQLite; a key of another type, of two columns, or WITHOUT ROWID is not."""
    found = {
        table.name: table
        for table in _read(
            "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE b (id INT PRIMARY KEY);"
            "CREATE TABLE c (x INTEGER, y INTEGER, PRIMARY KEY (y, x));"
            "CREATE TABLE d (id INTEGER PRIMARY KEY) WITHOUT ROWID; CREATE TABLE e (x, PRIMARY KEY (x));"
        ).catalog.tables
    }
    assert {name: table.columns[0].identity for name, table in found.items()} == {
        "a": Identity.BY_DEFAULT, "b": Identity.NO, "c": Identity.NO, "d": Identity.NO, "e": Identity.NO,
    }  # fmt: skip
    keys = {name: table.primary_key.columns for name, table in found.items() if table.primary_key}
    assert keys == {"a": ("id",), "b": ("id",), "c": ("y", "x"), "d": ("id",), "e": ("x",)}
    assert all(table.columns[0].not_null for table in found.values())


def test_keys_of_expressions_and_parts() -> None:
    """Unique constraints and indexes: columns, expressions, and the predicate of a partial one."""
    table = _table(
        "CREATE TABLE t (a TEXT, b TEXT, UNIQUE (b, a));"
        "CREATE UNIQUE INDEX i ON t (lower(a) DESC, b COLLATE NOCASE) WHERE a IS NOT 'x';"
        "CREATE INDEX other ON t (b);"
    )
    constraint, index = sorted(table.keys, key=lambda key: key.columns == (None, "b"))
    assert (constraint.columns, constraint.plain) == (("b", "a"), True)
    assert (index.columns, index.constraint) == ((None, "b"), False)
    assert index.predicate == "\"a\" IS DISTINCT FROM  'x'"


def test_foreign_keys() -> None:
    """Written in the column, in the table, without columns, in other capitals; any can wait until the commit."""
    schema = _read(
        "CREATE TABLE Users (Id INTEGER PRIMARY KEY, name TEXT UNIQUE);"
        "CREATE TABLE t (u INTEGER REFERENCES users, n TEXT CONSTRAINT by_name REFERENCES USERS (NAME),"
        " CONSTRAINT both FOREIGN KEY (u, n) REFERENCES pairs (a, b));"
    )
    keys = schema.catalog.by_id["public", "t"].foreign_keys
    assert [(key.name, key.columns, key.table[1], key.referenced) for key in keys] == [
        ("t_u_fkey", ("u",), "Users", ("Id",)),
        ("by_name", ("n",), "Users", ("name",)),
        ("both", ("u", "n"), "pairs", ("a", "b")),
    ]
    assert all(key.deferrable for key in keys)


def test_checks_and_generated_columns() -> None:
    """With their names, in PostgreSQL's grammar, and as they were written for asking SQLite."""
    schema = _read(
        "CREATE TABLE t (a INTEGER CHECK (a > 0), b TEXT CONSTRAINT short CHECK (length(b) == 3 -- three\n),"
        ' "d e" INTEGER GENERATED ALWAYS AS (a * 2) STORED, f AS (a + 1), CHECK (a < "d e" AND b <> "none"));'
    )
    (table,) = schema.catalog.tables
    assert [(check.name, check.expression) for check in table.checks] == [
        ("t_check_1", '"a" > 0'),
        ("short", 'length ( "b" ) = 3'),
        ("t_check_3", '"a" < "d e" AND "b" <> \'none\''),
    ]
    assert [column.generated for column in table.columns] == [None, None, '"a" * 2', '"a" + 1']
    assert table.columns[2].type.name == "int8"
    assert schema.written['length ( "b" ) = 3'] == "length(b) == 3"


def test_what_is_left_out() -> None:
    """Views, virtual tables and theirs, SQLite's own tables, and those of migration tools."""
    catalog = _read(
        "CREATE TABLE mine (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIEW v AS SELECT 1;"
        "CREATE VIRTUAL TABLE f USING fts5(x); CREATE TABLE schema_migrations (version TEXT);"
        "CREATE TABLE goose_db_version (id INTEGER); CREATE TRIGGER t AFTER INSERT ON mine BEGIN SELECT 1; END;"
        "CREATE TRIGGER u AFTER UPDATE ON mine BEGIN SELECT 1; END;"
    ).catalog
    assert [table.name for table in catalog.tables] == ["mine"]
    assert [trigger.name for trigger in catalog.tables[0].triggers] == ["t"]
