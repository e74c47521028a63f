"""The sections of a file that marks divide, cut out of it."""

from __future__ import annotations

import re

from dbops.engines.records import Direction
from dbops.engines.statements import position
from dbops.errors import DbopsError
from dbops.migrations.content import Section, Text
from dbops.migrations.formats.comments import Comment
from dbops.migrations.formats.marks import Mark, Sections
from dbops.migrations.formats.reading import is_empty, is_sql

_CHANGES_ROWS = re.compile(r"(?:insert|update|delete|merge)\b", re.IGNORECASE)


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


def _section(source: Text, found: Sections, start: int, end: int) -> Section:
    """A part of the file, with its statements, so that it need not be read twice."""
    line, column = position(source.text, start)
    statements = found.statements.within(start, end)
    return Section(source.text[start:end], source.path, line, column, statements, dialect=source.dialect)


def _commented_lines(source: Text, comments: list[Comment]) -> list[Comment]:
    """The `--` lines that are SQL: without rules and prose, from the first from which all the rest can be parsed."""
    text = source.text
    lines = [comment for comment in comments if comment.is_line and comment.inner(text).strip(" \t\r-=*#")]
    while lines and not is_sql(
        _blanked(text, lines, lines[0].inner_start, lines[-1].inner_end), source.dialect
    ):
        lines = lines[1:]
    return lines


def _blanked(text: str, kept: list[Comment], first: int, last: int) -> str:
    """The text between two places with everything but the inner parts of `kept` as spaces, so that lines stay."""
    parts, at = [], first
    for comment in kept:
        parts.append("".join("\n" if letter == "\n" else " " for letter in text[at : comment.inner_start]))
        parts.append(comment.inner(text))
        at = comment.inner_end
    parts.append("".join("\n" if letter == "\n" else " " for letter in text[at:last]))
    return "".join(parts)
