"""The lock beside a SQLite database, and signals."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from dbops.engines.sqlite import lock
from dbops.events import ignore


def test_interrupted_while_it_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle: its file goes first."""
    held = lock.MigrationLock(tmp_path / "app.db", "migrate up")
    held.acquire(0, ignore)
    original = lock._is_current

    def interrupted(file: int, path: Path) -> bool:
        signal.raise_signal(signal.SIGINT)
        return original(file, path)

    monkeypatch.setattr(lock, "_is_current", interrupted)
    with pytest.raises(KeyboardInterrupt):
        held.release()
    assert list(tmp_path.iterdir()) == []
