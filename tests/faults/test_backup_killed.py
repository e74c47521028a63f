"""Backups that die with kill -9 at any moment: what has a name is a backup, and the next run clears the rest."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbops.backups import archive
from dbops.backups.entries import Backup
from dbops.backups.store import Store
from tests import zoo
from tests.conftest import Project
from tests.servers import Database
from tests.watching import Watch

KILLS = 50
# A fixed seed: a moment that once failed is tried again by the next run.
SEED = 20260118


@pytest.fixture
def filled(configured: Project, database: Database) -> Project:
    """A project on a database with an ordinary role's kinds of things, a row of 10 MB among them."""
    zoo.build(database)
    return configured


def _moments(longest: float) -> Iterator[float]:
    """Moments over the whole duration and a little after it, in seconds; none of it is left out."""
    chance = random.Random(SEED)
    share = longest * 1.1 / KILLS
    slots = list(range(KILLS))
    chance.shuffle(slots)
    for slot in slots:
        yield (slot + chance.random()) * share


def _kill_after(project: Project, seconds: float, *argv: str) -> bool:
    """Start a backup and kill it after that time, it alone; False where it was done before.

    What it has started (pg_dump) has to notice by itself.
    """
    running = project.popen("backup", *argv)
    try:
        running.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        running.kill()
    running.communicate()
    return running.returncode < 0


def _sound(backups: Path) -> list[str]:
    """The names of the backups, after each file of each was read whole; there may be nothing else."""
    if not backups.exists():
        return []
    entries = Store(backups).entries()
    assert {type(entry) for entry in entries} <= {Backup}, entries
    found = [entry for entry in entries if isinstance(entry, Backup)]
    for backup in found:
        archive.check(backup.path, backup.manifest.archive, threads=2)
    return [backup.manifest.name for backup in found]


@pytest.mark.one_major
@pytest.mark.parametrize("form", ["directory", "custom"])
def test_at_random_moments(filled: Project, watch: Watch, form: str) -> None:
    """After each kill there is either no such name or a whole backup; the next run leaves nothing of the dead."""
    began = time.monotonic()
    assert filled.run("backup", "whole", "--format", form).code == 0
    longest = time.monotonic() - began
    backups = filled.folder / "backups"
    killed = 0
    moments = list(_moments(longest))[:: 1 if form == "directory" else 5]
    for number, moment in enumerate(moments):
        was_killed = _kill_after(filled, moment, f"try_{number}", "--format", form)
        killed += was_killed
        names = _sound(backups)
        assert was_killed or f"try_{number}" in names
    assert killed > len(moments) / 2
    watch.until(
        "select true from pg_stat_activity where application_name like 'dbops backup%%' having count(*) = 0"
    )
    outcome = filled.run("backup", "last", "--format", form)
    assert outcome.code == 0, outcome
    assert "last" in _sound(backups)
    assert [path.name for path in backups.iterdir() if path.name.startswith(".partial")] == []
