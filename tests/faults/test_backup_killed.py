"""Backups that die with kill -9 at any moment: what has a name is a backup, and the next run clears the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbops.backups import archive
from dbops.backups.entries import Backup
from dbops.backups.store import Store
from tests import zoo
from tests.conftest import Project
from tests.faults.moments import killed, moments
from tests.servers import Database
from tests.watching import Watch


@pytest.fixture
def filled(configured: Project, database: Database) -> Project:
    """A project on a database with an ordinary role's kinds of things, a row of 10 MB among them."""
    zoo.build(database)
    return configured


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
@pytest.mark.parametrize(("form", "kills"), [("directory", 8), ("custom", 2)])
def test_at_random_moments(filled: Project, watch: Watch, form: str, kills: int) -> None:
    """After each kill there is either no such name or a whole backup; the next run leaves nothing of the dead."""
    chosen = moments(lambda: filled.popen("backup", "whole", "--format", form), kills)
    backups = filled.folder / "backups"
    found = 0
    for number, moment in enumerate(chosen):
        was_killed = killed(filled.popen("backup", f"try_{number}", "--format", form), moment)
        found += was_killed
        names = _sound(backups)
        assert was_killed or f"try_{number}" in names
    assert found > len(chosen) / 4
    watch.until(
        "select count(*) = 0 from pg_stat_activity where datname = current_database()"
        " and application_name like 'dbops backup%%'"
    )
    outcome = filled.run("backup", "last", "--format", form)
    assert outcome.code == 0, outcome
    assert "last" in _sound(backups)
    assert [path.name for path in backups.iterdir() if path.name.startswith(".partial")] == []
