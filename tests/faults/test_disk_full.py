"""Disks that take nothing more."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import Project

NO_BYTE_MORE = 'ulimit -f 0; exec "$@"'
"""Every write to a file fails as it does on a full disk, only with "File too large"."""


def test_new_on_a_full_disk(project: Project) -> None:
    """The file cannot be written: an error that names it and the reason, and no half file is left."""
    ended = subprocess.run(
        [
            "/bin/sh",
            "-c",
            NO_BYTE_MORE,
            "sh",
            sys.executable,
            "-I",
            "-m",
            "dbops",
            "migrate",
            "new",
            "a_name",
        ],
        cwd=project.folder,
        env=project.environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1, ended
    assert "001_a_name.sql cannot be written: File too large" in ended.stderr
    assert list((project.folder / "migrations").iterdir()) == []


def test_new_below_a_file(project: Project) -> None:
    """The folder cannot be made: an error with the reason."""
    project.write("a_file", "")
    outcome = project.run("migrate", "new", "a_name", "--migrations-dir", "a_file/migrations")
    assert outcome.code == 5, outcome
    assert "a_file/migrations cannot be written: Not a directory" in outcome.stderr
