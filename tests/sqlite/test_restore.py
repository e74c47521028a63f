"""bin/restore of a SQLite database: who has the file open, what lies beside it, what it belongs to."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.sqlite.backing import CONFIRMED, Site, make
from tests.watching import until


@pytest.fixture
def site(project: Project, tmp_path: Path) -> Site:
    """With the backup `one` of the state `first`, in the state `second`."""
    made = make(project, tmp_path)
    made.ran("backup", "one")
    made.become("second")
    return made


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_somebody_has_it_open(site: Site, mode: str) -> None:
    """An idle application would go on writing into the displaced file: refused, its process is named; then it works."""
    with site.program(mode=mode) as program:
        outcome = site.run("restore", "one", *CONFIRMED, "--deadline", "1s")
        assert outcome.code == 11, outcome
        assert f"pid {program.pid}" in outcome.stderr
        assert site.what() == "second"
        assert site.query("pragma journal_mode") == [(mode,)]
    site.ran("restore", "one", *CONFIRMED)
    assert site.what() == "first"


def test_it_waits_for_them_to_close_it(site: Site) -> None:
    """Within the deadline it goes on as soon as they are gone."""
    with site.program(mode="wal"):
        running = site.project.popen("restore", "one", *CONFIRMED)
        assert running.stderr is not None
        while "waiting" not in (line := running.stderr.readline()):
            assert line
    running.communicate(timeout=30)
    assert running.returncode == 0
    assert site.what() == "first"


def test_a_wal_that_a_killed_program_left(site: Site) -> None:
    """What was only in the WAL goes with the displaced database, and never into the restored one."""
    wal = site.path.with_name("app.db-wal")
    with site.program(mode="wal", does="writes"):
        until(lambda: wal.stat().st_size > 100_000, "something in the WAL")
    assert wal.stat().st_size > 0
    before = site.query("select a, b from counter")
    site.ran("restore", "one", *CONFIRMED)
    assert site.what() == "first"
    assert site.query("select a, b from counter") == [(0, 0)]
    site.ran("restore", "undo", *CONFIRMED)
    assert site.query("select a, b from counter") == before
    assert site.query("pragma journal_mode") == [("wal",)]


def test_a_transaction_that_a_killed_program_left(site: Site) -> None:
    """Its journal is rolled back into the file that is displaced, and lies beside none of the two afterwards."""
    site.query("pragma journal_mode = delete")
    with site.program(mode="delete", does="is killed") as program:
        program.wait(timeout=20)
    assert site.path.with_name("app.db-journal").stat().st_size > 0
    site.ran("restore", "one", *CONFIRMED)
    assert site.what() == "first"
    site.ran("restore", "undo", *CONFIRMED)
    assert site.what() == "second"
    assert site.query("select count(*) from rows where noise = 'half'") == [(0,)]


@pytest.mark.parametrize("at", ["header", "middle"])
def test_a_damaged_database_is_replaced(site: Site, at: str) -> None:
    """What restore is for: the damaged file is displaced as it is, and can still be looked at."""
    site.query("pragma journal_mode = delete")
    damaged = bytearray(site.path.read_bytes())
    first = 0 if at == "header" else len(damaged) // 2 // 4096 * 4096
    damaged[first : first + 4096] = b"\xff" * 4096
    site.path.write_bytes(bytes(damaged))
    outcome = site.ran("restore", "one", *CONFIRMED)
    assert ("cannot be opened" in outcome.stderr) == (at == "header")
    assert site.what() == "first"
    (displaced,) = site.path.parent.glob("app.db.before_*[0-9]")
    assert displaced.read_bytes() == bytes(damaged)
    site.ran("restore", "discard", "--confirm", displaced.name)
    assert site.beside() <= {"app.db-wal", "app.db-shm"}


def test_no_database(site: Site) -> None:
    """Where there is none nobody is asked, and nothing is displaced."""
    site.path.unlink()
    for ending in ("-wal", "-shm"):
        site.path.with_name(f"app.db{ending}").unlink(missing_ok=True)
    assert "displaced" not in site.ran("restore", "one").stdout
    assert site.what() == "first"


def test_undo_without_a_live_database(site: Site) -> None:
    """There is nothing to change places with: said with the command that does it by hand."""
    site.ran("restore", "one", *CONFIRMED)
    site.path.unlink()
    outcome = site.run("restore", "undo", *CONFIRMED)
    assert outcome.code == 1, outcome
    assert "mv " in outcome.stderr
    assert len(site.ran("restore", "--json").json["displaced"]) == 1


def test_a_wal_without_its_database(site: Site) -> None:
    """SQLite would play it into the restored one: refused until it is put aside."""
    site.path.unlink()
    site.path.with_name("app.db-wal").write_bytes(b"x" * 5000)
    outcome = site.run("restore", "one")
    assert outcome.code == 13, outcome
    assert "mv " in outcome.stderr
    assert not site.path.exists()


def test_mode_and_group_are_carried_over(site: Site) -> None:
    """The restored file has what the live one had."""
    site.path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(site.path, 12345, 23456)
    before = site.path.stat()
    site.ran("restore", "one", *CONFIRMED)
    after = site.path.stat()
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_through_a_symbolic_link(site: Site, tmp_path: Path) -> None:
    """The link stays, and what it points to is replaced."""
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(site.path)
    site.ran("restore", "one", "--database-url", f"sqlite:///{link}", *CONFIRMED)
    assert link.is_symlink()
    assert site.what() == "first"
    assert len(list(link.parent.iterdir())) == 1


def test_a_file_from_elsewhere(site: Site, tmp_path: Path) -> None:
    """Any SQLite database, compressed or not, can take the place; one whose WAL lies beside it is not whole."""
    other = tmp_path / "other.db"
    site.query("create table state (what text)", other)
    site.query("insert into state values ('from elsewhere')", other)
    site.ran("restore", other, *CONFIRMED)
    assert site.what() == "from elsewhere"
    other.with_name("other.db-wal").write_bytes(b"x" * 100)
    assert site.run("restore", other, *CONFIRMED).code == 13
    text = tmp_path / "text.db"
    text.write_text("hello")
    assert site.run("restore", text, *CONFIRMED).code == 2
    assert site.what() == "from elsewhere"


def test_a_file_among_the_backups(site: Site) -> None:
    """A database that somebody put into the folder is listed as one without a manifest, and restored by its name."""
    other = site.project.folder / "backups" / "old.db"
    site.query("create table state (what text)", other)
    site.query("insert into state values ('old')", other)
    (row,) = [one for one in site.ran("backup", "list", "--json").json["backups"] if one["name"] == "old.db"]
    assert (row["state"], row["format"]) == ("no manifest", "file")
    site.ran("restore", "old.db", *CONFIRMED)
    assert site.what() == "old"


def test_a_backup_in_another_folder(site: Site, tmp_path: Path) -> None:
    """A copy of a backup's folder is that backup there, with its proof."""
    moved = tmp_path / "mnt" / "one"
    shutil.copytree(site.project.folder / "backups" / "one", moved)
    done = site.ran("restore", moved, *CONFIRMED, "--json").json
    assert done["proof"]
    assert site.what() == "first"


def test_a_migration_is_at_work(site: Site) -> None:
    """Whoever migrates is not disturbed: exit 11, and named."""
    from dbops.engines.sqlite.lock import MigrationLock
    from dbops.events import ignore

    lock = MigrationLock(site.path, "migrate up")
    lock.acquire(0, ignore)
    try:
        outcome = site.run("restore", "one", *CONFIRMED, "--deadline", "1s")
    finally:
        lock.release()
    assert outcome.code == 11, outcome
    assert "migrate up" in outcome.stderr
    assert site.what() == "second"


def test_a_mark_is_needed_to_discard(site: Site) -> None:
    """A file that has such a name and no mark is nobody's."""
    site.ran("restore", "one", *CONFIRMED)
    foreign = site.path.with_name("app.db.before_20200101_000000")
    foreign.write_bytes(site.path.read_bytes())
    rows = site.ran("restore", "--json").json["displaced"]
    assert len(rows) == 1
    assert site.run("restore", "discard", foreign.name, *CONFIRMED).code == 2
    site.ran("restore", "discard", "--confirm", rows[0]["name"])
    assert foreign.exists()


@pytest.mark.parametrize(
    "option",
    [["--table", "x"], ["--schema-only"], ["--in-place"], ["--no-owner"], ["--jobs", "4"], ["--trust-sql"]],
)
def test_what_it_cannot_do(site: Site, option: list[str]) -> None:
    """What only PostgreSQL has is refused with the reason, before anything is read."""
    outcome = site.run("restore", "one", *CONFIRMED, *option)
    assert outcome.code == 2, outcome
    assert "PostgreSQL" in outcome.stderr
    assert site.what() == "second"


def test_confirm_takes_the_files_name_too(site: Site) -> None:
    """`app` and `app.db` mean one database; another name does not."""
    assert site.run("restore", "one", "--confirm", "apq").code == 13
    site.ran("restore", "one", "--confirm", "app.db")
    assert site.what() == "first"
