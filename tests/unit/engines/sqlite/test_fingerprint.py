"""Rows and fingerprints of a SQLite file: what must change them, and what must not."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from dbops.engines.contents import TableContent
from dbops.engines.sqlite import checking, fingerprint
from dbops.engines.sqlite.connection import connect_alone
from dbops.events import Event, ignore


def made(folder: Path, script: str, name: str = "a.db") -> Path:
    path = folder / name
    with contextlib.closing(connect_alone(path, read_only=False)) as connection:
        connection.executescript(script)
    return path


def tables(folder: Path, script: str) -> dict[str, TableContent]:
    path = made(folder, script)
    with contextlib.closing(connect_alone(path, read_only=True)) as connection:
        contents = fingerprint.measure(connection, "full", ignore)
    path.unlink()
    return {table.name: table for table in contents.tables}


def of_values(folder: Path, *values: str) -> str | None:
    rows = ", ".join(f"({value})" for value in values)
    return tables(folder, f"create table t (v); insert into t values {rows};")["t"].fingerprint


def test_it_is_the_same_with_every_python(tmp_path: Path) -> None:
    """A number that is in manifests: another one would refute backups that are whole."""
    found = of_values(tmp_path, "1", "-1", "9223372036854775807", "1.5", "'Ünï'", "x'00ff'", "null", "''")
    assert found == "315896867872096867578212891898931755153"


@pytest.mark.parametrize("other", ["'1'", "1.0", "x'31'", "null", "'1 '", "2"])
def test_each_type_is_another_value(tmp_path: Path, other: str) -> None:
    """1 is not '1', and neither is x'31'."""
    assert of_values(tmp_path, "1", "5") != of_values(tmp_path, other, "5")


def test_order_does_not_count_and_numbers_do(tmp_path: Path) -> None:
    """Two equal rows are not one, nor none."""
    assert of_values(tmp_path, "1", "2") == of_values(tmp_path, "2", "1")
    assert len({of_values(tmp_path, *["1"] * count) for count in (1, 2, 3)}) == 3


def test_values_that_change_places(tmp_path: Path) -> None:
    """Two columns, two rows: the same values in other rows are another content."""
    text = "create table t (a, b); insert into t values {};"
    one = tables(tmp_path, text.format("(1, 2), (3, 4)"))["t"]
    other = tables(tmp_path, text.format("(1, 4), (3, 2)"))["t"]
    assert one.fingerprint != other.fingerprint


def test_text_that_is_no_utf_8(tmp_path: Path) -> None:
    """SQLite keeps any bytes as text: they are read, and tell rows apart."""
    one, other = (of_values(tmp_path, f"cast(x'{digits}' as text)") for digits in ("ff", "fe"))
    assert one != other


def test_the_encoding_does_not_count(tmp_path: Path) -> None:
    """The same text is the same content, whichever encoding the file has."""
    text = "pragma encoding = '{}'; create table t (v); insert into t values ('Ünï');"
    one, other = (tables(tmp_path, text.format(name))["t"].fingerprint for name in ("UTF-8", "UTF-16le"))
    assert one == other


def test_every_kind_of_table(tmp_path: Path) -> None:
    """WITHOUT ROWID, generated columns (left out), odd names, autoincrement; of FTS5 the tables below it."""
    found = tables(
        tmp_path,
        """
        create table "odd name" (id integer primary key autoincrement, "a b", g as ("a b" || 'x') stored, h as (1));
        insert into "odd name" ("a b") values ('x'), ('y');
        create table w (k text primary key, v) without rowid;
        insert into w values ('k', 1);
        create virtual table f using fts5(body);
        insert into f values ('hello');
        create view v as select * from w;
        """,
    )
    assert {"f", "v"}.isdisjoint(found)
    assert {"odd name", "w", "sqlite_sequence", "f_content"} <= found.keys()
    assert (found["odd name"].columns, found["odd name"].rows) == (("a b", "id"), 2)


def test_a_virtual_table_is_told(tmp_path: Path) -> None:
    """With -v one learns that it is proven by its own tables."""
    path, told = made(tmp_path, "create virtual table f using fts5(body);"), list[Event]()
    with contextlib.closing(connect_alone(path, read_only=True)) as connection:
        fingerprint.measure(connection, "counts", told.append)
    assert "f is a virtual table" in told[0].sentence()


def test_foreign_keys_that_lead_nowhere(tmp_path: Path) -> None:
    """They are counted for each pair of tables, and are no damage."""
    path = made(
        tmp_path,
        """
        create table parent (id integer primary key);
        create table child (parent references parent);
        insert into child values (7), (8), (null);
        """,
    )
    with contextlib.closing(connect_alone(path, read_only=True)) as connection:
        checked = checking.check(connection)
    assert checked.damage == ()
    assert [note.partition(" (")[0] for note in checked.notes] == [
        "2 rows of child refer to rows of parent that are not there"
    ]


@pytest.mark.parametrize(
    ("table", "lacking"),
    [
        ("a collate german", "no such collation sequence: german"),
        ("a, g as (shout(a)), s as (shout(a)) stored, check (shout(a) <> '')", "unknown function: shout()"),
    ],
)
def test_what_only_the_application_has(tmp_path: Path, table: str, lacking: str) -> None:
    """An index with its collation or its function: the rest is checked, and it is said what was not."""
    path = tmp_path / "a.db"
    with contextlib.closing(connect_alone(path, read_only=False)) as connection:
        connection.create_collation("german", lambda one, other: (one > other) - (one < other))
        connection.create_function("shout", 1, lambda text: f"{text}!", deterministic=True)
        indexed = "a" if "german" in table else "shout(a)"
        connection.executescript(
            f"pragma trusted_schema = on; create table t ({table}); insert into t values ('x'); create index i on t ({indexed});"
        )
    with contextlib.closing(connect_alone(path, read_only=True)) as connection:
        checked = checking.check(connection)
        contents = fingerprint.measure(connection, "full", ignore)
    assert checked.damage == ()
    assert lacking in checked.notes[0]
    assert (contents.rows, contents.tables[0].columns) == (1, ("a",))


def test_a_page_that_was_overwritten(tmp_path: Path) -> None:
    """Damage is told, not raised."""
    path = made(
        tmp_path,
        "create table t (a); insert into t select value from json_each('[' || rtrim(replace(hex(zeroblob(5000)), '0', '1,'), ',') || ']');",
    )
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 3 + 512] = b"\xff" * 512
    path.write_bytes(bytes(content))
    with contextlib.closing(connect_alone(path, read_only=True)) as connection:
        assert checking.check(connection).damage
