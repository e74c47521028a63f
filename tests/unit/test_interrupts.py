"""Signals to a command, at moments at which Python is not at its best: the exit code is right, and nothing is lost."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from dbops import interrupts

_BEGINNING = """
import atexit, os, runpy, signal, sys, time
from dbops import interrupts
from dbops.cli import app

def ask(sign=signal.SIGTERM):
    os.kill(os.getpid(), sign)

class Module:
    def main(self, argv, out):
        return work()
"""
_ENDING = """
sys.exit(app.run("migrate", [], Module))
"""


def ended(work: str) -> subprocess.CompletedProcess[str]:
    """How a command ends that does this."""
    program = f"{_BEGINNING}\n{work}\n{_ENDING}"
    return subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def assert_interrupted(done: subprocess.CompletedProcess[str]) -> None:
    """It says so in one line, and ends with 130."""
    assert (done.returncode, done.stderr) == (
        130,
        "error: interrupted; what was not finished has been undone\n",
    )


@pytest.mark.parametrize("sign", interrupts.SIGNALS)
def test_within_what_python_evaluates(sign: signal.Signals) -> None:
    """In the middle of an `exec`, as the making of a dataclass is one: exit 130, and no end by SIGINT."""
    assert_interrupted(ended(f"def work(): exec('ask({sign:d})', globals())"))


def test_twice() -> None:
    """What the first one undoes, another of whatever kind does not stop."""
    done = ended(
        """
def work():
    try:
        ask()
    finally:
        ask(signal.SIGHUP)
        ask(signal.SIGINT)
        print("undone")
"""
    )
    assert_interrupted(done)
    assert done.stdout == "undone\n"


def test_again_after_a_while() -> None:
    """Who asks again after some time does not want to wait for the undoing."""
    done = ended(
        """
interrupts.SAME_WISH = 0.0
def work():
    try:
        ask()
    finally:
        ask()
        print("never reached")
"""
    )
    assert_interrupted(done)
    assert done.stdout == ""


def test_in_a_destructor() -> None:
    """Python can only tell of an exception there; the command is interrupted all the same, a moment later."""
    done = ended(
        """
class Thing:
    def __del__(self):
        ask()

def work():
    Thing()
    time.sleep(60)
"""
    )
    assert_interrupted(done)


def test_another_failure_of_a_destructor_is_told() -> None:
    """What is no interrupt is shown as Python shows it."""
    done = ended(
        """
class Thing:
    def __del__(self):
        raise ValueError("of a destructor")

def work():
    Thing()
    return 0
"""
    )
    assert done.returncode == 0
    assert "ValueError: of a destructor" in done.stderr


@pytest.mark.parametrize(("work", "code"), [("return 0", 0), ("ask()", 130)])
def test_while_the_interpreter_ends(work: str, code: int) -> None:
    """When all is said, what a signal asks for is happening: no traceback, and the code stays."""
    done = ended(f"atexit.register(ask)\natexit.register(ask, signal.SIGINT)\ndef work(): {work}")
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_ignored_from_the_start() -> None:
    """What nohup, or a shell with `&`, has the process ignore stays ignored."""
    done = ended("signal.signal(signal.SIGHUP, signal.SIG_IGN)\ndef work(): ask(signal.SIGHUP); return 0")
    assert (done.returncode, done.stderr) == (0, "")


def test_while_it_starts() -> None:
    """Before anything has begun SIGINT ends the process at once, without a traceback of imports."""
    done = ended(
        """
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "dbops.cli.app":
            ask(signal.SIGINT)

del sys.modules["dbops.cli.app"], sys.modules["dbops.cli"].app
sys.meta_path.insert(0, Finder())
sys.argv[1:] = ["migrate", "status"]
runpy.run_module("dbops", run_name="__main__")
"""
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_held_back() -> None:
    """What comes within waits for the end, and the handlers are as before."""
    before = [signal.getsignal(sign) for sign in interrupts.SIGNALS]
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts.held_back():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        done.append("to the end")
    assert done == ["to the end"]
    assert [signal.getsignal(sign) for sign in interrupts.SIGNALS] == before


def test_an_undoing_to_the_end() -> None:
    """Cut short by a signal it is begun again, and the signal counts afterwards."""
    done: list[str] = []

    def undo() -> None:
        done.append("begun")
        if len(done) == 1:
            signal.raise_signal(signal.SIGINT)
        done.append("ended")

    with pytest.raises(KeyboardInterrupt):
        interrupts.to_the_end(undo)
    assert done == ["begun", "begun", "ended"]
