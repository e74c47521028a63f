"""A program at work, whose output or input is a pipe of ours; it ends when we do, however we end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from dbops import interrupts
from dbops.errors import ProgramFailed
from dbops.process.starting import (
    AS_IT_IS,
    GRACE_SECONDS,
    LAST_LINES,
    POSTGRES_ENVIRON,
    PRIVATE,
    Completed,
    end,
    failure,
    send,
    start,
)
from dbops.process.worker import Worker

_GUARDING = f"""read -r never; kill -s TERM -- "-$1" && sleep {GRACE_SECONDS:.0f} && kill -s KILL -- "-$1\""""

# A program begins once its guard is there: were we killed between the two, nobody would end it.  `read` takes no more of
# the pipe than its line, so that what follows is the program's.
_BEGINNING = {
    True: 'read -r go && exec "$@"',
    False: 'read -r go && exec "$@" </dev/null',
}


class Stream:
    """A program at work, whose output or input is a pipe of ours.  Use as a context manager.

    Leaving it ends the program where it still runs, so that no exception of
    ours leaves it behind; where we are killed ourselves, a guard ends it, with
    its children.  What it says on stderr is read by a thread, so that
    it never waits for us, and each line goes to `on_line`.

    :param stdout: give its output as the attribute `stdout`; otherwise that is thrown away.
    :param stdin: give its input as the attribute `stdin`; otherwise that is empty.
    :param on_line: called from another thread.
    :param private: what it makes is for its owner alone (umask 077); otherwise as the user has it.

    :raises ProgramFailed: it cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        environ: Mapping[str, str],
        stdout: bool = False,
        stdin: bool = False,
        on_line: Callable[[str], None] | None = None,
        cwd: Path | None = None,
        private: bool = True,
    ) -> None:
        self.argv = tuple(str(word) for word in argv)
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._on_line = on_line
        _require_program(self.argv[0], environ)
        words = ("/bin/sh", "-c", _BEGINNING[stdin], "dbops-start", *self.argv)
        umask = PRIVATE if private else AS_IT_IS
        try:
            with interrupts.held_back():
                self._child = start(words, environ, None, cwd, stdout=_pipe(stdout), umask=umask)
                self._begin(stdin)
        except KeyboardInterrupt:  # which has waited for all of it
            self.__exit__(None, None, None)
            raise

    def _begin(self, stdin: bool) -> None:
        try:
            self._guard = _Guard(self._child.pid)
        except BaseException:
            end(self._child)
            raise
        self._reader = Worker(self._read_stderr, "stderr")
        pipe = self._child.stdin
        assert pipe is not None
        with contextlib.suppress(BrokenPipeError):  # somebody has killed it already, as its code will tell
            pipe.write(b"\n")
            pipe.flush() if stdin else pipe.close()

    @property
    def stdout(self) -> BinaryIO:
        assert self._child.stdout is not None
        return self._child.stdout  # type: ignore[return-value]  # a pipe in binary mode

    @property
    def stdin(self) -> BinaryIO:
        assert self._child.stdin is not None
        return self._child.stdin  # type: ignore[return-value]  # a pipe in binary mode

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._child.poll() is None

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, but no longer; whether it has ended."""
        began = time.monotonic()
        self._reader.join(seconds)  # which ends with the pipe, a moment before the program does
        try:
            self._child.wait(timeout=max(seconds - (time.monotonic() - began), 0))
        except subprocess.TimeoutExpired:
            return False
        return True

    def wait(self) -> Completed:
        """Wait for its end and the last of what it says; `stderr` is that last part.

        Where it ended badly, killed perhaps, its children are ended, too; otherwise those that hold on to its
        stderr a few seconds after its end.
        """
        code = self._child.wait()
        self._reader.join(GRACE_SECONDS if code == 0 else 0)
        if self._reader.is_alive():
            send(self._child, signal.SIGTERM)
            self._reader.join(GRACE_SECONDS)
            if self._reader.is_alive():
                send(self._child, signal.SIGKILL)
        self._reader.join()
        self._guard.dismiss()
        return Completed(self.argv, code, "", "\n".join(self._lines))

    def finish(self) -> None:
        """Wait for its end.

        :raises ProgramFailed: it ended with an error.
        """
        completed = self.wait()
        if completed.code != 0:
            raise failure(completed)

    def end(self) -> None:
        """End it, with its children, where it still runs."""
        if self.running:
            for sign in (signal.SIGTERM, signal.SIGKILL):
                send(self._child, sign)
                try:
                    self._child.wait(timeout=GRACE_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        interrupts.to_the_end(self.end)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what was buffered for a program that is gone
                    pipe.close()
        self._reader.join()
        assert self._child.stderr is not None
        self._child.stderr.close()

    def _read_stderr(self) -> None:
        assert self._child.stderr is not None
        for line in self._child.stderr:
            text = line.decode(errors="replace").rstrip()
            self._lines.append(text)
            if self._on_line is not None:
                self._on_line(text)


class _Guard:
    """Ends a program and its children once we are gone without having been able to, killed by -9 or for want of memory.

    Nobody else would: pg_restore waits for ever for what we were to feed it, and psql takes the end of its input for
    the end of the SQL.  It is a shell that waits for the end of a pipe whose other side only we hold.

    :raises ProgramFailed: it cannot be started.
    """

    def __init__(self, group: int) -> None:
        argv = ("/bin/sh", "-c", _GUARDING, "dbops-guard", str(group))
        self._child = start(
            argv, POSTGRES_ENVIRON, None, Path("/"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def dismiss(self) -> None:
        """The program has ended; may be called again."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        assert self._child.stdin is not None
        self._child.stdin.close()


def _require_program(program: str, environ: Mapping[str, str]) -> None:
    """:raises ProgramFailed: it is not there, or may not be run."""
    if shutil.which(program, path=environ.get("PATH", os.defpath)) is None:
        there = os.path.exists(program)
        raise ProgramFailed(
            f"cannot run {program}: Permission denied" if there else f"program {program} is not there"
        )


def _pipe(wanted: bool) -> int:
    return subprocess.PIPE if wanted else subprocess.DEVNULL
