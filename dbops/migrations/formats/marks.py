"""Comments that divide a file: headers, and banners of its sections.

Only comments between statements count; the engine's own grammar says where the
statements are, so that a banner inside a string or a function body is none.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator

from dbops.engines.dialect import by_name
from dbops.engines.records import Direction
from dbops.engines.statements import Statements, UnreadableSql, position
from dbops.errors import DbopsError
from dbops.migrations.content import FileSettings, Text
from dbops.migrations.formats.comments import Comment, comments_in
from dbops.migrations.formats.directives import settings as settings_in
from dbops.migrations.formats.reading import is_sql

_HEADER = re.compile(r"(migration|description|author|date)\s*:\s*(.*)", re.IGNORECASE)
_VERIFY = "verify"
_HEADINGS: dict[str, Direction | None] = {
    "up": Direction.UP,
    "upgrade": Direction.UP,
    "down": Direction.DOWN,
    "downgrade": Direction.DOWN,
    "rollback": Direction.DOWN,
    "rollback sql": Direction.DOWN,
    _VERIFY: None,
    "validation": None,
    "validation queries": None,
}
_PHRASES: dict[str, Direction | None] = {
    "up migration": Direction.UP,
    "down migration": Direction.DOWN,
    f"{_VERIFY} migration": None,
    "+migrate up": Direction.UP,
    "+migrate down": Direction.DOWN,
}
_FRAME = " \t\r-=*#"
_OTHER_TOOLS = {
    "+goose ": "goose",
    "migrate:up": "dbmate",
    "migrate:down": "dbmate",
    "create above / drop below": "tern",
    "! previous:": "graphile-migrate",
}


@dataclasses.dataclass(frozen=True)
class Mark:
    """A banner: `direction` of the section that it opens, None for one that goes neither way.

    `verifies` for the section that is run to verify, `rest` is the SQL that a block comment holds below its heading.
    """

    direction: Direction | None
    comment: Comment
    rest: Comment | None = None
    verifies: bool = False

    @property
    def word(self) -> str:
        """The section, for people."""
        return self.direction.value if self.direction else _VERIFY


@dataclasses.dataclass(frozen=True)
class Sections:
    """How a file is divided: header fields in lower case, settings of the up section, marks in order."""

    header: dict[str, str]
    settings: FileSettings
    marks: tuple[Mark, ...]
    comments: tuple[Comment, ...]
    statements: Statements


def sections(source: Text) -> Sections:
    """Read the comments of a file.

    :raises DbopsError: with file and line, for text that cannot be read as SQL, for the marks of a format that
        is not read here, for two marks of one direction, for a `-- dbops:` line that is not known.
    """
    text, dialect = source.text, by_name(source.dialect)
    try:
        statements = dialect.split(text)
    except UnreadableSql as error:
        line, column = position(text, error.offset)
        hint = "mend the file: nothing after this place can be told apart"
        raise DbopsError(f"{source.path}:{line}:{column}: {error.message}", hint=hint) from None
    found = tuple(comments_in(text, _spans(statements), dialect))
    marks = tuple(_marks(source, found))
    directives = [comment for comment in found if comment.start < _down_begins(marks, len(text))]
    return Sections(
        header=_header(text, found, statements),
        settings=settings_in(source.text, str(source.path), directives),
        marks=marks,
        comments=found,
        statements=statements,
    )


def _spans(statements: Statements) -> tuple[tuple[int, int], ...]:
    return tuple(
        (statement.offset, statement.offset + len(statement.text)) for statement in statements.statements
    )


def _marks(source: Text, comments: Iterable[Comment]) -> Iterator[Mark]:
    seen: dict[str, Comment] = {}
    for comment in comments:
        start, end = _heading(source.text, comment)
        words = " ".join(source.text[start:end].strip(_FRAME).lower().split())
        _refuse_other_tool(source, comment, words)
        phrase = next((text for text in _PHRASES if words.startswith(text)), None)
        heading = phrase or words.rstrip(": ")
        if phrase is None and heading not in _HEADINGS:
            continue
        rest = None if comment.is_line else _sql_below(source, comment, end)
        if not (comment.is_line or rest) and source.text[start:end].lstrip().startswith("--"):
            continue  # a heading that is commented out
        direction = _PHRASES[phrase] if phrase else _HEADINGS[heading]
        mark = Mark(direction, comment, rest, verifies=heading.startswith(_VERIFY))
        if mark.word in seen and (direction or mark.verifies):
            line, column = position(source.text, comment.start)
            first, _ = position(source.text, seen[mark.word].start)
            raise DbopsError(
                f"{source.path}:{line}:{column}: a second {mark.word} section; the first is at line {first}",
                hint="a migration has one of each; move the rest into a migration of its own",
            )
        if direction or mark.verifies:
            seen[mark.word] = comment
        yield mark


def _heading(text: str, comment: Comment) -> tuple[int, int]:
    """Where the first line of a comment begins and ends that is more than a frame."""
    at = comment.inner_start
    while at < comment.inner_end:
        end = text.find("\n", at, comment.inner_end)
        end = comment.inner_end if end < 0 else end
        if text[at:end].strip(_FRAME):
            return at, end
        at = end + 1
    return comment.inner_end, comment.inner_end


def _sql_below(source: Text, comment: Comment, start: int) -> Comment | None:
    """What a block comment holds from a place on, where that is SQL."""
    rest = Comment(start, comment.end, start, comment.inner_end, is_line=False)
    return rest if is_sql(rest.inner(source.text), source.dialect) else None


def _refuse_other_tool(source: Text, comment: Comment, words: str) -> None:
    tool = next((tool for mark, tool in _OTHER_TOOLS.items() if words.startswith(mark)), None)
    if tool is not None:
        line, column = position(source.text, comment.start)
        raise DbopsError(
            f"{source.path}:{line}:{column}: this is a mark of {tool}, and the folder is read in another format; "
            "the parts behind its marks would all run as one",
            hint=f"--format {tool} reads the folder so; else divide the file with -- UP Migration and "
            "-- DOWN Migration",
        )


def _down_begins(marks: Iterable[Mark], end: int) -> int:
    return next((mark.comment.start for mark in marks if mark.direction is Direction.DOWN), end)


def _header(text: str, comments: Iterable[Comment], statements: Statements) -> dict[str, str]:
    """Fields of the comments before the first statement."""
    limit = statements.statements[0].offset if statements.statements else len(text)
    header: dict[str, str] = {}
    for comment in comments:
        if comment.start >= limit:
            break
        for line in comment.inner(text).splitlines():
            if match := _HEADER.match(line.strip(" \t*")):
                header.setdefault(match[1].lower(), match[2].strip())
    return {field: value for field, value in header.items() if value}
