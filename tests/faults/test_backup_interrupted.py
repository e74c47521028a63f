"""Backups that are interrupted or killed, and disks that take nothing more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.conftest import Outcome, Project
from tests.faults.conftest import SmallDisk
from tests.postgres.backing import Connect, assert_restores, fill, leftovers, made
from tests.postgres.test_backup_company import DUMPING, LARGE, children, no_session_is_left
from tests.servers import Database
from tests.watching import Watch, alive, until

pytestmark = pytest.mark.one_major


def begun(project: Project, watch: Watch, *words: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A backup whose pg_dump is at work, and the processes below it."""
    backup = project.popen("backup", *words)
    watch.until(DUMPING)
    return backup, [pid for pid, _ in children(backup.pid)]


@pytest.mark.parametrize("form", ["directory", "custom", "plain"])
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt(
    configured: Project, database: Database, connect: Connect, watch: Watch, form: str, sign: signal.Signals
) -> None:
    """Ctrl-C or SIGTERM in the middle: exit 130, nothing is left, no program and no session runs on."""
    fill(database, connect, LARGE)
    backup, below = begun(configured, watch, "b", "--format", form)
    backup.send_signal(sign)
    _, stderr = backup.communicate(timeout=60)
    assert backup.returncode == 130, stderr
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    assert leftovers(configured) == []
    assert not [pid for pid in below if alive(pid)]
    no_session_is_left(watch)


def test_an_interrupt_while_the_proof_is_taken(
    configured: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """Ctrl-C while the proof reads a table: it is not waited for, and its session ends."""
    fill(database, connect, LARGE.replace("400000", "1000000"))
    backup = configured.popen("backup", "b", "--jobs", "1")
    watch.until(
        "select true from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        " and query like '%%hash_record%%'"
    )
    backup.send_signal(signal.SIGINT)
    _, stderr = backup.communicate(timeout=60)
    assert backup.returncode == 130, stderr
    assert leftovers(configured) == []
    no_session_is_left(watch)


def test_a_kill_is_swept_by_the_next(
    configured: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """kill -9 in the middle leaves a folder that is no backup; the next run removes it, and says so."""
    fill(database, connect, LARGE)
    backup, below = begun(configured, watch, "b", "--jobs", "1")
    backup.kill()
    backup.communicate()
    assert [name.startswith(".partial-b-") for name in leftovers(configured)] == [True]
    listed = configured.run("backup", "list", "--json")
    assert listed.json["backups"] == []
    outcome = configured.run("backup", "b")
    assert outcome.code == 0, outcome
    assert "removed what an interrupted backup left: b" in outcome.stderr
    assert leftovers(configured) == ["b"]
    assert_restores(made(configured, "b"), database)
    until(lambda: not [pid for pid in below if alive(pid)], "the end of pg_dump")


def test_one_that_is_being_made_is_not_swept(
    configured: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """Another backup at the same time leaves the first one's folder alone; both are whole."""
    fill(database, connect, LARGE)
    first, _ = begun(configured, watch, "first", "--jobs", "1")
    second = configured.run("backup", "second", "--proof", "none")
    _, stderr = first.communicate(timeout=60)
    assert first.returncode == 0, stderr
    assert second.code == 0, second
    assert leftovers(configured) == ["first", "second"]
    assert_restores(made(configured, "first"), database)


def limited(project: Project, limit: str, *words: str) -> Outcome:
    """Run a backup under a limit of the shell's `ulimit`."""
    ended = subprocess.run(
        ["/bin/sh", "-c", f'ulimit {limit}; exec "$@"', "sh", sys.executable, "-I", "-m", "dbops", "backup", *words],
        cwd=project.folder, env=project.environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize("form", ["directory", "custom", "plain"])
def test_a_file_cannot_grow(configured: Project, database: Database, connect: Connect, form: str) -> None:
    """Files may not be larger than 1 MB: an error, and nothing is left."""
    fill(database, connect, LARGE)
    outcome = limited(
        configured, "-f 2000", "b", "--format", form, "--compress", "zstd" if form != "plain" else "none"
    )
    assert outcome.code in (1, 12), outcome
    assert "Traceback" not in outcome.stderr
    assert leftovers(configured) == []


def test_no_room_for_the_manifest(
    configured: Project, database: Database, connect: Connect, small_disk: SmallDisk
) -> None:
    """The archive fits and the manifest does not: exit 1 with df -h, nothing is left."""
    fill(database, connect, "".join(f"create table a_table_{i} (x text);" for i in range(80)))
    disk = small_disk(6 << 20)
    folder = disk / "backups"
    words = ("--format", "custom", "--backups-dir", folder)
    assert configured.run("backup", "first", *words).code == 0
    free = os.statvfs(disk)
    with open(disk / "ballast", "wb") as ballast:  # four blocks are left
        ballast.write(b"x" * ((free.f_bavail - 4) * free.f_frsize))
    outcome = configured.run("backup", "second", *words)
    assert outcome.code == 1, outcome
    assert "manifest.json: No space left" in outcome.stderr
    assert "df -h" in outcome.stderr
    assert sorted(name for name in os.listdir(folder) if name != ".lock") == ["first"]


def test_a_file_in_place_of_the_folder(configured: Project) -> None:
    """`backups` is a file: exit 5 that says so."""
    configured.write("backups", "a file")
    outcome = configured.run("backup", "b")
    assert outcome.code == 5, outcome
    assert "is not a folder" in outcome.stderr


def test_a_folder_below_a_file(configured: Project) -> None:
    """The folder cannot be made: an error with the reason."""
    configured.write("a_file", "")
    outcome = configured.run("backup", "b", "--backups-dir", "a_file/backups")
    assert outcome.code in (1, 5), outcome
    assert "Not a directory" in outcome.stderr or "is not a folder" in outcome.stderr
