"""Verify sections: queries that say whether a migration did what it was to do, and what each is expected to return."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dbops.engines.base import Answer, ServerError, Stage, StatementFailed
from dbops.engines.statements import Kind, Statement
from dbops.errors import DbopsError
from dbops.migrations.report import place
from dbops.migrations.script import CONTROL

if TYPE_CHECKING:
    from dbops.engines.session import Session
    from dbops.migrations.content import Section

_FRAME = " \t\r-=*#.:"
# What may stand in a verify section: it looks, or changes rows; all of that is rolled back.
_WORDS = frozenset(
    {
        "select",
        "values",
        "with",
        "table",
        "show",
        "explain",
        "do",
        "call",
        "set",
        "pragma",
        "savepoint",
        "lock",
    }
    | {"insert", "update", "delete", "merge", "analyze"}
)
_SHOWN = 120


class Expected(enum.Enum):
    """What a query is to return; the words are those of its comment."""

    NOTHING_FALSE = ""
    NO_ROWS = "expect no rows"
    ZERO = "expect zero"


@dataclasses.dataclass(frozen=True)
class Check:
    """One query of a verify section."""

    statement: Statement
    expected: Expected


def checks_of(section: Section, statements: Sequence[Statement]) -> tuple[Check, ...]:
    """The queries of a section; BEGIN and ROLLBACK around them are left out.

    :raises DbopsError: with file, line and column: for what would change the schema, for a mark that is not known.
    """
    expected = dict(_marked(section, statements))
    found = [
        Check(statement, expected.get(index, Expected.NOTHING_FALSE))
        for index, statement in enumerate(statements)
        if statement.kind not in CONTROL
    ]
    for check in found:
        word = check.statement.text.lstrip("( \t\r\n").split(maxsplit=1)[0].lower()
        if check.statement.kind in {Kind.ALONE, Kind.COPY_FROM_CLIENT} or word.rstrip("(;") not in _WORDS:
            raise _wrong(
                section,
                check.statement.offset,
                f"{word.upper()} in a verify section, of which nothing stays",
                "write queries there, and move what is to stay into the up section",
            )
    return tuple(found)


def run(session: Session, checks: Sequence[Check], *, inside: bool) -> None:
    """Run the queries; whatever they change is rolled back.

    :param inside: in the open transaction of the session; else in one of their own.
    :raises StatementFailed: at `Stage.CHECK` for the first that fails; with `inside` all of the transaction is rolled
        back.
    """

    def judge(index: int, answer: Answer | None) -> None:
        wrong = answer and what_is_wrong(checks[index].expected, answer)
        if wrong:
            raise StatementFailed(ServerError(wrong), stage=Stage.CHECK, index=index)

    session.check([check.statement.text for check in checks], judge, inside=inside)


def what_is_wrong(expected: Expected, answer: Answer) -> str | None:
    """Why an answer is not what was expected, in words; None where it is."""
    if expected is Expected.NO_ROWS and answer.rows:
        count = "1 row" if answer.rows == 1 else f"{answer.rows} rows, the first"
        return f"expected no rows, and it returned {count} {_shown(answer.first)}"
    if expected is Expected.ZERO and not answer.rows:
        return "expected zero, and it returned no row"
    if expected is Expected.ZERO and not _is_zero(answer.first[0] if answer.first else None):
        return f"expected zero, and it returned {_shown(answer.first)}"
    if expected is Expected.NOTHING_FALSE and answer.refuted is not None:
        return f"it returned {_shown(answer.refuted)}"
    return None


def _marked(section: Section, statements: Sequence[Statement]) -> Iterator[tuple[int, Expected]]:
    """Which statements have a mark: in a comment before them, behind them on their last line, or before their `;`."""
    from dbops.migrations.formats.reading import comments

    for comment in comments(section):
        words = " ".join(comment.inner(section.sql).strip(_FRAME).lower().split())
        if not words.startswith("expect "):
            continue
        known = next((one for one in Expected if one.value == words), None)
        if known is None:
            raise _wrong(
                section,
                comment.start,
                f"-- {words} is not known",
                "known are -- expect no rows and -- expect zero",
            )
        at = sum(1 for statement in statements if statement.offset < comment.start)
        if at and _is_behind(section.sql, statements[at - 1], comment.start):
            at -= 1
        if at == len(statements):
            raise _wrong(
                section,
                comment.start,
                f"-- {words} has no query behind it",
                "it stands before its query, or on its last line",
            )
        yield at, known


def _is_behind(sql: str, statement: Statement, at: int) -> bool:
    """Whether a comment belongs to the statement before it: nothing ends that, or its line, before the comment."""
    between = sql[statement.offset + len(statement.text) : at]
    return ";" not in between or "\n" not in between.partition(";")[2]


def _is_zero(value: str | None) -> bool:
    try:
        return value is not None and float(value) == 0
    except ValueError:
        return False


def _shown(row: tuple[str | None, ...] | None) -> str:
    text = f"({', '.join('NULL' if value is None else value for value in row or ())})"
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _wrong(section: Section, offset: int, message: str, hint: str) -> DbopsError:
    line, column = place(section, offset)
    return DbopsError(f"{section.label}:{line}:{column}: {message}", hint=hint)
