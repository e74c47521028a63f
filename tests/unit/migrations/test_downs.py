"""Whether a file has a down section, told by its bytes: the same that reading it in full tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbops.config.model import Setting
from dbops.errors import DbopsError
from dbops.migrations.discovery import discover
from dbops.migrations.downs import has_down
from dbops.migrations.model import MigrationFile
from dbops.migrations.texts import read
from dbops.migrations.version import Version

DATA = Path(__file__).resolve().parents[2] / "data" / "formats"
CASES = sorted(path.parent for path in DATA.glob("*/*/migrations"))


def quickly(path: Path, text: str, format_name: str = "single") -> bool | None:
    """What is told of a file with this text."""
    path.write_text(text)
    return has_down(MigrationFile(Version.named("1"), "a", format_name, str(path.parent), path.name))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_it_tells_what_reading_tells(case: Path) -> None:
    """In every case of every format that can be read."""
    variables = case / "variables.txt"
    values = (
        dict(line.split("=", 1) for line in variables.read_text().splitlines()) if variables.exists() else {}
    )
    try:
        files = discover(Setting(case / "migrations"), variables=values).files
        known = [read(file).down is not None for file in files]
    except DbopsError:
        return  # its error is in its golden.txt
    told = [has_down(file) for file in files]
    assert told == [
        None if file.version.repeatable else down for file, down in zip(files, known, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1;\n-- DOWN Migration\n/*\n\n*/\n", False),
        ("SELECT 1;\n-- DOWN Migration\n-- To rollback, uncomment and run the following:\n/*\n\n*/\n", False),
        ("SELECT 1;\n-- ROLLBACK:\r\n-- DROP TABLE a;\r\n", True),
        ("SELECT 1;\n/* Down\nDROP TABLE a; */", True),
        ("SELECT 1;\n/* DOWN */\nDROP TABLE a;", True),
        ("/* UP */\nSELECT 1;\n/* ROLLBACK */\n/* DROP TABLE a; */", True),
        ("-- down here it is dark\nDROP TABLE a;", False),
        ("-- Description: slow down\nDROP TABLE a;", False),
        ("-- no rollback\nDROP TABLE a;", False),
        ("SELECT 1;\n-- rollback", False),
        ("", False),
    ],
)
def test_single_files(tmp_path: Path, text: str, expected: bool) -> None:
    """A heading with SQL behind it; a template's words and comments that only speak of it are none."""
    assert quickly(tmp_path / "1_a.sql", text) is expected


def test_other_formats(tmp_path: Path) -> None:
    """A required mark with nothing behind it is no down section; nothing is told of a file that cannot be read."""
    path = tmp_path / "1_a.sql"
    assert quickly(path, "-- migrate:up\nSELECT 1;\n-- migrate:down\n", "dbmate") is False
    assert quickly(path, "-- migrate:up\nSELECT 1;\n-- migrate:down\n-- why not\n", "dbmate") is False
    assert quickly(path, "-- migrate:up\nSELECT 1;\n-- migrate:down\nDROP TABLE a;", "dbmate") is True
    assert quickly(path, "def up(db):\n    pass\n", "python-modules") is False
    assert quickly(path, "def up(db):\n    pass\n\ndef down(db):\n    pass\n", "python-modules") is True
    path.unlink()
    path.mkdir()
    assert has_down(MigrationFile(Version.named("1"), "a", "single", str(tmp_path), path.name)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DROP TABLE a;", True),
        ("\ufeff/* undoes 1 */\r\n\r\n  -- a\r\n  DROP TABLE a;\r\n", True),
        ("", False),
        ("\ufeff-- Migration: 1_a\n/*\n nothing\n to undo\n*/\n", False),
    ],
)
def test_down_files(tmp_path: Path, text: str, expected: bool) -> None:
    """A file of its own without a statement is no down section, and reading it in full says the same."""
    (tmp_path / "1_a.up.sql").write_text("SELECT 1;")
    (tmp_path / "1_a.down.sql").write_text(text)
    (file,) = discover(Setting(tmp_path)).files
    assert has_down(file) is (read(file).down is not None) is expected
