"""How a program is started and ended, with its children; how it went."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from dbops import interrupts
from dbops.errors import ProgramFailed

LAST_LINES = 12
"""How many of the last lines of what a program says are kept."""
GRACE_SECONDS = 5.0
"""What a program has to tidy up once it is asked to end."""
PRIVATE, AS_IT_IS = 0o077, -1
"""The umask of a program: what it makes is for its owner alone, or as the user has it."""

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
        return "\n".join(lines[-LAST_LINES:])


def failure(completed: Completed) -> ProgramFailed:
    """The error for a program that ended badly; its last line is the message, its last lines the detail."""
    said = completed.last_lines()
    name = os.path.basename(completed.argv[0])
    how = f"signal {-completed.code}" if completed.code < 0 else f"code {completed.code}"
    return ProgramFailed(f"{name} ended with {how}", detail=said or None)


def start(
    words: tuple[str, ...],
    environ: Mapping[str, str],
    account: Account | None,
    cwd: Path | None,
    *,
    stdin: _Place = subprocess.PIPE,
    stdout: _Place = subprocess.PIPE,
    stderr: _Place = subprocess.PIPE,
    umask: int = PRIVATE,
) -> subprocess.Popen[bytes]:
    if account is not None and account.uid == os.geteuid():
        account = None
    child: subprocess.Popen[bytes] | None = None
    try:
        with interrupts.held_back():
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
            end(child)
        raise
    except FileNotFoundError as error:
        raise ProgramFailed(f"program {words[0]} is not there") from error
    except OSError as error:
        who = f" as {account.name}" if account else ""
        raise ProgramFailed(f"cannot run {words[0]}{who}: {error.strerror}") from error
    return child


def end(child: subprocess.Popen[bytes]) -> None:
    """End a program and its children: asked first, so that it can tidy up (initdb removes its folder)."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if not send(child, sign):
            break
        try:
            child.communicate(timeout=GRACE_SECONDS)
            break
        except subprocess.TimeoutExpired:
            continue
    child.wait()


def send(child: subprocess.Popen[bytes], sign: signal.Signals) -> bool:
    """Send a signal to a program and its children; False where they are gone."""
    try:
        os.killpg(child.pid, sign)
    except ProcessLookupError:
        return False
    return True
