"""A project's own checks, `[tool.dbops.checks]`: a query, what it must return, and what to say where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dbops.config.model import ProjectCheck, Settings
from dbops.engines.base import StatementFailed
from dbops.errors import DbopsError
from dbops.events import format_seconds
from dbops.safety.checkup.asking import LIMIT
from dbops.safety.checkup.model import Finding, Level

if TYPE_CHECKING:
    from dbops.engines.base import Answer
    from dbops.engines.session import Session

# A table or a column that no migration has made yet, in the words of PostgreSQL and of SQLite.
_MISSING = frozenset({"42P01", "42703"})
_CANCELED, _CANCELED_WORDS = "57014", "statement timeout"
_MISSING_WORDS = ("no such table", "no such column")


def look(session: Session, settings: Settings, of: str) -> Iterator[Finding]:
    """Ask those of one form of `validate`, each in a transaction of which nothing stays; what lacks its tables is told.

    Each has as long as a statement may take, or `LIMIT`.

    :param of: schema, migration or rollback.
    :raises DbopsError: a query fails; names the check.
    """
    limit = settings.statement_timeout.value or LIMIT
    session.set_timeouts(lock_timeout=None, statement_timeout=limit)
    for check in settings.checks:
        if of in check.on:
            yield from _asked(session, check, limit)


def _asked(session: Session, check: ProjectCheck, limit: float) -> Iterator[Finding]:
    answers: list[Answer | None] = []
    query = check.query.strip().rstrip(";")
    try:
        session.check([query], lambda _, answer: answers.append(answer), inside=False)
    except StatementFailed as failure:
        error = failure.error
        if error.sqlstate in _MISSING or error.message.startswith(_MISSING_WORDS):
            yield Finding(check.name, Level.HINT, "it", f"cannot be asked yet: {error.message}", query)
            return
        if error.sqlstate == _CANCELED or error.message.startswith(_CANCELED_WORDS):
            said = f"is not known: its query took longer than {format_seconds(limit)} (--statement-timeout)"
            yield Finding(check.name, Level.HINT, "the answer", said, query)
            return
        raise DbopsError(
            f"the check {check.name} of [tool.dbops.checks] fails: {error.message}",
            hint="mend its query in pyproject.toml",
        ) from None
    answer = next(iter(answers), None)
    if not _as_expected(check.expect, answer):
        said = check.message or f"expected {check.expect}"
        yield Finding(check.name, Level.PROBLEM, _shown(answer), said, query)


def _as_expected(expect: str, answer: Answer | None) -> bool:
    if answer is None or not answer.rows or answer.first is None:
        return expect == "no rows"
    if expect == "zero":
        return _is_zero(answer.first[0])
    return expect == "true" and answer.refuted is None and answer.first[0] is not None


def _is_zero(value: str | None) -> bool:
    try:
        return value is not None and float(value) == 0
    except ValueError:  # no number at all
        return False


def _shown(answer: Answer | None) -> str:
    """The first row, shortened."""
    if answer is None or answer.first is None:
        return "no row"
    text = ", ".join("NULL" if value is None else value for value in answer.first)
    return text if len(text) <= 60 else f"{text[:57]}..."
