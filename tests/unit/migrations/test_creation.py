"""New migration files: each in the spelling of the folder, read back as what they are, and never over another."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from dbops.config.model import Setting
from dbops.errors import DbopsError, UsageError
from dbops.migrations.creation import create
from dbops.migrations.detection import AUTO
from dbops.migrations.discovery import discover
from dbops.migrations.formats import NAMES
from dbops.migrations.texts import read

DATA = Path(__file__).resolve().parents[2] / "data" / "formats"


def holding(path: Path, *names: str, text: str = "SELECT 1;\n") -> Setting[Path]:
    """A folder with files of these names."""
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return Setting(path)


def made(folder: Setting[Path], *arguments: str | None, name: str = "add_x", to: str = "auto") -> list[str]:
    """The files that `new` writes, relative to the folder."""
    version = arguments[0] if arguments else None
    paths = create(folder, version, name, Setting(to) if to != "auto" else AUTO)
    return [str(path.relative_to(folder.value)) for path in paths]


@pytest.mark.parametrize(
    ("there", "written_as", "new"),
    [
        (("001-a-b.sql",), "auto", ["002-add-x.sql"]),
        (("001_a-b.sql",), "auto", ["002_add-x.sql"]),
        (("001-a_b.sql",), "auto", ["002-add_x.sql"]),
        (("01-a.up.sql", "01-a.down.sql"), "auto", ["02-add-x.up.sql", "02-add-x.down.sql"]),
        (("1.0.9_a.up.sql",), "auto", ["1.0.10_add_x.up.sql", "1.0.10_add_x.down.sql"]),
        (("001_a.sql", "001_a.rollback.sql"), "auto", ["002_add_x.sql", "002_add_x.rollback.sql"]),
        (("001-a.sql", "001-a-rollback.sql"), "auto", ["002-add-x.sql", "002-add-x-rollback.sql"]),
        (("001_a.sql", "001_a_rollback.sql"), "auto", ["002_add_x.sql", "002_add_x_rollback.sql"]),
        (("v01-a.sql",), "auto", ["v02-add-x.sql"]),
        (("V1_a.up.sql", "V1_a.down.sql"), "auto", ["V2_add_x.up.sql", "V2_add_x.down.sql"]),
        (("V1__a.sql",), "auto", ["V2__add_x.sql"]),
        (("V1__a.sql", "U1__a.sql"), "auto", ["V2__add_x.sql", "U2__add_x.sql"]),
        (("V1_09__a.sql",), "auto", ["V1_10__add_x.sql"]),
        (("V1.9__a.sql",), "auto", ["V1.10__add_x.sql"]),
        (("R__a.sql", "V0007__b.sql"), "auto", ["V0008__add_x.sql"]),
        (("core/V1__a.sql", "later/V2__b.sql"), "auto", ["later/V3__add_x.sql"]),
        (("V0001__a_NONTRANSACTIONAL.sql",), "auto", ["V0002__add_x.sql"]),
        (("1_a.sql",), "sqlx", ["2_add_x.sql"]),
        (("1_a.up.sql",), "sqlx", ["2_add_x.up.sql", "2_add_x.down.sql"]),
        (("00000000000001_a/up.sql",), "auto", ["00000000000002_add_x/up.sql", "00000000000002_add_x/down.sql"]),
        (("1.0.9-a.py",), "auto", ["1.0.10-add-x.py"]),
        (("001_a.py",), "auto", ["002_add_x.py"]),
        (("2999-01-31T12-30-59-a.py",), "auto", ["2999-01-31T12-31-00-add-x.py"]),
        ((), "sql-migrate", ["001-add_x.sql"]),
        ((), "flyway", ["V001__add_x.sql", "U001__add_x.sql"]),
    ],
)  # fmt: skip
def test_new_files_are_spelled_as_the_folder_does(
    tmp_path: Path, there: tuple[str, ...], written_as: str, new: list[str]
) -> None:
    """Separator, width, letters, dots, which files there are, and in which folder."""
    assert made(holding(tmp_path / "m", *there), to=written_as) == new


@pytest.mark.parametrize("name", [name for name in NAMES if name != "graphile-migrate"])
def test_what_is_written_beside_a_project_is_read_as_the_next_of_its_format(
    tmp_path: Path, name: str
) -> None:
    """Beside the three migrations of each format's project: in that format, the newest, with its description."""
    shutil.copytree(DATA / name / "project" / "migrations", tmp_path / "m")
    folder = Setting(tmp_path / "m")
    before = discover(folder)
    create(folder, None, "add order notes")
    found = discover(folder)
    assert len(found.files) == 4
    assert found.newest == found.files[-1]
    assert found.newest.name.replace("-", "_") == "add_order_notes"
    assert found.newest.format in {name, before.newest.format}
    assert len(found.newest.version.text) == len(before.newest.version.text)
    migration = read(found.newest)
    assert migration.down is None  # nothing is written into it yet
    assert migration.description == "Add order notes"


def test_folders_have_what_the_newest_has(tmp_path: Path) -> None:
    """A time as Diesel writes it, with four more digits where those are, and metadata.toml beside the files."""
    folder = holding(
        tmp_path / "m", "2024-01-31-120000-0000_a/up.sql", "2024-01-31-120000-0000_a/metadata.toml"
    )
    (tmp_path / "m" / "2024-01-31-120000-0000_a" / "metadata.toml").write_text("run_in_transaction = false\n")
    up, down, metadata = made(folder)
    assert (up.rpartition("/")[2], down.rpartition("/")[2]) == ("up.sql", "down.sql")
    assert [len(part) for part in up.partition("_")[0].split("-")] == [4, 2, 2, 6, 4]
    assert (tmp_path / "m" / metadata).read_text() == "run_in_transaction = true\n"
    assert read(discover(folder).newest).up_settings.no_transaction is False


def test_yoyo_depends_on_the_newest(tmp_path: Path) -> None:
    """The day, a number within it and five letters; in a folder of numbers the next number."""
    numbered = holding(tmp_path / "n", "0001.a.sql", text="-- depends:\nSELECT 1;\n")
    assert made(numbered) == ["0002.add_x.sql", "0002.add_x.rollback.sql"]
    assert "-- depends: 0001.a\n" in (tmp_path / "n" / "0002.add_x.sql").read_text()
    ahead = holding(tmp_path / "d", "29991231_07_aB3dE-a-b.sql")
    up, _ = made(ahead)
    assert up.startswith("29991231_08_")
    assert up.endswith("-add-x.sql")
    assert "-- depends: 29991231_07_aB3dE-a-b\n" in (tmp_path / "d" / up).read_text()
    assert [file.name for file in discover(ahead).files] == ["a-b", "add-x"]


def test_new_files_in_an_empty_place(tmp_path: Path) -> None:
    """Folder and files are made; what they hold parses, without a down section."""
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


def test_a_numbered_folder_changes_over_to_timestamps(tmp_path: Path) -> None:
    """The present time, and from then on without being asked; not together with a version, and not for tern."""
    folder = holding(tmp_path / "m", "007_a.sql")
    (changed,) = create(folder, None, "b", timestamp=True)
    (after,) = create(folder, None, "c")
    assert [len(path.name.partition("_")[0]) for path in (changed, after)] == [14, 14]
    assert changed.name < after.name
    with pytest.raises(UsageError, match="--timestamp makes the version itself"):
        create(folder, "9", "b", timestamp=True)
    tern = holding(tmp_path / "t", "001_a.sql", "tern.conf")
    with pytest.raises(UsageError, match="tern takes no timestamps"):
        create(tern, None, "b", timestamp=True)


def test_committed_migrations_are_made_by_graphile_migrate(tmp_path: Path) -> None:
    """Refused with the way to one; nothing is written."""
    with pytest.raises(UsageError, match="made by its own commit") as caught:
        create(Setting(tmp_path), None, "x", Setting("graphile-migrate"))
    assert "current.sql" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_would_not_come_last(tmp_path: Path) -> None:
    """Of a tool that sorts by text: refused instead of written."""
    folder = holding(tmp_path / "m", "9_a.sql", text="-- migrate:up\n-- migrate:down\n")
    with pytest.raises(UsageError, match=r"10_x\.sql would come before 9_a\.sql for dbmate"):
        create(folder, None, "x")


def test_nothing_is_overwritten_and_no_half_is_left(tmp_path: Path) -> None:
    """A down file that is there already without its up file's number: the up file is taken away again."""
    folder = holding(tmp_path / "m", "1_a/up.sql")
    (tmp_path / "m" / "2_x").mkdir()
    (tmp_path / "m" / "2_x" / "down.sql").mkdir()
    with pytest.raises(DbopsError, match=r"down\.sql is there already"):
        create(folder, None, "x")
    assert not (tmp_path / "m" / "2_x" / "up.sql").exists()


def test_two_at_once_get_numbers_of_their_own(tmp_path: Path) -> None:
    """Eight threads: eight versions."""
    folder = holding(tmp_path / "m", "001_a.sql")
    threads = [threading.Thread(target=create, args=(folder, None, f"t{number}")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [file.version.text for file in discover(folder).files] == [f"{n:03d}" for n in range(1, 10)]


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", ".hidden", "a\\b", "a\0b", "x" * 201])
def test_names_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    """Refused, and nothing is made."""
    with pytest.raises(UsageError, match="not fit for a file name"):
        create(Setting(tmp_path), None, name)
    assert list(tmp_path.iterdir()) == []
