"""What a program that loads says on stderr, as an error for people."""

from __future__ import annotations

from dbops.backups.tocbytes import Damaged
from dbops.engines.postgres.literals import redacted
from dbops.errors import DbopsError, ProgramFailed
from dbops.events import Detail, Listener, Warned
from dbops.process import Completed, failure

_LINES_OF_ERROR = 12
# What follows from the first error and tells nothing of its own.
_ECHOES = frozenset({"pg_restore: error: a worker process died unexpectedly"})
# What pg_restore says of an archive that ends too early.
_CUT_SHORT = (
    "could not read from input file: end of file",
    "unexpected end of file",
    "possibly corrupt archive",
    "could not uncompress data",
)
_MANY_LOCKS = "out of shared memory"


class LoadFailed(ProgramFailed):
    """The server or the program that loads did not accept something in the archive."""


class Said:
    """What a program says on stderr: its warnings go on to the user, its first error is kept."""

    def __init__(self, listen: Listener) -> None:
        self._listen = listen
        self._before: list[str] = []
        self._error: list[str] = []

    def line(self, text: str) -> None:
        """Called from a thread, line by line."""
        if self._error:
            if len(self._error) < _LINES_OF_ERROR:
                self._error.append(text)
        elif _is_error(text):
            self._error.append(text)
        elif text.startswith("pg_restore: warning: "):
            self._listen(Warned(text))
        elif text.startswith("pg_restore: from TOC entry "):
            self._before = [text]
        elif text:
            self._listen(Detail(text))

    def failure(self, completed: Completed) -> DbopsError:
        """The error of a program that failed; `Damaged` where it could not read the archive to its end."""
        if not self._error:
            return failure(completed)
        cause = self._error[0].removeprefix("pg_restore: error: ").removeprefix("could not execute query: ")
        rest = "\n".join(line for line in self._before + self._error[1:] if line and line not in _ECHOES)
        if self._error[0].startswith("pg_restore: ") and any(words in cause for words in _CUT_SHORT):
            return Damaged(f"the archive is damaged: {cause}", hint="bin/restore lists the others")
        hint = None
        if _MANY_LOCKS in cause:
            hint = (
                "one transaction locks every table that it makes or drops: raise max_locks_per_transaction "
                "(ALTER SYSTEM SET max_locks_per_transaction = 1024, then restart the server)"
            )
        return LoadFailed(
            f"the archive cannot be loaded: {redacted(cause)}",
            detail=redacted(rest) if rest else None,
            hint=hint,
        )


def _is_error(text: str) -> bool:
    if text.startswith("pg_restore: "):
        return text.startswith(("pg_restore: error: ", "pg_restore: fatal: "))
    return text.startswith("psql:") and any(word in text for word in (" ERROR: ", " error: ", " FATAL: "))
