"""A failed migration as a compiler would show it: file, line, column, the statement, and what helps."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from dbops.engines.base import ServerError, Stage, StatementFailed
from dbops.engines.dialect import Dialect, by_name
from dbops.engines.log import LogEntry
from dbops.engines.records import Action
from dbops.engines.statements import Statement, position
from dbops.migrations.content import Section

if TYPE_CHECKING:
    from dbops.migrations.planner import Step

# How much of a long statement, and of a long line, is shown.
_LINES = 6
_COLUMNS = 160
_OF_A_STATEMENT = {Stage.STATEMENT, Stage.CHECK}


def place(section: Section, offset: int) -> tuple[int, int]:
    """Line and column in the file of a character of the section."""
    line, column = position(section.sql, offset)
    return section.line + line - 1, column + (section.column - 1 if line == 1 else 0)


def without_secrets(failure: StatementFailed, statement: Statement | None) -> StatementFailed:
    """The same failure; where the server's words repeat a password of the statement, '***' stands in its place."""
    hidden = statement.secrets if statement is not None else ()
    if not hidden:
        return failure
    error = failure.error
    words = dataclasses.replace(
        error,
        message=_hide(error.message, hidden),
        detail=error.detail and _hide(error.detail, hidden),
        hint=error.hint and _hide(error.hint, hidden),
        context=error.context and _hide(error.context, hidden),
        internal_query=error.internal_query and _hide(error.internal_query, hidden),
    )
    return StatementFailed(
        words,
        stage=failure.stage,
        index=failure.index,
        blockers=failure.blockers,
        past_deadline=failure.past_deadline,
    )


def log_entry(
    step: Step, statement: Statement | None, number: int | None, error: ServerError, milliseconds: int
) -> LogEntry:
    """What the event log keeps of a failure."""
    return LogEntry(
        Action.FAILED,
        step.version.text,
        step.status.name,
        step.direction,
        statement_number=number if statement else None,
        statement=statement.redacted if statement else None,
        sqlstate=error.sqlstate,
        message=error.message,
        duration_ms=milliseconds,
    )


def headline(section: Section, statement: Statement | None, failure: StatementFailed) -> str:
    """`file:line:column: the server's message`."""
    error = failure.error
    if failure.stage is Stage.COMMIT:
        return f"{section.label}: at the commit: {error.message}"
    if statement is None or failure.stage not in _OF_A_STATEMENT:
        return f"{section.label}: while recording it: {error.message}"
    line, column = place(section, _offset(statement, error))
    verified = "not verified: " if failure.stage is Stage.CHECK else ""
    return f"{section.label}:{line}:{column}: {verified}{error.message}"


def excerpt(section: Section, statement: Statement | None, failure: StatementFailed) -> str:
    """The statement up to the place with a mark under it, and the rest of what the server said.

    Without passwords: what a terminal shows ends in the logs of a pipeline.
    """
    error, dialect = failure.error, by_name(section.dialect)
    lines = []
    if statement is not None and failure.stage in _OF_A_STATEMENT:
        lines += _source(section, statement, _offset(statement, error))
    for name, value in (
        ("detail", error.detail),
        ("server's hint", error.hint),
        ("context", error.context and _without_passwords(error.context, dialect)),
        ("query", error.internal_query and _without_passwords(error.internal_query, dialect)),
        ("SQLSTATE", error.sqlstate),
    ):
        if value:
            lines.append(f"  {name}: {value}")
    return "\n".join(lines)


def _without_passwords(said: str, dialect: Dialect) -> str:
    """The server's words; it quotes whole statements, whose literals show only without those quotes."""
    bare = said.replace('"', " ")
    hidden = dialect.redacted(bare)
    return said if hidden == bare else hidden


def hint(failure: StatementFailed, step: Step, remedy: Callable[[ServerError, str], str | None]) -> str:
    """The next step after a failure that has left nothing: a remedy for the kind of error, else to mend the file.

    :param remedy: what the engine advises after an error of a version.
    """
    again = f"run bin/migrate {step.direction.value} again; nothing of it is left"
    return remedy(failure.error, step.version.text) or f"mend the file, then {again}"


def _offset(statement: Statement, error: ServerError) -> int:
    """Where the server points to, within the section; the statement's beginning where it does not."""
    return statement.offset + (error.position - 1 if error.position else 0)


def _source(section: Section, statement: Statement, offset: int) -> list[str]:
    """The lines of a statement up to a place, numbered, and a mark under the place."""
    sql, hidden = section.sql, statement.secrets
    start = sql.rfind("\n", 0, statement.offset) + 1
    end = sql.find("\n", offset)
    before = _hide(sql[start:offset], hidden).rpartition("\n")[2]
    texts = _hide(sql[start : len(sql) if end < 0 else end], hidden).split("\n")
    last, _ = place(section, offset)
    texts[-1], before = _window(texts[-1].rstrip("\r"), before)
    numbers = [str(line) for line in range(last - len(texts) + 1, last + 1)]
    width = len(numbers[-1])
    lines = [
        f"{number:>{width}} | {text.rstrip()[:_COLUMNS]}" for number, text in zip(numbers, texts, strict=True)
    ]
    lines[-1] = f"{numbers[-1]} | {texts[-1]}"
    if len(lines) > _LINES:
        lines = [lines[0], f"{'':{width}} | ...", *lines[2 - _LINES :]]
    return [*lines, f"{'':{width}} | {_under(before)}^"]


def _window(text: str, before: str) -> tuple[str, str]:
    """The part of a long line around a place, and what of it stands before the place."""
    if len(text) <= _COLUMNS:
        return text, before
    cut = max(len(before) - _COLUMNS // 2, 0)
    dots = "..." if cut else ""
    return f"{dots}{text[cut : cut + _COLUMNS]}", f"{dots}{before[cut:]}"


def _under(before: str) -> str:
    """White space as wide on a terminal as a text: tabs stay, letters of East Asia take two columns."""
    from unicodedata import combining, east_asian_width

    def blank(letter: str) -> str:
        if letter == "\t":
            return letter
        return "" if combining(letter) else "  " if east_asian_width(letter) in "WF" else " "

    return "".join(map(blank, before))


def _hide(text: str, hidden: tuple[str, ...]) -> str:
    for secret in hidden:
        text = text.replace(secret, "***")
    return text
