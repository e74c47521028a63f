"""From a folder to its migrations: what is taken, what is passed over and why, what is refused; and new files."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbops.config.model import Setting
from dbops.errors import ConfigError, DbopsError, UsageError
from dbops.migrations.creation import create, next_version
from dbops.migrations.discovery import discover
from dbops.migrations.texts import read


def folder(path: Path, *names: str) -> Setting[Path]:
    """A folder with empty files of these names."""
    for name in names:
        (path / name).write_text("")
    return Setting(path, "option --migrations-dir")


def test_files_are_found_in_order_of_version(tmp_path: Path) -> None:
    """By number, not by name; a pair is one migration."""
    found = discover(folder(tmp_path, "10_c.sql", "9_b.up.sql", "9_b.down.sql", "001_a.sql"))
    assert [(file.version.text, file.name, file.format) for file in found.files] == [
        ("001", "a", "single"),
        ("9", "b", "pairs"),
        ("10", "c", "single"),
    ]
    assert found.files[1].down_path == tmp_path / "9_b.down.sql"
    assert found.files[0].down_path is None


def test_what_is_passed_over_has_its_reason(tmp_path: Path) -> None:
    """Folders, other kinds of files, names without version; hidden files are not worth a word."""
    (tmp_path / "002_folder.sql").mkdir()
    found = discover(
        folder(tmp_path, "001_a.sql", "README.md", "schema.sql", "001.up.sql", ".hidden.sql", "3_x.sql~")
    )
    assert found.passed_over == (
        ("001.up.sql", "its name is not a version, _ or -, and a name"),
        ("002_folder.sql", "a folder"),
        ("3_x.sql~", "not an .sql file"),
        ("README.md", "not an .sql file"),
        ("schema.sql", "its name does not begin with a version"),
    )


@pytest.mark.parametrize(
    "names",
    [
        ("001_a.sql", "1_b.sql"),
        ("001_a.sql", "001_b.up.sql"),
        ("1_a.down.sql", "01_b.down.sql", "1_a.up.sql"),
    ],
)
def test_two_files_with_one_version(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Also where they are written differently, or in two formats: both are named."""
    with pytest.raises(ConfigError, match="two files have version") as caught:
        discover(folder(tmp_path, *names))
    assert sum(name in caught.value.message for name in names) == 2


@pytest.mark.parametrize("names", [("1_a.down.sql",), ("1_a.down.sql", "1_a.sql")])
def test_a_down_file_without_its_up_file(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Refused with the file's name."""
    with pytest.raises(ConfigError, match=r"1_a\.down\.sql has no \.up\.sql beside it"):
        discover(folder(tmp_path, *names))


def test_folders_that_hold_nothing(tmp_path: Path) -> None:
    """Missing, a file, empty, or nothing but what is passed over: the place and its origin are told."""
    with pytest.raises(ConfigError, match=r"/nowhere does not exist \(option --migrations-dir\)"):
        discover(Setting(tmp_path / "nowhere", "option --migrations-dir"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be read: Not a directory"):
        discover(Setting(tmp_path / "file", "x"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match="holds no migration; it is empty"):
        discover(folder(empty))
    many = [f"{letter}.txt" for letter in "abcdefg"]
    with pytest.raises(ConfigError, match=r"a\.txt \(not an \.sql file\), .* and 2 more"):
        discover(folder(empty, *many))


def test_reading_a_file(tmp_path: Path) -> None:
    """A byte order mark is no part of the text, but of the raw checksum."""
    setting = folder(tmp_path, "1_a.sql", "2_b.sql")
    (tmp_path / "1_a.sql").write_bytes(b"\xef\xbb\xbfSELECT 1;")
    (tmp_path / "2_b.sql").write_bytes(b"SELECT 1;")
    with_mark, without = (read(file) for file in discover(setting).files)
    assert with_mark.up.sql == without.up.sql == "SELECT 1;"
    assert with_mark.raw_checksum != without.raw_checksum


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"SELECT 1;\n-- caf\xe9", r"1_a\.sql:2:7: byte 17 \(0xe9\) is not UTF-8"),
        ("SELECT 1;".encode("utf-16"), "is UTF-16, not UTF-8"),
        (b"SELECT 1;\nSEL\0ECT", r"1_a\.sql:2:4: a NUL byte"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, raw: bytes, message: str) -> None:
    """Refused with the place of the first bad byte."""
    setting = folder(tmp_path, "1_a.sql")
    (tmp_path / "1_a.sql").write_bytes(raw)
    with pytest.raises(DbopsError, match=message):
        read(discover(setting).files[0])


@pytest.mark.parametrize(
    ("last", "following"),
    [
        ("001_a.sql", "002"),
        ("009_a.sql", "010"),
        ("999_a.sql", "1000"),
        ("7_a.sql", "8"),
        ("1.0.9_a.sql", "1.0.10"),
        ("2.09_a.sql", "2.10"),
        ("20250105_a.sql", "20250106"),
        ("29991231235959_a.sql", "29991231235960"),
    ],
)
def test_the_next_version(tmp_path: Path, last: str, following: str) -> None:
    """The number after the highest, as wide; a timestamp never falls behind one that is there."""
    assert next_version(discover(folder(tmp_path, "0_first.sql", last))) == following


def test_the_next_version_of_timestamps_is_now(tmp_path: Path) -> None:
    """Fourteen digits that are a date: the time of making, in UTC."""
    following = next_version(discover(folder(tmp_path, "20250105120000_a.sql")))
    assert len(following) == 14
    assert following > "20260101000000"


def test_the_first_version() -> None:
    """Without a folder, or an empty one."""
    assert next_version(None) == "001"


def test_new_files(tmp_path: Path) -> None:
    """Folder and files are made; what they hold parses, without a down section; nothing is overwritten."""
    setting = Setting(tmp_path / "new" / "migrations")
    (single,) = create(setting, None, "add  LP tables")
    assert single.name == "001_add_LP_tables.sql"
    migration = read(discover(setting).files[0])
    assert migration.description == "Add LP tables"
    assert migration.down is None
    with pytest.raises(UsageError, match="version 1 is taken") as caught:
        create(setting, "1", "again")
    assert caught.value.hint == "the next one is 002"
    pair = create(setting, None, "b", Setting("pairs"))
    assert [path.name for path in pair] == ["002_b.up.sql", "002_b.down.sql"]


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", ".hidden", "a\\b", "a\0b", "x" * 201])
def test_names_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    """Refused, and nothing is made."""
    with pytest.raises(UsageError, match="not fit for a file name"):
        create(Setting(tmp_path), None, name)
    assert list(tmp_path.iterdir()) == []
