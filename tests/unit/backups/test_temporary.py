"""Temporary folders of loads, and what killed loads left."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dbops.backups import temporary
from dbops.backups.temporary import folder, sweep
from dbops.errors import DbopsError


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for temporary files of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_gone_at_the_end(place: Path) -> None:
    """The folder is for its owner alone while it is used, is left alone by others, and goes at the end."""
    with folder() as made:
        assert made.stat().st_mode & 0o777 == 0o700
        sweep()
        assert made.parent == place
        assert made.is_dir()
    assert list(place.iterdir()) == []


def test_left_by_a_killed_load(place: Path) -> None:
    """Nobody holds it: the next one removes it, and neither others' folders nor what a link leads to."""
    left = place / "dbops-load-abc"
    left.mkdir()
    (left / "1.dat").write_text("rows")
    other = place / "dbops-loader"
    other.mkdir()
    (place / "dbops-load-link").symlink_to(other)
    with folder():
        assert not left.exists()
    assert other.is_dir()


def test_no_place_for_them(place: Path) -> None:
    """There is none, or it is full: what to do is said."""
    place.rmdir()
    with pytest.raises(DbopsError) as raised, folder():
        pass
    assert raised.value.hint is not None
    assert "TMPDIR=" in raised.value.hint


@pytest.mark.parametrize("function", ["_make", "remove_tree"])
def test_interrupted_while_it_is_made_or_removed(
    place: Path, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """Ctrl-C right behind either: nothing is left."""
    original: Callable[..., object] = getattr(temporary, function)

    def interrupted(*arguments: object) -> object:
        monkeypatch.setattr(temporary, function, original)
        result = original(*arguments)
        signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(temporary, function, interrupted)
    with pytest.raises(KeyboardInterrupt), folder() as made:
        (made / "1.dat").write_text("rows")
    assert list(place.iterdir()) == []
