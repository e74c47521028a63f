"""The one place that runs external programs: no shell, output captured or in a log, the whole environment given."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from dbops.errors import ProgramFailed

_LAST_LINES = 12
_GRACE_SECONDS = 5.0
_PRIVATE, _AS_IT_IS = 0o077, -1
_GUARDING = (
    f"""read -r never; kill -s TERM -- "-$1" && sleep {_GRACE_SECONDS:.0f} && kill -s KILL -- "-$1\""""
)

# A program begins once its guard is there: were we killed between the two, nobody would end it.  `read` takes no more of
# the pipe than its line, so that what follows is the program's.
_BEGINNING = {
    True: 'read -r go && exec "$@"',
    False: 'read -r go && exec "$@" </dev/null',
}

# What PostgreSQL's own programs are given: nothing of the user's PG* variables, messages in English.
# An initdb without any locale makes SQL_ASCII, so encoding and locale are always passed as options.
POSTGRES_ENVIRON: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}

# git is asked without the user's environment: GIT_DIR and the like would make it answer for another repository.
GIT_ENVIRON: Mapping[str, str] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
    "LC_ALL": "C",
}


@dataclasses.dataclass(frozen=True)
class Account:
    """An operating-system account that a program is run as; only root can run programs as another."""

    name: str
    uid: int
    gid: int


_Place = int | BinaryIO
Background = subprocess.Popen[bytes]
"""A program that `launch` started."""


@dataclasses.dataclass(frozen=True)
class Completed:
    """How a program ended.  `code` is negative where a signal ended it (the signal's number)."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    def last_lines(self) -> str:
        """The end of what the program said, which is where programs name their cause."""
        lines = [line for line in (self.stdout + "\n" + self.stderr).splitlines() if line.strip()]
        return "\n".join(lines[-_LAST_LINES:])


def run(
    argv: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    account: Account | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    timeout: float | None = None,
    check: bool = True,
) -> Completed:
    """Run a program to its end.

    It gets a session of its own, so that Ctrl-C reaches only us: where we are
    interrupted, or `timeout` seconds have passed, the program and its children
    are ended before the exception goes on.  Under another account it starts in
    `/`, since that account may not be able to enter our working folder.  What
    it makes is for its owner alone (umask 077).

    :raises ProgramFailed: it cannot be started, took too long, or (with `check`) ended with an error.
    """
    words = tuple(str(word) for word in argv)
    child = _start(words, environ, account, cwd)
    try:
        stdout, stderr = child.communicate(stdin.encode(), timeout=timeout)
    except subprocess.TimeoutExpired:
        _end(child)
        raise ProgramFailed(f"{words[0]} was ended: it took longer than {timeout:.0f} s") from None
    except BaseException:
        _end(child)
        raise
    completed = Completed(
        words, child.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace")
    )
    if check and completed.code != 0:
        raise failure(completed)
    return completed


def launch(
    argv: Sequence[str | Path], *, environ: Mapping[str, str], account: Account | None, log: Path
) -> Background:
    """Start a program that outlives us, in a session of its own and in `/`; its output is added to `log`.

    The log is for its owner alone and is not followed where it is a link.  A
    thread waits for the program, so that it is no zombie when it ends before us.

    :raises ProgramFailed: it cannot be started, or the log cannot be written.
    """
    words = tuple(str(word) for word in argv)
    with _log_file(log, account) as file:
        child = _start(words, environ, account, Path("/"), stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    threading.Thread(target=child.wait, daemon=True).start()
    return child


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
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._on_line = on_line
        _require_program(self.argv[0], environ)
        words = ("/bin/sh", "-c", _BEGINNING[stdin], "dbops-start", *self.argv)
        umask = _PRIVATE if private else _AS_IT_IS
        self._child = _start(words, environ, None, cwd, stdout=_pipe(stdout), umask=umask)
        try:
            self._guard = _Guard(self._child.pid)
            self._begin(stdin)
        except BaseException:
            _end(self._child)
            raise
        self._reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reader.start()

    def _begin(self, stdin: bool) -> None:
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
        self._reader.join(_GRACE_SECONDS if code == 0 else 0)
        if self._reader.is_alive():
            _signal(self._child, signal.SIGTERM)
            self._reader.join(_GRACE_SECONDS)
            if self._reader.is_alive():
                _signal(self._child, signal.SIGKILL)
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
                _signal(self._child, sign)
                try:
                    self._child.wait(timeout=_GRACE_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()
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
        self._child = _start(
            argv, POSTGRES_ENVIRON, None, Path("/"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def dismiss(self) -> None:
        """The program has ended; may be called again."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        assert self._child.stdin is not None
        self._child.stdin.close()


def failure(completed: Completed) -> ProgramFailed:
    """The error for a program that ended badly; its last line is the message, its last lines the detail."""
    said = completed.last_lines()
    name = os.path.basename(completed.argv[0])
    how = f"signal {-completed.code}" if completed.code < 0 else f"code {completed.code}"
    return ProgramFailed(f"{name} ended with {how}", detail=said or None)


def _require_program(program: str, environ: Mapping[str, str]) -> None:
    """:raises ProgramFailed: it is not there, or may not be run."""
    if shutil.which(program, path=environ.get("PATH", os.defpath)) is None:
        there = os.path.exists(program)
        raise ProgramFailed(
            f"cannot run {program}: Permission denied" if there else f"program {program} is not there"
        )


def _log_file(path: Path, account: Account | None) -> BinaryIO:
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
    try:
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return open(os.open(path, flags), "ab")
        if account is not None:
            os.fchown(descriptor, account.uid, account.gid)
        return open(descriptor, "ab")
    except OSError as error:
        raise ProgramFailed(f"cannot write {path}: {error.strerror}", hint="df -h .") from error


def _start(
    words: tuple[str, ...],
    environ: Mapping[str, str],
    account: Account | None,
    cwd: Path | None,
    *,
    stdin: _Place = subprocess.PIPE,
    stdout: _Place = subprocess.PIPE,
    stderr: _Place = subprocess.PIPE,
    umask: int = _PRIVATE,
) -> subprocess.Popen[bytes]:
    if account is not None and account.uid == os.geteuid():
        account = None
    child: subprocess.Popen[bytes] | None = None
    try:
        with _interrupts_held_back():
            child = subprocess.Popen(
                words,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=dict(environ),
                cwd=cwd or ("/" if account else None),
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                umask=umask,
                start_new_session=True,
            )
    except KeyboardInterrupt:
        if child is not None:
            _end(child)
        raise
    except FileNotFoundError as error:
        raise ProgramFailed(f"program {words[0]} is not there") from error
    except OSError as error:
        who = f" as {account.name}" if account else ""
        raise ProgramFailed(f"cannot run {words[0]}{who}: {error.strerror}") from error
    return child


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let Ctrl-C and the like wait: in the middle of starting a program, nobody would know of it to end it."""
    if threading.current_thread() is not threading.main_thread():  # only that one is interrupted
        yield
        return
    came: list[int] = []
    before = {
        sign: signal.signal(sign, lambda number, frame: came.append(number))
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if callable(signal.getsignal(sign))
    }
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
        if came:
            signal.raise_signal(came[0])


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a program and its children: asked first, so that it can tidy up (initdb removes its folder)."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if not _signal(child, sign):
            break
        try:
            child.communicate(timeout=_GRACE_SECONDS)
            break
        except subprocess.TimeoutExpired:
            continue
    child.wait()


def _signal(child: subprocess.Popen[bytes], sign: signal.Signals) -> bool:
    """Send a signal to a program and its children; False where they are gone."""
    try:
        os.killpg(child.pid, sign)
    except ProcessLookupError:
        return False
    return True


def _pipe(wanted: bool) -> int:
    return subprocess.PIPE if wanted else subprocess.DEVNULL
