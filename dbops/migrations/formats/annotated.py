"""Files that another tool divides by marks at the beginning of a line, and reads line by line.

Such a mark counts wherever the line stands, as it does for the tool: the end of
a statement without a semicolon may be nothing but the mark behind it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dbops.errors import DbopsError
from dbops.migrations.content import FileSettings, Migration, Section, Text
from dbops.migrations.formats import reading

if TYPE_CHECKING:
    from dbops.migrations.model import MigrationFile

_DESCRIPTION = re.compile(r"--\s*description\s*:(.*)", re.IGNORECASE)
_OTHERS = {
    "goose": re.compile(r"--[ \t]*\+goose[ \t]+\w+", re.IGNORECASE),
    "dbmate": re.compile(r"--[ \t]*migrate:(?:up|down)\b"),
    "sql-migrate": re.compile(r"-- \+migrate (?:Up|Down)\b"),
    "tern": re.compile(r"---- create above / drop below ----"),
}


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a file: its number from 1, where it begins and ends (with its line end), its text without that."""

    number: int
    start: int
    end: int
    text: str


def lines(text: str) -> Iterator[Line]:
    """All lines."""
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        yield Line(number, start, min(start + len(line) + 1, len(text)), line.removesuffix("\r"))
        start += len(line) + 1


def refused(source: Text, line: int, message: str, hint: str) -> DbopsError:
    """The error for a line of a file."""
    return DbopsError(f"{source.path}:{line}: {message}", hint=hint)


def refuse_others(source: Text, own: str) -> None:
    """:raises DbopsError: where the file has a mark of another tool, whose parts would run as one."""
    for line in lines(source.text):
        if line.text.startswith("--"):
            for tool, mark in _OTHERS.items():
                if tool != own and mark.match(line.text):
                    raise refused(
                        source,
                        line.number,
                        f"this is a mark of {tool}, and the folder is read as {own}",
                        f"--format {tool} reads the folder so; else take the mark out",
                    )


def refuse_statements(source: Text, end: int, what: str) -> None:
    """:raises DbopsError: where a statement stands before the first mark, which belongs to no section."""
    if not reading.is_empty(source.text[:end], source.dialect):
        first = next(
            (line for line in lines(source.text[:end]) if not reading.is_empty(line.text, source.dialect)),
            None,
        )
        raise refused(
            source,
            first.number if first else 1,
            f"a statement before {what} belongs to no section",
            "move it behind the mark",
        )


def section(source: Text, start: int, end: int, ends: Iterable[Line] = ()) -> Section:
    """A part of the file.

    :param ends: lines that end a statement, a semicolon before them or not.
    """
    sql = source.text[start:end]
    for line in ends:
        if start <= line.start < end:
            at, length = line.start - start, len(line.text)
            sql = f"{sql[:at]}{';'.ljust(length)}{sql[at + length :]}"
    return Section(sql, source.path, source.text.count("\n", 0, start) + 1, dialect=source.dialect)


def migration(
    file: MigrationFile,
    source: Text,
    up: Section,
    down: Section | None,
    *,
    up_alone: bool = False,
    down_alone: bool = False,
) -> Migration:
    """A migration of two sections; what its `-- dbops:` lines ask for counts, too.

    :param up_alone: the file asks for no transaction around its up section; `down_alone` likewise.
    """
    if down is not None and reading.is_empty(down.sql, down.dialect):
        down = None
    return Migration(
        file=file,
        up=up,
        down=down,
        raw_checksum=source.raw_checksum,
        description=_description(source),
        up_settings=_settings(up, alone=up_alone),
        down_settings=_settings(down, alone=down_alone) if down else FileSettings(),
    )


def _description(source: Text) -> str | None:
    """What a comment above the first statement says it is about."""
    for line in lines(source.text):
        if line.text.strip() and not line.text.startswith("--"):
            return None
        if match := _DESCRIPTION.match(line.text):
            return match[1].strip() or None
    return None


def _settings(of: Section, *, alone: bool) -> FileSettings:
    found = reading.settings_of(of)
    return dataclasses.replace(found, no_transaction=True) if alone else found
