"""Runs a function of a Python module as a migration."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dbops.engines.base import ServerError, StatementFailed
from dbops.engines.db import Transaction
from dbops.engines.log import LogEntry, Record
from dbops.engines.records import Action
from dbops.errors import DbopsError, Interrupted, LockNotAcquired, PartlyApplied
from dbops.events import Listener, Note
from dbops.migrations.code_batches import Batches
from dbops.migrations.code_call import CodeFailed, call, code_of, failed, of_python, of_sql
from dbops.migrations.code_db import Calls, Db
from dbops.migrations.stepwise import record_partly, verify_partly

if TYPE_CHECKING:
    from dbops.engines.session import Session
    from dbops.migrations.prepare import Prepared


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
        call(prepared, Db(session, prepared.step.version.text, calls, None), calls)
        _refuse_ended(prepared, calls)
        session.transaction((), records, opens=False, commits=commits)
    except BaseException:
        client.roll_back()
        raise
    if commits:
        session.reset()


def _refuse_ended(prepared: Prepared, calls: Calls) -> None:
    """:raises CodeFailed: where the transaction cannot be committed any more, whatever the module thinks."""
    state, code = calls.client.transaction, code_of(prepared)
    if state is Transaction.OPEN:
        return
    if state is Transaction.FAILED and calls.failed is not None:
        raise of_sql(prepared.section, calls.failed)
    has = "has ended the transaction that dbops began"
    if state is Transaction.FAILED:
        has = "went on behind a call that was broken off, which cannot be committed"
    error = StatementFailed(ServerError(f"{code} {has}"))
    raise of_python(
        prepared.section, error, None, "let what is raised go its way; or write transactional = False"
    )


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
            self._listen(Note(f"going on with {prepared.step.version}: calling {code_of(prepared)} again"))
        try:
            self._session.set_timeouts(
                lock_timeout=settings.lock_timeout, statement_timeout=settings.statement_timeout
            )
            self._session.transaction((), [self._line(Action.STATEMENT_STARTED)], last=False)
            self._attempt(resumed)
            verify_partly(self._session, prepared, self._began, hint=self._again)
            record_partly(self._session, prepared.section, records(), hint=self._again)
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
            call(prepared, Db(session, prepared.step.version.text, calls, batches), calls)
            if client.transaction is not Transaction.NONE:
                error = ServerError(f"{code_of(prepared)} has left a transaction open, which was rolled back")
                raise of_python(prepared.section, StatementFailed(error), None, "COMMIT it")
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
        self._session.reset()  # what follows is written with dbops' own role and settings
        self._session.log(self._line(Action.STATEMENT_FAILED if left else Action.STATEMENT_UNDONE))
        error = failed(self._session, self._prepared, failure, self._began, self._deadline)
        if not left:
            return error
        if isinstance(error, LockNotAcquired):
            error.message += "; the migration is partial"
            error.hint = f"{error.hint}; then {self._again}"
            return error
        version = self._prepared.step.version.text
        remedy = failure.hint or self._session.hint(failure.error, version) or "mend it"
        return PartlyApplied(
            f"{error.message} (what was committed before it is in place)",
            hint=f"{remedy}; then {self._again}",
            detail=error.detail,
        )

    @property
    def _again(self) -> str:
        return f"bin/migrate {self._prepared.step.direction.value} calls {code_of(self._prepared)} again, which goes on"

    def _line(self, action: Action) -> LogEntry:
        step, code = self._prepared.step, code_of(self._prepared)
        return LogEntry(
            action,
            step.version.text,
            step.status.name,
            step.direction,
            statement_number=1,
            statement_checksum=code.checksum,
            statement=str(code),
        )
