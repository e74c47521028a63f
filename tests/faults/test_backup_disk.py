"""Backups on a disk that takes no more."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.conftest import Outcome, Project
from tests.faults.conftest import SmallDisk
from tests.servers import Database

ROWS = 20_000
_LIMITED = 'ulimit -f {blocks}; trap "" XFSZ; exec "$@"'
"""No file may grow over this many blocks of 512 bytes: writing fails as on a full disk, only with "File too large"."""


@pytest.fixture
def incompressible(configured: Project, database: Database) -> Project:
    """A project on a database whose backup is about 2 MB."""
    chance = random.Random(1)
    with psycopg.connect(**database.keywords) as connection:
        connection.execute("CREATE TABLE t (id integer PRIMARY KEY, noise bytea)")
        with connection.cursor().copy("COPY t FROM STDIN") as copy:
            for number in range(ROWS):
                copy.write_row((number, chance.randbytes(100)))
    return configured


def _limited(project: Project, blocks: int, *argv: str) -> Outcome:
    words = [
        "/bin/sh",
        "-c",
        _LIMITED.format(blocks=blocks),
        "sh",
        sys.executable,
        "-I",
        "-m",
        "dbops",
        *argv,
    ]
    ended = subprocess.run(
        words,
        cwd=project.folder,
        env=project.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.one_major
@pytest.mark.parametrize("form", ["directory", "custom", "plain"])
@pytest.mark.parametrize("blocks", [1, 64, 2000])
def test_full_while_dumping(incompressible: Project, form: str, blocks: int) -> None:
    """Wherever a file stops growing, in dbops or in pg_dump, it is an error, and nothing is left; then it works."""
    outcome = _limited(incompressible, blocks, "backup", "b", "--format", form)
    assert outcome.code in (1, 12), outcome
    _nothing_in(incompressible.folder / "backups")
    assert incompressible.run("backup", "b", "--format", form).code == 0


@pytest.mark.one_major
@pytest.mark.parametrize("form", ["directory", "custom", "plain"])
def test_full_disk(incompressible: Project, small_disk: SmallDisk, form: str) -> None:
    """The disk fills while a backup is made that might have fitted: the reason is told, nothing is left."""
    folder = small_disk(1_700_000)
    outcome = incompressible.run("backup", "b", "--format", form, "--backups-dir", folder)
    assert outcome.code in (1, 12), outcome
    assert "No space left on device" in outcome.stderr
    assert f"df -h {folder}" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    _nothing_in(folder)


@pytest.mark.one_major
def test_too_small_a_disk(incompressible: Project, small_disk: SmallDisk) -> None:
    """What cannot fit is refused before it is begun."""
    folder = small_disk(800_000)
    outcome = incompressible.run("backup", "b", "--backups-dir", folder)
    assert outcome.code == 13, outcome
    assert "free, and the backup takes about" in outcome.stderr
    _nothing_in(folder)
    dry = incompressible.run("backup", "b", "--backups-dir", folder, "--dry-run")
    assert dry.code == 13, dry


def _nothing_in(backups: Path) -> None:
    assert [path.name for path in backups.iterdir() if path.name != ".lock"] == []
