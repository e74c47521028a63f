"""Calls a function of a Python module, and tells what went wrong in it by its own lines."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import os
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dbops import usercode
from dbops.engines.base import ServerError, SessionLost, Stage, StatementFailed, Trouble
from dbops.engines.statements import Facts, Kind, Statement
from dbops.errors import DbopsError
from dbops.migrations import report, retry
from dbops.migrations.code_db import NO_TRANSACTION, Calls, Db, Failed
from dbops.migrations.content import Code, Section
from dbops.migrations.progress import milliseconds_since

if TYPE_CHECKING:
    from dbops.engines.session import Session
    from dbops.migrations.prepare import Prepared


class CodeFailed(StatementFailed):
    """A module has failed: the server said no to it, or it raised something of its own.

    :param section: the file, for showing the place.
    :param statement: what stands at the place, SQL or, where `is_sql` is False, a line of Python.
    :param hint: the next step, where this is not the engine's to know.
    """

    def __init__(
        self,
        failure: StatementFailed,
        section: Section,
        statement: Statement,
        *,
        is_sql: bool = False,
        hint: str | None = None,
    ) -> None:
        super().__init__(
            failure.error,
            stage=failure.stage,
            blockers=failure.blockers,
            past_deadline=failure.past_deadline,
        )
        self.section = section
        self.statement = statement
        self.is_sql = is_sql
        self.hint = hint


def call(prepared: Prepared, db: Db, calls: Calls) -> None:
    """Run the module and call its function.

    :raises CodeFailed: it has failed; what it had begun is still open.
    :raises SessionLost: the connection broke.
    """
    section, code = prepared.section, code_of(prepared)
    assert section.path is not None  # code is never stored
    try:
        with usercode.running(str(section.path)), _surroundings(section.path) as module:
            usercode.execute(str(section.path), code.source, module.__dict__)
            _refuse_other_constants(code, module)
            function = getattr(module, code.function)
            if not code.takes_db:
                module.__dict__["db"] = db
            result = function(db) if code.takes_db else function()
            if inspect.isgenerator(result) or inspect.isawaitable(result):
                raise TypeError(f"{code} gave a {type(result).__name__}, and nothing of it ran")
    except usercode.CodeFailed as failure:
        raise _told(section, failure, calls) from failure.__cause__


@contextlib.contextmanager
def _surroundings(path: Path) -> Iterator[types.ModuleType]:
    """A module of its own, whose neighbours it can import; what it leaves in this process is taken back."""
    module = types.ModuleType(path.stem)
    folder = os.path.abspath(path.parent)
    module.__file__ = os.path.join(folder, path.name)
    before, where, paths, writes = set(sys.modules), os.getcwd(), sys.path[:], sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.modules[path.stem] = module
    sys.dont_write_bytecode = True
    try:
        yield module
    finally:
        sys.dont_write_bytecode = writes
        os.chdir(where)
        sys.path[:] = paths
        for name in set(sys.modules) - before:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(os.path.join(folder, "")):
                del sys.modules[name]


def _refuse_other_constants(code: Code, module: types.ModuleType) -> None:
    """:raises ValueError: where the module says something else of itself than could be read."""
    for name, value in code.constants.items():
        if getattr(module, name, None) != value:
            raise ValueError(f"{name} is {value!r} in the text and another value when it runs")


def calling_line(prepared: Prepared) -> int | None:
    """The line of the step's code that is running now; None where none is."""
    return usercode.calling_line(prepared.section.label)


def code_of(prepared: Prepared) -> Code:
    """The code of a step that has some."""
    code = prepared.section.code
    assert code is not None  # it is asked before
    return code


def _told(section: Section, failure: usercode.CodeFailed, calls: Calls) -> Exception:
    """What the failure of a module means."""
    cause = failure.__cause__
    if isinstance(cause, SessionLost):
        return cause
    if calls.failed is not None and _is_of(calls.failed.failure, cause):
        return of_sql(section, calls.failed)
    if isinstance(cause, DbopsError):
        return of_python(section, StatementFailed(ServerError(cause.message)), failure.line, cause.hint)
    return of_python(section, StatementFailed(ServerError(failure.message)), failure.line, None)


def _is_of(failure: StatementFailed, raised: BaseException | None) -> bool:
    """Whether a module raised just this; what is tried again is found also in what was raised in its place."""
    if failure.error.trouble not in retry.RETRIED:
        return raised is failure
    while raised is not None and raised is not failure:
        raised = raised.__context__
    return raised is failure


def of_sql(section: Section, failed: Failed) -> CodeFailed:
    """The server's no, at the SQL in the file where that stands there word for word, else at the line of the call."""
    assert section.code is not None
    source, sql, failure = section.code.source, failed.sql, failed.failure
    hint = None
    if failure.error.trouble is Trouble.NEEDS_NO_TRANSACTION:
        hint = NO_TRANSACTION
    if not failed.exact or not sql.strip() or source.count(sql) != 1:
        return of_python(section, failure, failed.line, hint)
    start = source.index(sql)
    if failure.error.position is None:
        start += len(sql) - len(sql.lstrip())
    statement = Statement(sql.strip(), start, "", Facts(Kind.UNKNOWN), dialect=section.dialect)
    return CodeFailed(failure, Section(source, section.path), statement, is_sql=True, hint=hint)


def of_python(section: Section, failure: StatementFailed, line: int | None, hint: str | None) -> CodeFailed:
    """A failure at a line of the file, at the function where it has none."""
    assert section.code is not None
    source = section.code.source
    *before, at = source.split("\n")[: line or section.code.line]
    start = len("\n".join([*before, at])) - len(at.lstrip())
    statement = Statement(at.strip(), start, "", Facts(Kind.UNKNOWN), dialect=section.dialect)
    # What the server counts are characters of another text than this one.
    error = dataclasses.replace(failure.error, position=None)
    told = StatementFailed(
        error, stage=failure.stage, blockers=failure.blockers, past_deadline=failure.past_deadline
    )
    return CodeFailed(told, Section(source, section.path), statement, hint=hint)


def failed(
    session: Session, prepared: Prepared, failure: CodeFailed, began: float, deadline: float
) -> DbopsError:
    """Log the failure of a module, and return what to tell."""
    told, statement = report.without_secrets(failure, failure.statement), failure.statement
    logged = report.log_entry(
        prepared.step, statement if failure.is_sql else None, 1, told.error, milliseconds_since(began)
    )
    session.log(logged)
    if told.stage is Stage.LOCK_CHECK:
        return retry.lock_given_away(prepared.section.label)
    headline = report.headline(failure.section, statement, told)
    if told.past_deadline or told.error.trouble in retry.RETRIED:
        return retry.gave_up(told, headline, deadline)
    return DbopsError(
        headline,
        detail=report.excerpt(failure.section, statement, told),
        hint=failure.hint or report.hint(told, prepared.step, session.hint),
    )
