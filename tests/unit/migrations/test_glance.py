"""One reading of each file tells `status` both what it asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbops.engines.records import Applied
from dbops.errors import DbopsError
from dbops.migrations import texts
from dbops.migrations.glance import Glance
from dbops.migrations.model import MigrationFile
from dbops.migrations.prepare import recorded_row
from dbops.migrations.version import Version

UP = "-- UP Migration\nCREATE TABLE t (id int);\n"
BOTH = f"{UP}-- DOWN Migration\n/*\nDROP TABLE t;\n*/\n"


def a_file(folder: Path, text: str) -> MigrationFile:
    (folder / "001_a.sql").write_text(text)
    return MigrationFile(Version.named("001"), "a", "single", str(folder), "001_a.sql")


@pytest.mark.parametrize(("text", "expected"), [(UP, False), (BOTH, True)])
def test_a_file_that_was_held_against_its_row_is_not_read_again(
    tmp_path: Path, text: str, expected: bool
) -> None:
    """Held against its row, then taken away: whether it has a down section is known all the same."""
    file, glance = a_file(tmp_path, text), Glance()
    assert not glance.has_drifted(file, recorded_row(file))
    file.path.unlink()
    assert glance.has_down(file) is expected


def test_what_the_file_says_now_counts_and_not_what_was_applied(tmp_path: Path) -> None:
    """Its down section was taken out, and its table renamed since: it has drifted, and has none."""
    row = recorded_row(a_file(tmp_path, BOTH))
    file, glance = a_file(tmp_path, UP.replace("TABLE t", "TABLE other")), Glance()
    assert glance.has_drifted(file, row)
    assert glance.has_down(file) is False


def test_a_pending_file_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    """Nobody has held it against a row."""
    assert Glance().has_down(a_file(tmp_path, BOTH)) is True


def test_a_row_without_a_checksum_asks_for_no_file(tmp_path: Path) -> None:
    """As another tool's history leaves them: the file may even be unreadable."""
    file = a_file(tmp_path, BOTH)
    file.path.unlink()
    assert not Glance().has_drifted(file, Applied("001", "011", "a"))


def test_a_down_file_of_its_own_is_what_counts(tmp_path: Path) -> None:
    """The up file is read for drift; its words say nothing of the other file, which holds a comment alone."""
    (tmp_path / "1_a.up.sql").write_text(BOTH.replace("-- DOWN Migration\n/*\nDROP TABLE t;\n*/\n", ""))
    (tmp_path / "1_a.down.sql").write_text("-- nothing\n")
    file = MigrationFile(Version.named("1"), "a", "pairs", str(tmp_path), "1_a.up.sql", "1_a.down.sql")
    glance = Glance()
    assert not glance.has_drifted(file, recorded_row(file))
    assert glance.has_down(file) is False


def test_a_byte_order_mark_does_not_move_the_place_of_a_wrong_byte(tmp_path: Path) -> None:
    """The byte that is not UTF-8 is counted in the file as it is, its mark among the bytes."""
    path = tmp_path / "1.sql"
    path.write_bytes(b"\xef\xbb\xbfSELECT 1;\nSELECT '\xff';\n")
    with pytest.raises(DbopsError, match=r"1\.sql:2:9: byte 22 \(0xff\)"):
        texts.read_text(path)
