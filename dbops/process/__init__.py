"""The one place that runs external programs: no shell, output captured or in a log, the whole environment given."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from dbops.errors import ProgramFailed
from dbops.process.starting import (
    GIT_ENVIRON,
    POSTGRES_ENVIRON,
    Account,
    Background,
    Completed,
    end,
    failure,
    start,
)
from dbops.process.stream import Stream

__all__ = [
    "GIT_ENVIRON", "POSTGRES_ENVIRON", "Account", "Background", "Completed", "Stream", "failure", "launch", "run",
]  # fmt: skip


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
    child = start(words, environ, account, cwd)
    try:
        stdout, stderr = child.communicate(stdin.encode(), timeout=timeout)
    except subprocess.TimeoutExpired:
        end(child)
        raise ProgramFailed(f"{words[0]} was ended: it took longer than {timeout:.0f} s") from None
    except BaseException:
        end(child)
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
        child = start(words, environ, account, Path("/"), stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    threading.Thread(target=child.wait, daemon=True).start()
    return child


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
