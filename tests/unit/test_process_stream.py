"""Programs whose output or input is a pipe of ours."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dbops.errors import ProgramFailed
from dbops.process import Stream, stream
from tests.watching import GIVE_UP, alive, until

SH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


def sh(script: str, **options: object) -> Stream:
    return Stream(["sh", "-c", script], environ=SH, **options)  # type: ignore[arg-type]


def gone(pid: int) -> bool:
    until(lambda: not alive(pid), f"the end of process {pid}")
    return True


def test_output_is_read_and_stderr_beside_it() -> None:
    """A megabyte on both pipes at once: neither blocks the other, lines arrive, the end of stderr is kept."""
    lines: list[str] = []
    script = 'i=0; while [ $i -lt 20000 ]; do echo "said $i" >&2; i=$((i+1)); done; head -c 2000000 /dev/zero'
    with sh(script, stdout=True, on_line=lines.append) as program:
        assert len(program.stdout.read()) == 2_000_000
        ended = program.wait()
    assert ended.code == 0
    assert len(lines) == 20000
    assert ended.stderr.splitlines()[-1] == "said 19999"


def test_input_is_given() -> None:
    """What is written arrives, and closing it is the end of the input."""
    with sh("wc -c", stdin=True, stdout=True) as program:
        program.stdin.write(b"x" * 300_000)
        program.stdin.close()
        assert program.stdout.read().strip() == b"300000"
        program.finish()


def test_a_failure_has_the_programs_last_words() -> None:
    """Exit 3: the error names program and code, the last of many words are the detail."""
    script = "i=0; while [ $i -lt 50 ]; do echo line $i >&2; i=$((i+1)); done; echo disk full >&2; exit 3"
    with sh(script) as program, pytest.raises(ProgramFailed) as caught:
        program.finish()
    assert caught.value.message == "sh ended with code 3"
    assert str(caught.value.detail).endswith("disk full")
    assert "line 0\n" not in str(caught.value.detail)


def test_a_signal_is_a_failure() -> None:
    """Killed: the signal is named."""
    with sh("kill -9 $$") as program, pytest.raises(ProgramFailed, match="signal 9"):
        program.finish()


def interrupted(script: str) -> tuple[Stream, int]:
    """A program that said a process id before our own failure came; and that id."""
    pid = 0
    program = sh(script, stdout=True)
    with contextlib.suppress(ZeroDivisionError), program:
        pid = int(program.stdout.readline())
        assert alive(pid)
        raise ZeroDivisionError
    return program, pid


def test_an_exception_leaves_nothing_running() -> None:
    """Our own failure while the program and its child work: both are ended."""
    program, child = interrupted("sleep 60 & echo $!; wait")
    assert gone(child)
    assert not program.running


def test_what_ignores_the_polite_signal_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that ignores SIGTERM is gone all the same, after the grace."""
    monkeypatch.setattr(stream, "GRACE_SECONDS", 0.2)
    _, pid = interrupted("trap '' TERM; echo $$; while :; do sleep 1; done")
    assert gone(pid)


def test_children_of_a_killed_program_are_ended() -> None:
    """The program itself is killed (out of memory) and leaves a worker that holds the pipe: no endless wait for it."""
    began = time.monotonic()
    with sh("sleep 60 & echo $!; kill -9 $$", stdout=True) as program:
        child = int(program.stdout.readline())
        assert program.wait().code == -signal.SIGKILL
    assert time.monotonic() - began < GIVE_UP
    assert gone(child)


def test_a_program_that_stops_reading() -> None:
    """A broken pipe while we write: that is what is raised, leaving hides nothing and hangs nowhere."""
    with sh("exec 0<&-; echo ready; sleep 30", stdin=True, stdout=True) as program:
        program.stdout.readline()
        with pytest.raises(BrokenPipeError):
            program.stdin.writelines([b"x" * 100_000] * 100)
    assert not program.running


def test_leaving_without_reading_all() -> None:
    """The output is left unread: the program is ended, no thread and no descriptor stays."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with sh("yes", stdout=True) as program:
            program.stdout.read(10)
        assert not program.running
    assert len(os.listdir("/proc/self/fd")) == before


def test_whether_it_ends_soon() -> None:
    """Waiting has a limit, and ends with the program before that."""
    with sh("read line", stdin=True) as program:
        assert not program.ends_within(0.05)
        program.stdin.write(b"go\n")
        program.stdin.close()
        began = time.monotonic()
        assert program.ends_within(2 * GIVE_UP)
        assert time.monotonic() - began < GIVE_UP


def test_odd_bytes_on_stderr() -> None:
    """What is no UTF-8 does not end the reading."""
    lines: list[str] = []
    with sh(r"printf 'caf\351\nmore\n' >&2", on_line=lines.append) as program:
        program.finish()
    assert lines == ["caf�", "more"]


def test_a_program_that_is_not_there() -> None:
    """A missing program is exit 12."""
    with pytest.raises(ProgramFailed, match="is not there"):
        Stream(["/nowhere/pg_dump"], environ=SH)


def test_an_interrupt_leaves_nothing_running(tmp_path: Path) -> None:
    """Ctrl-C while we wait: the program and its child are ended before we are."""
    code = (
        "from dbops.process import Stream\n"
        f"with Stream(['sh', '-c', 'sleep 60 & echo $! > {tmp_path}/pid; wait'], environ={SH!r}) as p: p.finish()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=20) != 0
    assert gone(int((tmp_path / "pid").read_text()))


def test_killed_it_leaves_nothing_running() -> None:
    """The process that holds a program is killed with -9: the program and its child end, though both wait for input."""
    script = (
        "import sys, time; from dbops.process import Stream;"
        "Stream(['sh', '-c', 'sleep 600 & echo $! $$ >&2; wait'], environ={'PATH': '/usr/bin:/bin'},"
        " on_line=lambda line: print(line, flush=True)); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-I", "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    pids = [int(word) for word in holder.stdout.readline().split()]
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    holder.kill()
    holder.communicate()
    assert all(gone(pid) for pid in pids)


def test_killed_before_the_guard_is_there_the_program_never_begins(tmp_path: Path) -> None:
    """kill -9 of us between the start of a program and that of its guard: the program does nothing, and is gone."""
    made = tmp_path / "made"
    script = (
        "import os, signal\n"
        "from dbops.process import stream\n"
        "def killed(group):\n"
        "    print(group, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "stream._Guard = killed\n"
        f"stream.Stream(['sh', '-c', 'touch {made}; sleep 60'], environ={SH!r}, stdin=True)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert gone(int(ended.stdout))
    assert not made.exists()


def test_an_interrupt_while_its_end_is_waited_for() -> None:
    """What still holds its stderr is heard to the end, though a signal came while we waited for that the first time."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    lines: list[str] = []
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        script = "(trap '' TERM; for word in 1 2 3 4 5; do echo $word >&2; sleep 0.3; done) & sleep 60"
        with contextlib.suppress(KeyboardInterrupt), sh(script, on_line=lines.append) as program:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            program.ends_within(30)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert lines == ["1", "2", "3", "4", "5"]
