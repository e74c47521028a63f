"""The errors that users see, each with the exit code that DESIGN gives it.

An error names one cause and one next command.  Nothing here prints or exits:
`dbops.cli.app` turns an error into output and an exit code.
"""

from __future__ import annotations

import enum
from typing import ClassVar


class ExitCode(enum.IntEnum):
    """What the shell sees.  The numbers are part of the contract: never renumber."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    ANSWER_IS_NO = 3
    PARTLY_APPLIED = 4
    CONFIGURATION = 5
    CANNOT_CONNECT = 10
    LOCK_NOT_ACQUIRED = 11
    PROGRAM_FAILED = 12
    REFUSED = 13
    BUG = 70
    INTERRUPTED = 130


class DbopsError(Exception):
    """Something that a user can act on.

    :param message: the one cause, without a final period; never holds a password.
    :param hint: the one next step, usually a command line.
    :param detail: more lines to show under the message (an excerpt, the server's own words).

    When one is raised, what failed has left nothing behind unless the class says otherwise.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None, detail: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail


class UsageError(DbopsError):
    """The command line does not make sense."""

    exit_code = ExitCode.USAGE


class AnswerIsNo(DbopsError):
    """The command worked and its answer is no: something pending with --check, drift, a proof that differs."""

    exit_code = ExitCode.ANSWER_IS_NO


class PartlyApplied(DbopsError):
    """A migration that cannot run in a transaction stopped between its statements; the journal knows where."""

    exit_code = ExitCode.PARTLY_APPLIED


class ConfigError(DbopsError):
    """A configured value is wrong, contradicts another, or is missing; the message says where it came from."""

    exit_code = ExitCode.CONFIGURATION


class CannotConnect(DbopsError):
    """No server, no database, or no entry.  `passing`: the server has no room just now, or is starting up."""

    exit_code = ExitCode.CANNOT_CONNECT
    passing = False


class LockNotAcquired(DbopsError):
    """The migrator's lock or a table's was not to be had before the deadline; the holder is named."""

    exit_code = ExitCode.LOCK_NOT_ACQUIRED


class ProgramFailed(DbopsError):
    """An external program is missing, too old, or ended with an error."""

    exit_code = ExitCode.PROGRAM_FAILED


class Refused(DbopsError):
    """Not done, to protect data; the hint says what would allow it."""

    exit_code = ExitCode.REFUSED


class Interrupted(DbopsError):
    """The user pressed Ctrl-C, or the process was asked to end; the message says what is in place."""

    exit_code = ExitCode.INTERRUPTED
