"""Runs a function of a Python module as a migration."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import os
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dbops import usercode
from dbops.engines.base import ServerError, SessionLost, Stage, StatementFailed, Trouble
from dbops.engines.db import Transaction
from dbops.engines.log import LogEntry, Record
from dbops.engines.records import Action
from dbops.engines.statements import Facts, Kind, Statement
from dbops.errors import DbopsError, Interrupted, LockNotAcquired, PartlyApplied
from dbops.events import Listener, Note
from dbops.migrations import report, retry
from dbops.migrations.code_batches import Batches
from dbops.migrations.code_db import Calls, Db, Failed
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
        super().__init__(failure.error, blockers=failure.blockers, past_deadline=failure.past_deadline)
        self.section = section
        self.statement = statement
        self.is_sql = is_sql
        self.hint = hint


# -- in a transaction --------------------------------------------------------------------------------------------------


def in_transaction(
    session: Session,
    prepared: Prepared,
    records: list[Record],
    *,
    deadline: float,
    listen: Listener,
    opens: bool = True,
    commits: bool = True,
) -> None:
    """Call the function of a prepared step and write records in one transaction.

    :param opens: and `commits`: as `Session.transaction` has them.
    :raises CodeFailed: rolled back, nothing is left.
    :raises StatementFailed: likewise, for what is not the module's.
    """
    settings = prepared.settings
    client = session.client(settings.lock_timeout)
    calls = Calls(client, transactional=True, file=prepared.section.label, deadline=deadline, listen=listen)
    try:
        session.transaction(
            (),
            (),
            lock_timeout=settings.lock_timeout,
            statement_timeout=settings.statement_timeout,
            opens=opens,
            commits=False,
        )
        _call(prepared, Db(session, prepared.step.version.text, calls, None), calls)
        _refuse_ended(prepared, calls)
        if records or commits:
            session.transaction((), records, opens=False, commits=commits)
    except BaseException:
        client.roll_back()
        raise
    if commits:
        session.reset()


def _refuse_ended(prepared: Prepared, calls: Calls) -> None:
    """:raises CodeFailed: where the transaction cannot be committed any more, whatever the module thinks."""
    state = calls.client.transaction
    if state is Transaction.FAILED and calls.failed is not None:
        raise _of_sql(prepared.section, calls.failed)
    if state is Transaction.NONE:
        error = ServerError(f"{_code(prepared)} has ended the transaction that dbops began")
        raise _of_python(
            prepared.section, StatementFailed(error), None, "write transactional = False instead"
        )


# -- without one -------------------------------------------------------------------------------------------------------


class Committing:
    """Calls a function whose calls commit one by one; the journal says that it has begun."""

    def __init__(self, session: Session, prepared: Prepared, *, deadline: float, listen: Listener) -> None:
        self._session = session
        self._prepared = prepared
        self._deadline = deadline
        self._listen = listen
        self._began = time.monotonic()

    def run(self, records: Callable[[], list[Record]]) -> None:
        """Call it, then write what `records` returns (the row and its event).

        :raises PartlyApplied: stopped; something is in place.
        :raises DbopsError: stopped before anything was done.
        """
        prepared, settings = self._prepared, self._prepared.settings
        resumed = bool(prepared.step.status.journal)
        if resumed:
            self._listen(Note(f"going on with {prepared.step.version}: calling {_code(prepared)} again"))
        try:
            self._session.set_timeouts(
                lock_timeout=settings.lock_timeout, statement_timeout=settings.statement_timeout
            )
            self._journal(Action.STATEMENT_STARTED)
            self._attempt(resumed)
            self._record(records())
        finally:
            self._session.reset()

    def _attempt(self, resumed: bool) -> None:
        session, prepared = self._session, self._prepared
        client = session.client()
        calls = Calls(
            client,
            transactional=False,
            file=prepared.section.label,
            deadline=self._deadline,
            listen=self._listen,
        )
        batches = Batches(session, client, prepared.step, deadline=self._deadline, listen=self._listen)
        try:
            _call(prepared, Db(session, prepared.step.version.text, calls, batches), calls)
            if client.transaction is not Transaction.NONE:
                error = ServerError(f"{_code(prepared)} has left a transaction open, which was rolled back")
                raise _of_python(prepared.section, StatementFailed(error), None, "COMMIT it")
        except CodeFailed as failure:
            client.roll_back()
            raise self._failed(failure, left=resumed or calls.changed or batches.begun) from failure
        except KeyboardInterrupt:
            client.roll_back()
            raise Interrupted(
                f"{prepared.section.label}: interrupted; what it had committed is in place",
                hint=self._again,
            ) from None

    def _failed(self, failure: CodeFailed, *, left: bool) -> DbopsError:
        """Write down what happened, and what to tell."""
        self._journal(Action.STATEMENT_FAILED if left else Action.STATEMENT_UNDONE)
        error = failed(self._session, self._prepared, failure, self._began, self._deadline)
        if not left:
            return error
        if isinstance(error, LockNotAcquired):
            error.message += "; the migration is partial"
            error.hint = f"{error.hint}; then {self._again}"
            return error
        return PartlyApplied(
            f"{error.message} (what was committed before it is in place)",
            hint=f"{failure.hint or 'mend it'}; then {self._again}",
            detail=error.detail,
        )

    def _record(self, records: list[Record]) -> None:
        label = self._prepared.section.label
        try:
            self._session.record(records)
        except StatementFailed as failure:
            if failure.stage is Stage.LOCK_CHECK:
                raise retry.lock_given_away(label) from failure
            headline = report.headline(self._prepared.section, None, failure)
            raise PartlyApplied(headline, hint=self._again) from failure

    @property
    def _again(self) -> str:
        return f"bin/migrate {self._prepared.step.direction.value} calls {_code(self._prepared)} again, which goes on"

    def _journal(self, action: Action) -> None:
        step, code = self._prepared.step, _code(self._prepared)
        entry = LogEntry(
            action,
            step.version.text,
            step.status.name,
            step.direction,
            statement_number=1,
            statement_checksum=code.checksum,
            statement=str(code),
        )
        self._session.transaction((), [entry], last=False)


# -- the call ----------------------------------------------------------------------------------------------------------


def _call(prepared: Prepared, db: Db, calls: Calls) -> None:
    """Run the module and call its function.

    :raises CodeFailed: it has failed; what it had begun is still open.
    :raises SessionLost: the connection broke.
    """
    section, code = prepared.section, _code(prepared)
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


def _code(prepared: Prepared) -> Code:
    code = prepared.section.code
    assert code is not None  # it is asked before
    return code


# -- what is told of a failure -----------------------------------------------------------------------------------------


def _told(section: Section, failure: usercode.CodeFailed, calls: Calls) -> Exception:
    """What the failure of a module means."""
    cause = failure.__cause__
    if isinstance(cause, SessionLost):
        return cause
    if calls.failed is not None and cause is calls.failed.failure:
        return _of_sql(section, calls.failed)
    if isinstance(cause, DbopsError):
        return _of_python(section, StatementFailed(ServerError(cause.message)), failure.line, cause.hint)
    return _of_python(section, StatementFailed(ServerError(failure.message)), failure.line, None)


def _of_sql(section: Section, failed: Failed) -> CodeFailed:
    """The server's no, at the SQL in the file where that stands there word for word, else at the line of the call."""
    assert section.code is not None
    source, sql, failure = section.code.source, failed.sql, failed.failure
    hint = None
    if failure.error.trouble is Trouble.NEEDS_NO_TRANSACTION:
        hint = "write transactional = False at the module's top level; then each call commits by itself"
    if not failed.exact or not sql.strip() or source.count(sql) != 1:
        return _of_python(section, failure, failed.line, hint)
    start = source.index(sql)
    if failure.error.position is None:
        start += len(sql) - len(sql.lstrip())
    statement = Statement(sql.strip(), start, "", Facts(Kind.UNKNOWN), dialect=section.dialect)
    return CodeFailed(failure, Section(source, section.path), statement, is_sql=True, hint=hint)


def _of_python(section: Section, failure: StatementFailed, line: int | None, hint: str | None) -> CodeFailed:
    """A failure at a line of the file, at the function where it has none."""
    assert section.code is not None
    source = section.code.source
    *before, at = source.splitlines(keepends=True)[: line or section.code.line]
    start = len("".join(before)) + len(at) - len(at.lstrip())
    statement = Statement(at.strip(), start, "", Facts(Kind.UNKNOWN), dialect=section.dialect)
    # What the server counts are characters of another text than this one.
    error = dataclasses.replace(failure.error, position=None)
    told = StatementFailed(error, blockers=failure.blockers, past_deadline=failure.past_deadline)
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
    headline = report.headline(failure.section, statement, told)
    if told.past_deadline or told.error.trouble in retry.RETRIED:
        return retry.gave_up(told, headline, deadline)
    return DbopsError(
        headline,
        detail=report.excerpt(failure.section, statement, told),
        hint=failure.hint or report.hint(told, prepared.step, session.hint),
    )
