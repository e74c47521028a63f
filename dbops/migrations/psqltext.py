"""What only psql understands in a file: the data behind a COPY, and commands that begin with a backslash."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from dbops.engines.dialect import by_name
from dbops.errors import DbopsError

if TYPE_CHECKING:
    from dbops.engines.dialect import Dialect
    from dbops.migrations.content import Text

# Where one of the two may begin; whether it does, the grammar says.
_CANDIDATE = re.compile(
    r"(?P<copy>\bstdin\b[^;]*;[ \t]*\r?(?:\n|\Z))|^[ \t]*\\(?P<command>[A-Za-z!?]\w*|[!?])[^\n]*",
    re.IGNORECASE | re.MULTILINE,
)
_END = re.compile(r"^\\\.[ \t]*\r?(?:\n|\Z)", re.MULTILINE)
_SKIPPED = {"restrict", "unrestrict"}  # pg_dump writes them, for psql alone
_REMEDIES = {
    **dict.fromkeys(("i", "ir", "include", "include_relative"), "put the text of that file in its place"),
    **dict.fromkeys(("set", "unset"), "take the line out, and give the value with --var NAME=VALUE"),
    **dict.fromkeys(
        ("c", "connect"), "take the line out: a migration runs on the database that it is recorded in"
    ),
    "copy": "write COPY ... FROM stdin; with the data behind it, up to a line with \\. alone",
    **dict.fromkeys(("if", "elif", "else", "endif"), "write the condition in a DO block"),
}


def understood(source: Text) -> tuple[Text, dict[int, str]]:
    r"""The text without data and without `\restrict` lines, every other character in its place; and the data.

    The data are keyed by the line on which their COPY ends.

    :raises DbopsError: with its line and what to do, for any other command of psql.
    """
    text = source.text
    if "\\" not in text:
        return source, {}
    dialect = by_name(source.dialect)
    copies: dict[int, str] = {}
    since = at = 0  # where the statement may have begun; where to look on
    while (match := _CANDIDATE.search(text, at)) is not None:
        at = match.end()
        if match["copy"]:
            end, data_end = _copy_end(text[since:at], dialect), _END.search(text, at)
            if end is None or data_end is None:
                at = match.start() + len("stdin")
                continue
            copies[text.count("\n", 0, since + end) + 1] = text[at : data_end.start()]
            text = text[:at] + _blank(text[at : data_end.end()]) + text[data_end.end() :]
            since = at = data_end.end()
        elif _is_between_tokens(text[since : match.start()], dialect):
            _refuse(source, text, match)
            text = text[: match.start()] + _blank(match[0]) + text[at:]
    return (source if text == source.text else dataclasses.replace(source, text=text)), copies


def _refuse(source: Text, text: str, match: re.Match[str]) -> None:
    command = match["command"]
    if command not in _SKIPPED:
        line = text.count("\n", 0, match.start()) + 1
        column = match.start("command") - text.rfind("\n", 0, match.start("command")) - 1
        raise DbopsError(
            f"{source.path}:{line}:{column}: \\{command} is a command of psql, not SQL",
            hint=_REMEDIES.get(command, "take the line out"),
        )


def _copy_end(text: str, dialect: Dialect) -> int | None:
    """Where the last token of a text stands, if its last statement takes data in; else None."""
    from dbops.engines.statements import Kind, UnreadableSql

    try:
        statements = dialect.split(text).statements
    except UnreadableSql:
        return None  # within a string or a comment
    if not statements or statements[-1].kind is not Kind.COPY_FROM_CLIENT:
        return None
    end = statements[-1].offset + len(statements[-1].text)
    return end if text[end:].strip() == ";" else None


def _is_between_tokens(text: str, dialect: Dialect) -> bool:
    from dbops.engines.statements import UnreadableSql

    try:
        for _ in dialect.tokens(text):
            pass
    except UnreadableSql:
        return False  # within a string or a comment
    return True


def _blank(text: str) -> str:
    return "\n".join(" " * len(line) for line in text.split("\n"))
