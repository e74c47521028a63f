"""Another number: which of two, under which names, and what git knows of who came first."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from dbops.config.model import Setting
from dbops.errors import DbopsError, Refused, UsageError
from dbops.migrations import renaming, renumbering
from dbops.migrations.authorship import by_age
from dbops.migrations.detection import AUTO
from dbops.migrations.discovery import discover, look
from dbops.migrations.renumbering import Numbered, spelled


def holding(path: Path, *names: str, text: str = "SELECT 1;\n") -> Setting[Path]:
    """A folder with files of these names."""
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return Setting(path)


def by_name(same: Sequence[Numbered]) -> Sequence[Numbered]:
    """As if they had come in the order of their names."""
    return sorted(same, key=lambda one: one.file_name)


def renamed(
    folder: Setting[Path], wanted: str | None = None, to: str | None = None, *, written_as: str = "auto"
) -> dict[str, str]:
    """Plan and rename; old name to new name."""
    found = look(folder, AUTO if written_as == "auto" else Setting(written_as))
    made = renumbering.plan(found, wanted, to, by_name)
    for one in made:
        renaming.rename(one)
    return dict(move for one in made for move in one.moves)


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("007_a.sql", "007", "008", "008_a.sql"),
        ("7_07_7.sql", "7", "8", "8_07_7.sql"),
        ("V1_2__a.sql", "1.2", "1.3", "V1_3__a.sql"),
        ("sub/V1.2__a1.2.sql", "1.2", "1.3", "sub/V1.3__a1.2.sql"),
        ("2024-01-31-120000_a", "20240131120000", "20240131120001", "2024-01-31-120001_a"),
        ("2024-01-31_a", "20240131", "20240201120000", "20240201120000_a"),
        ("2025-01-31T12-30-00-1.0.3-a.py", "1.0.3", "1.0.4", "2025-01-31T12-30-00-1.0.4-a.py"),
        ("V0001__a.sql", "0001", "0002", "V0002__a.sql"),
        ("a.sql", "1", "2", None),
    ],
)
def test_a_name_with_another_version(name: str, old: str, new: str, expected: str | None) -> None:
    """Only the version changes, and it is spelled as before."""
    assert spelled(name, old, new) == expected


@pytest.mark.parametrize(
    ("there", "moves"),
    [
        (
            ("007_a.up.sql", "007_a.down.sql", "007_b.up.sql", "007_b.down.sql", "007_b.verify.sql"),
            {"007_b.up.sql": "008_b.up.sql", "007_b.down.sql": "008_b.down.sql", "007_b.verify.sql": "008_b.verify.sql"},
        ),
        (("007-a.sql", "7-b.sql", "9-c.sql"), {"7-b.sql": "10-b.sql"}),
        (
            ("1_a.sql", "1_b.sql", "1_c.sql", "2_d.sql", "2_e.sql"),
            {"1_b.sql": "3_b.sql", "1_c.sql": "4_c.sql", "2_e.sql": "5_e.sql"},
        ),
        (
            ("1_a.sql", "1_b.sql", "1_b_rollback.sql"), {"1_b.sql": "2_b.sql", "1_b_rollback.sql": "2_b_rollback.sql"}
        ),
        (
            ("V1_1__a.sql", "U1_1__a.sql", "V1_1__b.sql", "U1_1__b.sql", "V1_1__b.sql.conf"),
            {"V1_1__b.sql": "V1_2__b.sql", "U1_1__b.sql": "U1_2__b.sql", "V1_1__b.sql.conf": "V1_2__b.sql.conf"},
        ),
        (
            ("00000000000001_a/up.sql", "00000000000001_b/up.sql", "00000000000001_b/down.sql"),
            {"00000000000001_b": "00000000000002_b"},
        ),
        (("1_a.sql", "2_b.sql"), {}),
    ],
)  # fmt: skip
def test_the_later_one_gets_the_next_free_number(
    tmp_path: Path, there: tuple[str, ...], moves: dict[str, str]
) -> None:
    """With all files that belong to it; afterwards the folder can be read, and nothing of the others has changed."""
    folder = holding(tmp_path / "m", *there)
    kept = {name for name in there if name not in moves and name.partition("/")[0] not in moves}
    assert renamed(folder) == moves
    assert all((tmp_path / "m" / name).exists() for name in kept)
    discover(folder)


def test_the_header_that_new_wrote_says_the_new_number(tmp_path: Path) -> None:
    """The line of the migration's own name, and nothing else; not where the checksum is over all bytes."""
    text = "-- Author: x\r\n-- Migration: 007_b\r\n\r\nSELECT 1; -- Migration: 007_b\r\n"
    folder = holding(tmp_path / "m", "007_a.sql", "007_b.sql")
    (tmp_path / "m" / "007_b.sql").write_bytes(text.encode())
    assert renamed(folder) == {"007_b.sql": "008_b.sql"}
    assert (tmp_path / "m" / "008_b.sql").read_bytes() == text.replace("007_b", "008_b", 1).encode()
    unknown = "-- Migration: 009_c\nNOT SQL;\n"
    (tmp_path / "m" / "009_c.sql").write_text(unknown)
    assert renamed(folder, "9", "020") == {"009_c.sql": "020_c.sql"}
    assert (tmp_path / "m" / "020_c.sql").read_text() == unknown


def test_one_that_is_asked_for(tmp_path: Path) -> None:
    """By its version, its file, or a file that belongs to it; to a number of one's own."""
    folder = holding(tmp_path / "m", "1_a.sql", "2_b.sql", "3_c.up.sql", "3_c.down.sql")
    assert renamed(folder, "2", "7") == {"2_b.sql": "7_b.sql"}
    assert renamed(folder, "7_b.sql") == {"7_b.sql": "8_b.sql"}
    assert renamed(folder, str(tmp_path / "m" / "1_a.sql"), "0") == {"1_a.sql": "0_a.sql"}
    assert renamed(folder, "3_c.down.sql") == {"3_c.up.sql": "9_c.up.sql", "3_c.down.sql": "9_c.down.sql"}


def test_what_is_not_renumbered(tmp_path: Path) -> None:
    """An unknown version, a number that is taken, --to for several, files that others name, a down of either."""
    folder = holding(tmp_path / "m", "1_a.sql", "1_b.sql", "2_c.sql", "2_d.sql")
    for wanted, to, message in (
        ("9", None, "no migration and no file 9"),
        ("1_b.sql", "2", "version 2 is taken by .*2_c.sql"),
        (None, "7", "--to is for one migration, and 2"),
    ):
        with pytest.raises(UsageError, match=message):
            renamed(folder, wanted, to)
    with pytest.raises(UsageError, match="neither git nor the database") as caught:
        renumbering.plan(look(folder), "1", None, lambda same: None)
    assert caught.value.hint == f"name the one to rename: bin/migrate renumber {tmp_path}/m/1_b.sql"
    yoyo = holding(tmp_path / "y", "1-a.sql", "1-b.sql", text="-- depends:\n")
    with pytest.raises(Refused, match="other files depend on it"):
        renamed(yoyo)
    flyway = holding(tmp_path / "f", "V1__a.sql", "V1__b.sql", "U1__undo.sql")
    with pytest.raises(Refused, match=r"U1__undo\.sql could undo V1__a\.sql or V1__b\.sql"):
        renamed(flyway)


def test_nothing_is_overwritten_and_no_half_is_renamed(tmp_path: Path) -> None:
    """A name that is taken by what is no migration: refused, and what was renamed has its old name again."""
    folder = holding(tmp_path / "m", "1_a.sql", "1_b.up.sql", "1_b.down.sql")
    (tmp_path / "m" / "2_b.down.sql").mkdir()
    with pytest.raises(DbopsError, match=r"2_b\.down\.sql is there already"):
        renamed(folder)
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        "1_a.sql", "1_b.down.sql", "1_b.up.sql", "2_b.down.sql"
    ]  # fmt: skip


class Repository:
    """A git repository with commits whose dates are those that it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, day: int = 1) -> None:
        """Run git as somebody, on a day of a month."""
        date = f"2026-01-{day:02d} 12:00:00 +0000"
        environ = {
            "PATH": os.environ["PATH"],
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_DATE": date,
            "HOME": "/nowhere",
        }
        who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        subprocess.run(["git", *who, *words], cwd=self.folder, env=environ, check=True, capture_output=True)

    def commit(self, *names: str, day: int = 1) -> None:
        """Commit files, written with their names."""
        for name in names:
            (self.folder / name).write_text(name)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x", day=day)

    @property
    def age(self) -> list[str] | None:
        """Which of the two came first."""
        return by_age(self.folder, ["7_a.sql", "7_b.sql"])


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with one commit on main."""
    made = Repository(tmp_path / "project")
    made.commit("1_x.sql")
    return made


def test_git_tells_which_came_first_on_one_branch(repository: Repository) -> None:
    """The earlier commit; what is not committed came last; of two that are not, nobody knows."""
    repository.commit("7_b.sql", day=2)
    (repository.folder / "7_a.sql").write_text("")
    assert repository.age == ["7_b.sql", "7_a.sql"]
    repository.commit("7_a.sql", day=3)
    assert repository.age == ["7_b.sql", "7_a.sql"]
    (repository.folder / "8_a.sql").write_text("")
    (repository.folder / "8_b.sql").write_text("")
    assert by_age(repository.folder, ["8_a.sql", "8_b.sql"]) is None


def test_git_tells_which_came_first_of_two_branches(repository: Repository) -> None:
    """What main has came first, on main after the merge and on the branch before it, whoever wrote it earlier."""
    repository.git("checkout", "-q", "-b", "feature")
    repository.commit("7_b.sql", day=2)
    repository.git("checkout", "-q", "main")
    repository.commit("7_a.sql", day=5)
    repository.git("checkout", "-q", "feature")
    repository.git("merge", "-q", "--no-edit", "main", day=6)
    assert repository.age == ["7_a.sql", "7_b.sql"]
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "--no-ff", "--no-edit", "feature", day=7)
    assert repository.age == ["7_a.sql", "7_b.sql"]


def test_without_git(tmp_path: Path) -> None:
    """Nobody knows."""
    assert by_age(tmp_path, ["7_a.sql", "7_b.sql"]) is None
