"""stdout and stderr, whatever has become of them: closed, a pipe without a reader, a full disk."""

from __future__ import annotations

import os
import sys
from typing import TextIO

# Control characters of names and of what a server says: a terminal would obey them.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def prepare() -> None:
    """Put something that can be written to in the place of closed streams; no character stops a line."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  # as long as the process
        elif mode == "w":
            stream.reconfigure(errors="backslashreplace")


def quiet_libraries() -> None:
    """psycopg would log to stderr what reaches us as an exception, too: of a connection that broke, for instance."""
    import logging

    logging.getLogger("psycopg").setLevel(logging.CRITICAL)


def visible(text: str) -> str:
    """The text with its control characters spelled out; tabs and line ends stay."""
    return text if text.isprintable() else text.translate(_VISIBLE)


def write(stream: TextIO, line: str, *, flush: bool = False) -> OSError | None:
    """Write a line.  Where that fails the stream is muted and the work goes on: the error is returned."""
    try:
        print(line, file=stream, flush=flush)
    except OSError as error:
        _mute(stream)
        return error
    return None


def flush(stream: TextIO) -> OSError | None:
    """Write what is still in memory; on failure as `write`."""
    try:
        stream.flush()
    except OSError as error:
        _mute(stream)
        return error
    return None


def _mute(stream: TextIO) -> None:
    """From now on into nothing, also at the interpreter's end, which would complain with a code of its own."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
