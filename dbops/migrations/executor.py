"""Runs a plan: the one place where migrations change a database."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Sequence

from dbops.engines.base import SessionLost, Stage, StatementFailed
from dbops.engines.log import DeleteRow, LogEntry, Record, UpdateChecksums
from dbops.engines.postgres.failure import NEEDS_NO_TRANSACTION
from dbops.engines.postgres.session import Session
from dbops.engines.records import Action
from dbops.errors import CannotConnect, DbopsError
from dbops.events import Detail, Listener, Note, Warned
from dbops.migrations import report, retry
from dbops.migrations.planner import Plan, Step, Work
from dbops.migrations.prepare import Prepared, StoredDown, prepare, recorded_row
from dbops.migrations.progress import MigrationDone
from dbops.migrations.script import Mode
from dbops.migrations.stepwise import Decide, Stepwise


class Executor:
    """Carries out plans on a session that holds the lock."""

    def __init__(self, session: Session, *, deadline: float, listen: Listener, decide: Decide) -> None:
        self._session = session
        self._deadline = deadline
        self._listen = listen
        self._decide = decide

    def execute(self, plan: Plan) -> None:
        """Run the steps in order; each is complete or has left nothing before the next begins.

        :raises DbopsError: at the first step that fails; the steps before it stay (none, in a single transaction).
        """
        if plan.action is not None:
            self._session.record([record for step in plan.steps for record in _bookkeeping(step, plan.action)])
        elif plan.single_transaction:
            self._all_in_one(plan)
        else:
            for prepared in _ahead(plan.steps, self._session.down_sql):
                self._guarded(functools.partial(self._one, prepared), prepared.step)

    def _one(self, prepared: Prepared) -> None:
        began = time.monotonic()
        self._warn_if_empty(prepared)
        if prepared.script.mode is Mode.TRANSACTION:
            prepared = self._in_transaction(prepared)
        if prepared.script.mode is Mode.STEPWISE:
            self._listen(Detail(f"{prepared.section.label}: runs {Mode.STEPWISE.value}, since {prepared.script.reason}"))
            stepwise = Stepwise(
                self._session, prepared, deadline=self._deadline_of(prepared), listen=self._listen, decide=self._decide
            )
            stepwise.run(lambda: _records(prepared, time.monotonic() - began))
        self._done(prepared, time.monotonic() - began)

    def _in_transaction(self, prepared: Prepared) -> Prepared:
        """Run it as one transaction; where the server says that a statement cannot, return it as stepwise instead."""
        try:
            retry.with_retries(
                lambda: self._transaction(prepared),
                what=prepared.section.label,
                deadline=self._deadline_of(prepared),
                listen=self._listen,
            )
        except StatementFailed as failure:
            if failure.stage is not Stage.STATEMENT or failure.error.sqlstate not in NEEDS_NO_TRANSACTION:
                raise self._failed(prepared, failure) from failure
            offset = prepared.script.units[0].statements[failure.index].offset
            self._listen(Note(f"{prepared.section.label}: {failure.error.message}; running it statement by statement"))
            return prepare(prepared.step, self._session.down_sql, frozenset({offset}))
        return prepared

    def _deadline_of(self, prepared: Prepared) -> float:
        return self._deadline if prepared.settings.deadline is None else prepared.settings.deadline

    def _transaction(self, prepared: Prepared, *, opens: bool = True, commits: bool = True) -> None:
        units = prepared.script.units
        self._session.transaction(
            [text for unit in units for text in unit.texts],
            _records(prepared),
            begin=units[0].begin if units else None,
            lock_timeout=prepared.settings.lock_timeout,
            statement_timeout=prepared.settings.statement_timeout,
            opens=opens,
            commits=commits,
        )

    def _all_in_one(self, plan: Plan) -> None:
        """All steps in one transaction; what stands between them starts clean nevertheless."""
        at: list[Prepared] = []

        def attempt() -> None:
            done = []
            for step in plan.steps:
                began = time.monotonic()
                prepared = prepare(step, self._session.down_sql)
                self._warn_if_empty(prepared)
                at.append(prepared)
                self._transaction(prepared, opens=step is plan.steps[0], commits=step is plan.steps[-1])
                done.append((prepared, time.monotonic() - began))
            for prepared, seconds in done:
                self._done(prepared, seconds)

        def all_or_none() -> None:
            try:
                retry.with_retries(attempt, what="all pending migrations", deadline=self._deadline, listen=self._listen)
            except StatementFailed as failure:
                raise self._failed(at[-1], failure) from failure

        if plan.steps:
            self._guarded(all_or_none, plan.steps[0])

    def _guarded(self, work: Callable[[], None], step: Step) -> None:
        """Run something, and tell a lost connection from a failed migration."""
        try:
            work()
        except SessionLost as lost:
            state = (
                "whether it was committed, only the server knows"
                if lost.outcome_unknown
                else "what was not committed is not there"
            )
            raise CannotConnect(
                f"the connection was lost while version {step.version} ({step.work.value}) ran; {state}: {lost}",
                hint="bin/migrate status, once the server is back",
            ) from lost

    def _warn_if_empty(self, prepared: Prepared) -> None:
        if not prepared.statements.statements:
            self._listen(Warned(f"{prepared.section.label} holds no statement"))

    def _failed(self, prepared: Prepared, failure: StatementFailed) -> DbopsError:
        """Log a migration that failed and was rolled back, and return what to tell."""
        statements = tuple(prepared.script.statements)
        statement = statements[failure.index] if failure.stage is Stage.STATEMENT else None
        self._session.log(
            LogEntry(
                Action.FAILED,
                prepared.step.version.text,
                prepared.step.status.name,
                prepared.step.direction,
                statement_number=failure.index + 1 if statement else None,
                statement=statement.redacted if statement else None,
                sqlstate=failure.error.sqlstate,
                message=failure.error.message,
            )
        )
        headline = report.headline(prepared.section, statement, failure)
        if failure.stage is Stage.LOCK_CHECK:
            return retry.lock_given_away(prepared.section.label)
        if failure.error.sqlstate in retry.RETRIED:
            return retry.gave_up(failure, headline, self._deadline_of(prepared))
        return DbopsError(
            headline,
            detail=report.excerpt(prepared.section, statement, failure),
            hint=report.hint(failure, prepared.step.version.text),
        )

    def _done(self, prepared: Prepared, seconds: float) -> None:
        step = prepared.step
        count = sum(1 for _ in prepared.script.statements)
        self._listen(MigrationDone(step.version.text, step.status.name, step.direction.value, seconds, count))


def _ahead(steps: Sequence[Step], stored_down: StoredDown) -> Iterator[Prepared]:
    """Each step prepared, the next one while the server is busy with the one at hand.

    Steps whose section may have to come from the database wait for their turn, since the connection is in use.
    """
    with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="dbops-prepare") as reading:
        following: concurrent.futures.Future[Prepared] | None = None
        for number, step in enumerate(steps):
            prepared = prepare(step, stored_down) if following is None else following.result()
            following = None
            if number + 1 < len(steps) and steps[number + 1].work is Work.RUN_UP:
                following = reading.submit(prepare, steps[number + 1], stored_down)
            yield prepared


def _records(prepared: Prepared, seconds: float | None = None) -> list[Record]:
    """What is written down together with the last statement of a step.

    :param seconds: how long it took; None where all of it is one transaction, whose time the server knows.
    """
    step = prepared.step
    milliseconds = None if seconds is None else round(seconds * 1000)
    if prepared.row is not None:
        described = {"description": prepared.row.description} if prepared.row.description else None
        row = dataclasses.replace(prepared.row, execution_time_ms=milliseconds)
        entry = LogEntry(
            Action.APPLIED,
            step.version.text,
            step.status.name,
            step.direction,
            detail=described,
            duration_ms=milliseconds,
        )
        return [row, entry]
    assert step.status.row is not None  # only applied versions are undone
    entry = LogEntry(
        Action.REVERTED, step.version.text, step.status.name, step.direction, duration_ms=milliseconds
    )
    return [DeleteRow(step.status.row.version), entry]


def _bookkeeping(step: Step, action: Action) -> list[Record]:
    """The records of a step that runs no SQL."""
    status = step.status
    entry = LogEntry(action, step.version.text, status.name, detail={"work": step.work.value}, duration_ms=0)
    if step.work is Work.UNRECORD:
        return [DeleteRow(status.row.version), entry] if status.row else [entry]
    assert status.file is not None  # only versions with a file are recorded
    row = recorded_row(status.file)
    if step.work is Work.UPDATE:
        assert status.row is not None  # only applied versions drift
        old = {"old": status.row.checksum, "new": row.checksum}
        row = dataclasses.replace(row, version=status.row.version)
        return [UpdateChecksums(row), LogEntry(action, step.version.text, status.name, detail=old, duration_ms=0)]
    return [entry] if status.is_applied else [row, entry]
