"""What a program that loads says on stderr, as an error for people."""

from __future__ import annotations

from dbops.engines.postgres.literals import redacted
from dbops.errors import ProgramFailed
from dbops.events import Detail, Listener, Warned
from dbops.process import Completed, failure

_LINES_OF_ERROR = 12
# What follows from the first error and tells nothing of its own.
_ECHOES = frozenset({"pg_restore: error: a worker process died unexpectedly"})


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

    def failure(self, completed: Completed) -> ProgramFailed:
        """The error of a program that failed."""
        if not self._error:
            return failure(completed)
        cause = self._error[0].removeprefix("pg_restore: error: ").removeprefix("could not execute query: ")
        rest = "\n".join(line for line in self._before + self._error[1:] if line and line not in _ECHOES)
        return LoadFailed(
            f"the archive cannot be loaded: {redacted(cause)}", detail=redacted(rest) if rest else None
        )


def _is_error(text: str) -> bool:
    if text.startswith("pg_restore: "):
        return text.startswith(("pg_restore: error: ", "pg_restore: fatal: "))
    return text.startswith("psql:") and any(word in text for word in (" ERROR: ", " error: ", " FATAL: "))
