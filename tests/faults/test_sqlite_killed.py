"""Backups and restores of a SQLite database that die at any moment, or on a disk that takes no more."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dbops.backups import archive
from dbops.backups.entries import Backup
from dbops.backups.store import Store
from tests.conftest import Project
from tests.faults.conftest import SmallDisk
from tests.faults.moments import killed, moments
from tests.sqlite.backing import CONFIRMED, Site, make

_MANY = """
insert into rows with recursive n(i) as (select 5001 union all select i + 1 from n where i < 25000)
    select i, randomblob(200) from n
"""


@pytest.fixture
def site(project: Project, tmp_path: Path) -> Site:
    """A database of 6 MB in the state `first`."""
    made = make(project, tmp_path)
    made.query(_MANY)
    return made


@pytest.fixture
def backed(site: Site) -> Site:
    """With its backup `one`; in the state `second`."""
    site.ran("backup", "one")
    site.become("second")
    return site


def _sound(site: Site) -> list[str]:
    """The names of the backups, after each file of each was read whole; there may be nothing else."""
    backups = site.project.folder / "backups"
    if not backups.exists():
        return []
    entries = Store(backups).entries()
    assert {type(entry) for entry in entries} <= {Backup}, entries
    found = [entry for entry in entries if isinstance(entry, Backup)]
    for backup in found:
        archive.check(backup.path, backup.manifest.archive, threads=2)
    return [backup.name for backup in found]


def test_backups_at_random_moments(site: Site) -> None:
    """After each kill there is no such name or a whole backup, live goes on; the next run leaves nothing of the dead."""
    chosen = moments(lambda: site.project.popen("backup", "whole", "-v"), 6)
    kills = 0
    for number, moment in enumerate(chosen):
        was_killed = killed(site.project.popen("backup", f"try_{number}", "-v"), moment)
        kills += was_killed
        assert was_killed or f"try_{number}" in _sound(site)
        assert site.what() == "first"
    assert kills > len(chosen) / 4
    site.ran("backup", "last")
    assert "last" in _sound(site)
    backups = site.project.folder / "backups"
    assert [path.name for path in backups.iterdir() if path.name.startswith(".partial")] == []


def test_restores_at_random_moments(backed: Site) -> None:
    """After each kill live is the one or the other, whole; every displaced one that is listed is whole; then it works."""
    argv = ("restore", "one", *CONFIRMED)
    chosen = moments(lambda: backed.project.popen(*argv), 8)
    assert backed.what() == "first"
    backed.become("second")
    kills = 0
    for moment in chosen:
        kills += killed(backed.project.popen(*argv), moment)
        what = backed.what()
        assert what in ("first", "second")
        _displaced_are_whole(backed)
        backed.become("second")
    assert kills > len(chosen) / 4
    backed.ran(*argv)
    assert backed.what() == "first"
    assert not backed.path.with_name(".app.db.restoring").exists()
    names = _displaced_are_whole(backed)
    backed.ran("restore", "discard", "--confirm", ",".join(names))
    assert backed.beside() <= {"app.db-wal", "app.db-shm"}


def _displaced_are_whole(site: Site) -> list[str]:
    rows = site.ran("restore", "--json").json["displaced"]
    for row in rows:
        path = site.path.with_name(Path(row["name"]).name)
        assert path.stat().st_ino != site.path.stat().st_ino
        assert site.query("pragma integrity_check", path) == [("ok",)]
    return [Path(row["name"]).name for row in rows]


_STOP = """
import os, signal, sys
from dbops.restore import sqlite_swap
point, real = sys.argv.pop(1), {}
def stop_before(name):
    real[name] = getattr(os, name)
    def stopped(*given, **keywords):
        if str(given[0]).endswith((".restoring", "app.db")) or "before_" in str(given[0]):
            os.kill(os.getpid(), signal.SIGKILL)
        return real[name](*given, **keywords)
    setattr(os, name, stopped)
def stop_after(name):
    real[name] = getattr(os, name)
    def stopped(*given, **keywords):
        found = real[name](*given, **keywords)
        if str(given[0]).endswith((".restoring", "app.db")) or "before_" in str(given[0]):
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(os, name, stopped)
when, _, name = point.partition(" ")
(stop_before if when == "before" else stop_after)(name)
from dbops.__main__ import main
sys.argv[0] = "dbops"
sys.exit(main())
"""


@pytest.mark.parametrize("point", ["before link", "after link", "before rename", "after rename"])
@pytest.mark.parametrize("verb", ["one", "undo"])
def test_inside_the_swap(backed: Site, point: str, verb: str) -> None:
    """Killed between its two steps: the live name has a whole database, the other is kept, and the next run is clean."""
    if verb == "undo":
        backed.ran("restore", "one", *CONFIRMED)
    before = backed.what()
    after = {"first": "second", "second": "first"}[before]
    ended = _run_by(_STOP, backed, point, "restore", verb, *CONFIRMED)
    assert ended.returncode == -signal.SIGKILL, ended
    assert backed.what() == (after if point == "after rename" else before)
    _displaced_are_whole(backed)
    backed.become(before)
    backed.ran("restore", "one", *CONFIRMED)
    assert backed.what() == "first"
    names = _displaced_are_whole(backed)
    backed.ran("restore", "discard", "--confirm", ",".join(names))
    assert backed.beside() <= {"app.db-wal", "app.db-shm"}


_WITHOUT_LINKS = """
import errno, os, sys
def link(*given, **keywords):
    raise PermissionError(errno.EPERM, "Operation not permitted")
os.link = link
from dbops.__main__ import main
sys.argv[0] = "dbops"
sys.exit(main())
"""


def test_a_file_system_without_hard_links(backed: Site) -> None:
    """The name would be without a database for a moment: refused, and everything is as it was."""
    ended = _run_by(_WITHOUT_LINKS, backed, "restore", "one", *CONFIRMED)
    assert ended.returncode == 13, ended
    assert "hard links" in ended.stderr
    assert backed.what() == "second"
    assert backed.query("pragma journal_mode") == [("wal",)]
    assert backed.beside() <= {"app.db-wal", "app.db-shm"}


def _run_by(code: str, site: Site, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *argv], cwd=site.project.folder, env=site.project.environ,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(backed: Site, sign: signal.Signals) -> None:
    """Exit 130, live untouched, nothing left: of a restore that waits for an application, and of a backup."""
    with backed.program():
        running = backed.project.popen("restore", "one", *CONFIRMED)
        assert running.stderr is not None
        while "waiting" not in (line := running.stderr.readline()):
            assert line
        running.send_signal(sign)
        running.communicate(timeout=30)
    assert running.returncode == 130
    assert backed.what() == "second"
    assert backed.beside() <= {"app.db-wal", "app.db-shm"}
    running = backed.project.popen("backup", "two")
    assert running.stderr is not None
    running.stderr.readline()
    running.send_signal(sign)
    running.communicate(timeout=30)
    # It may have just been through, before the signal or before it could say so.
    assert running.returncode in (130, 0)
    assert _sound(backed) in ([["one", "two"]] if running.returncode == 0 else [["one"], ["one", "two"]])
    assert not [name for name in os.listdir(backed.project.folder / "backups") if name.startswith(".partial")]


@pytest.mark.parametrize(("size", "code"), [(4_000_000, 13), (8_500_000, 1), (10_000_000, 1)])
def test_full_while_backing_up(site: Site, small_disk: SmallDisk, size: int, code: int) -> None:
    """No room for the copy is refused; none for the archive beside it is told; nothing is left, live goes on."""
    folder = small_disk(size)
    outcome = site.run("backup", "one", "--backups-dir", folder)
    assert outcome.code == code, outcome
    assert ("No space left" if code == 1 else " free") in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert [name for name in os.listdir(folder) if name != ".lock"] == []
    assert site.what() == "first"


def test_full_while_restoring(backed: Site, small_disk: SmallDisk) -> None:
    """There is no room beside the live database: refused before anything is made."""
    folder = small_disk(9_000_000)
    live = folder / "app.db"
    backed.ran("restore", "one", "--to", live)
    outcome = backed.run("restore", "one", "--to", live, *CONFIRMED)
    assert outcome.code == 13, outcome
    assert "free" in outcome.stderr
    assert [name for name in os.listdir(folder) if "dbops-lock" not in name] == ["app.db"]
    assert backed.query("select what from state", live) == [("first",)]


def test_not_even_room_for_the_lock(backed: Site, small_disk: SmallDisk) -> None:
    """A disk on which not a byte is free: the cause is told, and live is as it was."""
    folder = small_disk(9_000_000)
    live = folder / "app.db"
    backed.ran("restore", "one", "--to", live)
    with open(folder / "fill", "wb", buffering=0) as fill, contextlib.suppress(OSError):
        while True:
            fill.write(bytes(4096))
    outcome = backed.run("restore", "one", "--to", live, *CONFIRMED)
    assert outcome.code == 1, outcome
    assert "cannot write the lock file" in outcome.stderr
    assert "No space left" in outcome.stderr
    assert [name for name in os.listdir(folder) if "dbops-lock" in name] == []
    (folder / "fill").unlink()
    assert backed.query("select what from state", live) == [("first",)]


def test_full_when_a_restore_is_recorded(backed: Site, small_disk: SmallDisk) -> None:
    """There is room for the database, and none for the journal of the last entry in its event log."""
    folder = small_disk(20_000_000)
    live = folder / "app.db"
    backed.ran("restore", "one", "--to", live)
    size = live.stat().st_size
    found = os.statvfs(folder)
    (folder / "fill").write_bytes(bytes(found.f_bavail * found.f_frsize - size - 2 * 4096))
    outcome = backed.run("restore", "one", "--to", live, *CONFIRMED)
    assert outcome.code == 1, outcome
    assert f"error: {live.with_name('.app.db.restoring')}" in outcome.stderr
    assert ".app.db.restoring" not in os.listdir(folder)
    (folder / "fill").unlink()
    assert backed.query("select what from state", live) == [("first",)]


def test_flipped_bits(backed: Site) -> None:
    """Wherever one is in the archive, verify finds it, and restore changes nothing."""
    path = backed.project.folder / "backups" / "one" / "archive.db.zst"
    whole = path.read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 4
        path.write_bytes(bytes(changed))
        assert backed.run("backup", "verify", "one").code == 3
        assert backed.run("restore", "one", *CONFIRMED).code == 3
        assert backed.what() == "second"
    path.write_bytes(whole[:-100])
    assert backed.run("restore", "one", *CONFIRMED).code == 3
    path.write_bytes(whole)
    backed.ran("restore", "one", *CONFIRMED)
    assert backed.what() == "first"
