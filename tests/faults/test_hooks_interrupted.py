"""Hooks and the end that comes from outside: Ctrl-C, SIGTERM, kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.faults.conftest import Start
from tests.postgres.hooking import TELL, hook, ran, told
from tests.postgres.migrating import write_tables
from tests.watching import Watch, until

pytestmark = pytest.mark.one_major

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
BLOCKS = "echo $$ > blocks; while ! [ -e go ]; do sleep 0.05; done"
"""A hook that tells its process and goes on when there is a file `go`."""


def _ended(command: subprocess.Popen[str]) -> tuple[int, str]:
    stdout, stderr = command.communicate(timeout=60)
    return command.returncode, stdout + stderr


def _blocking(project: Project) -> int:
    """The process of the hook that blocks, once it is there."""
    path = project.folder / "blocks"
    until(lambda: path.exists() and path.read_text().strip(), "the hook")
    return int(path.read_text())


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


@SIGNALS
def test_in_a_migration(configured: Project, start: Start, watch: Watch, number: signal.Signals) -> None:
    """The after-hook runs when the lock is free again, told what is in place and that it was interrupted."""
    write_tables(configured, "t")
    configured.write("migrations/002_u.sql", "CREATE TABLE u (id integer);\nSELECT pg_sleep(600);")
    hook(configured, before_migrate=TELL, after_migrate=TELL)
    migrator = start("up")
    watch.sleeping()
    migrator.send_signal(number)
    code, said = _ended(migrator)
    assert code == 130, said
    assert ran(configured) == ["before-migrate", "after-migrate"]
    after = told(configured, "after-migrate")
    assert (after["OUTCOME"], after["EXIT_CODE"]) == ("interrupted", "130")
    assert (after["VERSIONS"], after["TO_VERSION"]) == ("001", "001")


@SIGNALS
def test_in_the_after_hook(configured: Project, start: Start, watch: Watch, number: signal.Signals) -> None:
    """It goes on to its end, so that a maintenance mode is left; exit 130, and what was done is said."""
    write_tables(configured, "t")
    hook(configured, after_migrate=f"{BLOCKS}; {TELL}")
    migrator = start("up")
    _blocking(configured)
    migrator.send_signal(number)
    assert migrator.stderr is not None
    until(lambda: "goes on to its end" in migrator.stderr.readline(), "the words of the first signal")  # type: ignore[union-attr]  # seen above
    configured.write("go", "")
    code, said = _ended(migrator)
    assert code == 130, said
    assert "interrupted, with nothing left to do; migrate up itself is done" in said
    assert "up: 1 done" in said
    assert told(configured, "after-migrate")["OUTCOME"] == "done"


def test_twice_in_the_after_hook(configured: Project, start: Start, watch: Watch) -> None:
    """The second signal ends the hook, with what it has started."""
    write_tables(configured, "t")
    hook(configured, after_migrate=BLOCKS)
    migrator = start("up")
    pid = _blocking(configured)
    migrator.send_signal(signal.SIGTERM)
    assert migrator.stderr is not None
    until(lambda: "goes on to its end" in migrator.stderr.readline(), "the words of the first signal")  # type: ignore[union-attr]  # seen above
    migrator.send_signal(signal.SIGTERM)
    code, said = _ended(migrator)
    assert code == 130, said
    assert "interrupted in the hook after-migrate; migrate up itself is done" in said
    assert _gone(pid)
    assert watch.applied() == ["001"]


def test_in_the_before_hook(configured: Project, start: Start, watch: Watch) -> None:
    """It is ended and nothing is changed; the after-hook runs."""
    write_tables(configured, "t")
    hook(configured, before_migrate=BLOCKS, after_migrate=TELL)
    migrator = start("up")
    pid = _blocking(configured)
    migrator.send_signal(signal.SIGINT)
    code, said = _ended(migrator)
    assert code == 130, said
    assert _gone(pid)
    assert told(configured, "after-migrate")["OUTCOME"] == "interrupted"
    assert watch.value("select to_regclass('t')") is None


def test_killed_in_a_hook(configured: Project, start: Start) -> None:
    """kill -9: the hook does not outlive the command."""
    write_tables(configured, "t")
    hook(configured, before_migrate=BLOCKS)
    migrator = start("up")
    pid = _blocking(configured)
    os.kill(migrator.pid, signal.SIGKILL)
    migrator.wait()
    until(lambda: _gone(pid), "the end of the hook")


def test_what_a_hook_leaves_behind(configured: Project, start: Start) -> None:
    """A hook that ends well and leaves a process that holds its output: that ends, and the command does."""
    write_tables(configured, "t")
    hook(configured, after_migrate="sleep 600 & echo $! > left")
    code, said = _ended(start("up"))
    assert code == 0, said
    until(lambda: _gone(int((configured.folder / "left").read_text())), "the end of what was left")
