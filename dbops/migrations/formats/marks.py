"""Comments that divide a file: headers, and banners of its sections.

Only comments between statements count; the engine's own grammar says where the
statements are, so that a banner inside a string or a function body is none.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator

from dbops.engines.dialect import POSTGRESQL, by_name
from dbops.engines.records import Direction
from dbops.engines.statements import Statements, UnreadableSql, position
from dbops.errors import DbopsError
from dbops.migrations.content import FileSettings, Section, Text
from dbops.migrations.formats.comments import Comment, comments_in
from dbops.migrations.formats.directives import settings as settings_in

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
_CHANGES_ROWS = re.compile(r"(?:insert|update|delete|merge)\b", re.IGNORECASE)
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
    down_begins = _down_begins(marks, len(text))
    directives = [comment for comment in found if comment.start < down_begins]
    return Sections(
        header=_header(text, found, statements),
        settings=settings_in(source.text, str(source.path), directives),
        marks=marks,
        comments=found,
        statements=statements,
    )


def refuse_mark(source: Text, found: Sections, direction: Direction) -> None:
    """:raises DbopsError: where a file of one direction carries a mark of the other, or opens a verify section.

    A comment that says no more than "verify" is nothing of the kind here, where there are no sections.
    """
    for mark in found.marks:
        if mark.direction is direction or (mark.verifies and _says_migration(source, mark)):
            line, column = position(source.text, mark.comment.start)
            raise DbopsError(
                f"{source.path}:{line}:{column}: this file holds a mark of the {mark.word} section; "
                "what follows it would run with the rest",
                hint=f"move that part into the .{mark.word}.sql file, or take the mark out",
            )


def up_section(source: Text, found: Sections) -> Section:
    """The text from the UP mark, or the file's beginning, to the next mark."""
    start = 0
    if found.marks and found.marks[0].direction is not Direction.UP:
        up = [mark for mark in found.marks if mark.direction is Direction.UP]
        start = up[0].comment.end if up else 0
    end = next(
        (
            m.comment.start
            for m in found.marks
            if m.direction is not Direction.UP and m.comment.start >= start
        ),
        None,
    )
    return _section(source, found, start, len(source.text) if end is None else end)


def down_section(source: Text, found: Sections) -> Section | None:
    """What undoes the migration: plain SQL behind the DOWN mark, or what is commented out there; None for nothing."""
    return _opened_by(
        next((mark for mark in found.marks if mark.direction is Direction.DOWN), None), source, found
    )


def verify_section(source: Text, found: Sections) -> Section | None:
    """What verifies the migration: behind the VERIFY mark, as plain SQL or commented out as a down section may be.

    :raises DbopsError: for a change of rows behind a comment that says "verify" and no more: it may be meant to stay.
    """
    mark = next((mark for mark in found.marks if mark.verifies), None)
    section = _opened_by(mark, source, found)
    if mark and section and section.statements and not _says_migration(source, mark):
        for statement in section.statements.statements:
            if _CHANGES_ROWS.match(statement.text):
                line, column = position(section.sql, statement.offset)
                raise DbopsError(
                    f'{source.path}:{section.line + line - 1}:{column}: behind the comment "verify" this would be rolled back',
                    hint="if that is meant, write -- VERIFY Migration; else other words into the comment",
                )
    return section


def _says_migration(source: Text, mark: Mark) -> bool:
    return "migration" in mark.comment.inner(source.text).lower()


def _opened_by(mark: Mark | None, source: Text, found: Sections) -> Section | None:
    if mark is None:
        return None
    start = mark.comment.end
    end = next((m.comment.start for m in found.marks if m.comment.start >= start), len(source.text))
    plain = next((one for one in found.statements.statements if start <= one.offset < end), None)
    if plain and mark.rest:
        line, column = position(source.text, plain.offset)
        raise DbopsError(
            f"{source.path}:{line}:{column}: a statement behind a {mark.word} section that is commented out",
            hint=f"move it before the comment if it goes up, or into the comment if it is part of the {mark.word}",
        )
    if plain:
        return _section(source, found, start, end)
    within = [comment for comment in found.comments if start <= comment.start < end]
    blocks = [
        comment
        for comment in within
        if not comment.is_line and not is_empty(comment.inner(source.text), source.dialect)
    ]
    if mark.rest:
        blocks.insert(0, mark.rest)
    kept = blocks or _commented_lines(source, within)
    if not kept:
        return None
    first, last = kept[0].inner_start, kept[-1].inner_end
    line, column = position(source.text, first)
    return Section(
        _blanked(source.text, kept, first, last), source.path, line, column, dialect=source.dialect
    )


def settings_of(section: Section) -> FileSettings:
    """What the `-- dbops:` lines within a section ask for."""
    if "dbops:" not in section.sql:
        return FileSettings()
    return settings_in(section.sql, section.label, comments(section))


def is_empty(sql: str, dialect: str = POSTGRESQL) -> bool:
    """Whether there is no statement in it.  Text that cannot be read is not empty: the server shall say what is wrong."""
    if sql.lstrip()[:1].isalpha():
        return False
    try:
        return not any(True for _ in by_name(dialect).statement_spans(sql))
    except UnreadableSql:
        return False


def _section(source: Text, found: Sections, start: int, end: int) -> Section:
    """A part of the file, with its statements, so that it need not be read twice."""
    line, column = position(source.text, start)
    statements = found.statements.within(start, end)
    return Section(source.text[start:end], source.path, line, column, statements, dialect=source.dialect)


def _spans(statements: Statements) -> tuple[tuple[int, int], ...]:
    return tuple(
        (statement.offset, statement.offset + len(statement.text)) for statement in statements.statements
    )


def comments(section: Section) -> tuple[Comment, ...]:
    """The comments between the statements of a section."""
    dialect = by_name(section.dialect)
    return tuple(comments_in(section.sql, tuple(dialect.statement_spans(section.sql)), dialect))


def _marks(source: Text, comments: Iterable[Comment]) -> Iterator[Mark]:
    seen: dict[str, Comment] = {}
    for comment in comments:
        start, end = _heading(source.text, comment)
        words = " ".join(source.text[start:end].strip(_FRAME).lower().split())
        _refuse_other_tool(source, comment, words)
        phrase = next(filter(words.startswith, _PHRASES), None)
        heading = phrase or words.rstrip(": ")
        if phrase is None and heading not in _HEADINGS:
            continue
        rest = None if comment.is_line else _sql_below(source, comment, end)
        if not (comment.is_line or rest) and source.text[start:end].lstrip().startswith("--"):
            continue  # a heading that is commented out
        direction = _PHRASES[phrase] if phrase else _HEADINGS[heading]
        mark = Mark(direction, comment, rest, verifies=heading.startswith(_VERIFY))
        word = mark.word
        if word in seen and (direction or mark.verifies):
            line, column = position(source.text, comment.start)
            first, _ = position(source.text, seen[word].start)
            raise DbopsError(
                f"{source.path}:{line}:{column}: a second {word} section; the first is at line {first}",
                hint="a migration has one of each; move the rest into a migration of its own",
            )
        if direction or mark.verifies:
            seen[word] = comment
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
    return rest if _is_sql(rest.inner(source.text), source.dialect) else None


def _refuse_other_tool(source: Text, comment: Comment, words: str) -> None:
    mark = next(filter(words.startswith, _OTHER_TOOLS), None)
    if mark is not None:
        tool = _OTHER_TOOLS[mark]
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


def _commented_lines(source: Text, comments: list[Comment]) -> list[Comment]:
    """The `--` lines that are SQL: without rules and prose, from the first from which all the rest can be parsed."""
    text = source.text
    lines = [comment for comment in comments if comment.is_line and comment.inner(text).strip(" \t\r-=*#")]
    while lines and not _is_sql(
        _blanked(text, lines, lines[0].inner_start, lines[-1].inner_end), source.dialect
    ):
        lines = lines[1:]
    return lines


def _is_sql(sql: str, dialect: str) -> bool:
    try:
        found = by_name(dialect).split(sql)
    except UnreadableSql:
        return False
    return found.parsed and bool(found.statements)


def _blanked(text: str, kept: list[Comment], first: int, last: int) -> str:
    """The text between two places with everything but the inner parts of `kept` as spaces, so that lines stay."""
    parts, at = [], first
    for comment in kept:
        parts.append("".join("\n" if letter == "\n" else " " for letter in text[at : comment.inner_start]))
        parts.append(comment.inner(text))
        at = comment.inner_end
    parts.append("".join("\n" if letter == "\n" else " " for letter in text[at:last]))
    return "".join(parts)
