"""From a folder to its migrations: what is taken, what is passed over and why, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dbops.config.model import Setting
from dbops.errors import ConfigError, DbopsError
from dbops.migrations.discovery import SCHEMA_FILE, SCHEMA_FILE_BEGINS, discover
from dbops.migrations.texts import read

FORMATS = Path(__file__).resolve().parents[2] / "data" / "formats"


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
    "project", sorted(FORMATS.glob("*/project/migrations")), ids=lambda path: path.parts[-3]
)
def test_the_schema_file_is_no_migration(project: Path, tmp_path: Path) -> None:
    """`migrate schema` writes it beside the migrations: in no format does it change what is found there."""
    copy = shutil.copytree(project, tmp_path / "migrations")
    before = discover(Setting(copy))
    (copy / SCHEMA_FILE).write_text(f"{SCHEMA_FILE_BEGINS}  ...\n\nCREATE TABLE public.a (id integer);\n")
    after = discover(Setting(copy))
    assert after.files == before.files
    assert after.read_as == before.read_as


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
