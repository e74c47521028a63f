"""The one place that runs external programs: no shell, output captured or in a log, the whole environment given."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from dbops.errors import ProgramFailed

_LAST_LINES = 12
_GRACE_SECONDS = 5.0

# What PostgreSQL's own programs are given: nothing of the user's PG* variables, messages in English.
# An initdb without any locale makes SQL_ASCII, so encoding and locale are always passed as options.
POSTGRES_ENVIRON: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}


@dataclasses.dataclass(frozen=True)
class Account:
    """An operating-system account that a program is run as; only root can run programs as another."""

    name: str
    uid: int
    gid: int


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
    import threading

    words = tuple(str(word) for word in argv)
    with _log_file(log, account) as file:
        child = _start(words, environ, account, Path("/"), file)
    threading.Thread(target=child.wait, daemon=True).start()
    return child


def failure(completed: Completed) -> ProgramFailed:
    """The error for a program that ended badly; its last line is the message, its last lines the detail."""
    said = completed.last_lines()
    name = os.path.basename(completed.argv[0])
    how = f"signal {-completed.code}" if completed.code < 0 else f"code {completed.code}"
    return ProgramFailed(f"{name} ended with {how}", detail=said or None)


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
    output: BinaryIO | None = None,
) -> subprocess.Popen[bytes]:
    if account is not None and account.uid == os.geteuid():
        account = None
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE if output is None else subprocess.DEVNULL,
            stdout=output or subprocess.PIPE,
            stderr=output or subprocess.PIPE,
            env=dict(environ),
            cwd=cwd or ("/" if account else None),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            umask=0o077,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ProgramFailed(f"program {words[0]} is not there") from error
    except OSError as error:
        who = f" as {account.name}" if account else ""
        raise ProgramFailed(f"cannot run {words[0]}{who}: {error.strerror}") from error


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a program and its children: asked first, so that it can tidy up (initdb removes its folder)."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, sign)
        except ProcessLookupError:
            break
        try:
            child.communicate(timeout=_GRACE_SECONDS)
            break
        except subprocess.TimeoutExpired:
            continue
    child.wait()
