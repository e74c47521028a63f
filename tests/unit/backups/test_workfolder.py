"""The temporary folder of a load, and what killed loads left."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dbops.backups.workfolder import sweep, work_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_gone_at_the_end(temporary: Path) -> None:
    """The folder is for its owner alone while it is used, is left alone by others, and goes at the end."""
    with work_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        sweep()
        assert folder.parent == temporary
        assert folder.is_dir()
    assert list(temporary.iterdir()) == []


def test_left_by_a_killed_load(temporary: Path) -> None:
    """A reader that waits for a killed load's FIFO is let go; the folder is removed, others' folders are not."""
    left = temporary / "dbops-load-abc"
    left.mkdir()
    os.mkfifo(left / "1.dat")
    other = temporary / "dbops-loader"
    other.mkdir()
    (temporary / "dbops-load-link").symlink_to(other)
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; print(1, flush=True); print(len(open(sys.argv[1]).read()))",
         str(left / "1.dat")], stdout=subprocess.PIPE, text=True
    ) as reader:  # fmt: skip
        assert reader.stdout is not None
        assert reader.stdout.readline() == "1\n"
        while left.exists():
            sweep()
        if reader.poll() is None:  # it had not opened the FIFO before the folder went
            reader.wait(timeout=20)
    assert other.is_dir()
