"""Running programs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from dbops.errors import ProgramFailed
from dbops.process import run
from tests.watching import alive, until

SH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def test_the_environment_is_what_is_given_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of ours does not reach the program."""
    monkeypatch.setenv("SECRET", "x")
    assert "SECRET" not in run(["env"], environ={**SH, "A": "1"}).stdout
    assert run(["env"], environ={**SH, "A": "1"}).stdout.splitlines().count("A=1") == 1


def test_words_are_passed_as_they_are() -> None:
    """No shell: spaces, quotes and dollars arrive unchanged."""
    word = "a b'\"$HOME`id`"
    assert run(["printf", "%s", word], environ=SH).stdout == word


def test_a_failure_has_the_programs_last_words() -> None:
    """Exit 3 with words on stderr: the error names program and code, the words are the detail."""
    with pytest.raises(ProgramFailed) as caught:
        run(["sh", "-c", "echo all well; echo disk full >&2; exit 3"], environ=SH)
    assert caught.value.message == "sh ended with code 3"
    assert "disk full" in str(caught.value.detail)
    assert run(["sh", "-c", "exit 3"], environ=SH, check=False).code == 3


def test_a_program_that_is_not_there() -> None:
    """A missing program is exit 12, not a traceback."""
    with pytest.raises(ProgramFailed, match="is not there"):
        run(["/nowhere/initdb"], environ=SH)


def test_what_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    """A timeout: the program and the child that it started are gone."""
    script = f"sleep 60 & echo $! > '{tmp_path}/pid'; wait"
    with pytest.raises(ProgramFailed, match="longer than"):
        run(["sh", "-c", script], environ=SH, timeout=3)
    _wait_for_end(int((tmp_path / "pid").read_text()))


def test_an_interrupt_ends_the_program(tmp_path: Path) -> None:
    """Ctrl-C while a program runs: it is ended before we are."""
    code = (
        "from dbops.process import run\n"
        f"run(['sh', '-c', \"echo $$ > '{tmp_path}/pid'; exec sleep 60\"], environ={SH!r})"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        time.sleep(0.02)
    child.send_signal(2)
    assert child.wait(timeout=20) != 0
    _wait_for_end(int((tmp_path / "pid").read_text()))


def test_what_a_program_makes_is_its_owners_alone(tmp_path: Path) -> None:
    """umask 077 in the program."""
    run(["sh", "-c", f"echo x > '{tmp_path}/file'"], environ=SH)
    assert (tmp_path / "file").stat().st_mode & 0o077 == 0


def _wait_for_end(pid: int) -> None:
    until(lambda: not alive(pid), f"the end of process {pid}")
