"""The `.env` file in the project folder, read without interpolation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dbops.config.model import Setting
from dbops.errors import ConfigError

if TYPE_CHECKING:
    from dotenv.parser import Binding


def read(path: Path) -> dict[str, Setting[str]]:
    """The variables of a `.env` file, without those that are empty; {} where there is no file.

    A value is what is written: `${X}` is not replaced.  Of two lines with the
    same name the last one counts, as for a shell that sources the file.  A
    byte order mark and Windows line ends are fine.

    :raises ConfigError: the file cannot be read, is not UTF-8, or a line is not `NAME=value`.
        The message has the line's number and never its text.
    """
    text = _text(path)
    if text is None:
        return {}
    # 20 ms where psycopg is not loaded yet, 2 ms where it is.  The parser is
    # used for its line numbers, which dotenv_values() does not give.
    import io

    from dotenv.parser import parse_stream

    found: dict[str, Setting[str]] = {}
    for binding in parse_stream(io.StringIO(text)):
        line = _line(binding)
        if binding.error:
            raise ConfigError(
                f"{path} line {line} is not NAME=value, or its quotation mark is not closed",
                hint="put it in single quotes; write \\' for a quotation mark in it, \\\\ for a backslash",
            )
        if binding.key is None:
            continue
        found.pop(binding.key, None)
        if binding.value:
            found[binding.key] = Setting(binding.value, f"{path} line {line} ({binding.key})")
    return found


def _text(path: Path) -> str | None:
    """What the file says; None where there is none, or where it is a folder (a virtual environment)."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}",
            hint="make it readable for the account that runs this",
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise ConfigError(
            f"{path} line {line} is not UTF-8, at byte {column} of the line",
            hint="save the file as UTF-8",
        ) from None


def _line(binding: Binding) -> int:
    """The line on which a binding's text begins; for the parser the blank lines before belong to it."""
    original = binding.original
    blank = original.string[: len(original.string) - len(original.string.lstrip())]
    return original.line + blank.replace("\r\n", "\n").replace("\r", "\n").count("\n")
