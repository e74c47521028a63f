"""Runs a plan: the one place where migrations change a database."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dbops.engines.base import SessionLost, Stage, StatementFailed, Trouble
from dbops.engines.log import DeleteRow, LogEntry, Record, UpdateChecksums
from dbops.engines.records import Action, Applied, Direction
from dbops.engines.session import Session
from dbops.errors import CannotConnect, DbopsError
from dbops.events import Detail, Listener, Note, Warned
from dbops.migrations import checks, code_call, code_run, report, retry
from dbops.migrations.planner import Plan, Step, Work
from dbops.migrations.preparation import Preparation
from dbops.migrations.prepare import Prepared, located, prepare, recorded_row
from dbops.migrations.progress import MigrationDone, milliseconds_since
from dbops.migrations.script import Mode
from dbops.migrations.stepwise import Decide, Stepwise
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.migrations.adopt.mirror import Mirror


class Executor:
    """Carries out plans on a session that holds the lock."""

    def __init__(
        self,
        session: Session,
        *,
        deadline: float,
        listen: Listener,
        decide: Decide,
        mirror: Mirror | None = None,
    ) -> None:
        self._session = session
        self._mirror = mirror
        self._deadline = deadline
        self._listen = listen
        self._decide = decide

    def execute(self, preparation: Preparation, between: Callable[[], None] = lambda: None) -> None:
        """Run the steps of a plan in order; each is complete or has left nothing before the next begins.

        :param between: called between two steps that are transactions of their own.
        :raises DbopsError: at the first step that fails; the steps before it stay (none, in a single transaction).
        """
        plan = preparation.plan
        if plan.action is not None:
            self._session.record(
                [record for step in plan.steps for record in self._bookkeeping(step, plan.action)]
            )
            return
        self._move(plan.moves)
        if plan.single_transaction:
            self._all_in_one(plan)
        else:
            for number, step in enumerate(plan.runs):
                if number > 0:
                    between()
                self._guarded(functools.partial(self._one, preparation.take(step)), step)

    def _move(self, steps: Sequence[Step]) -> None:
        """Give the records of renumbered migrations their new versions, all of them in one transaction."""
        if not steps:
            return
        moved = [_moved(step, self._session) for step in steps]
        self._session.record(
            # All are taken away first: the new version of one may be the old one of another.
            [
                *(old for old, _, _ in moved),
                *(
                    record
                    for step in steps
                    for record in self._mirrored(step, Direction.DOWN, step.status.row)
                ),
                *(record for _, row, entry in moved for record in (row, entry)),
                *(record for step in steps for record in self._mirrored(step, Direction.UP)),
            ]
        )
        for step in steps:
            self._listen(
                Note(f"moved the record of {step.status.applied_as} {step.status.name} to {step.version}")
            )

    def _one(self, prepared: Prepared) -> None:
        began = time.monotonic()
        self._session.about(named(prepared.step))
        self._warn_if_empty(prepared)
        if prepared.script.mode is Mode.TRANSACTION:
            prepared = self._in_transaction(prepared, began)
        mode = prepared.script.mode
        if mode is not Mode.TRANSACTION:
            self._listen(
                Detail(f"{prepared.section.label}: runs {mode.value}, since {prepared.script.reason}")
            )
        if mode is Mode.STEPWISE:
            stepwise = Stepwise(
                self._session,
                prepared,
                deadline=self._deadline_of(prepared),
                listen=self._listen,
                decide=self._decide,
            )
            stepwise.run(lambda: self._records(prepared, milliseconds_since(began)))
        if mode is Mode.COMMITTING:
            committing = code_run.Committing(
                self._session, prepared, deadline=self._deadline_of(prepared), listen=self._listen
            )
            committing.run(lambda: self._records(prepared, milliseconds_since(began)))
        self._done(prepared, time.monotonic() - began)

    def _in_transaction(self, prepared: Prepared, began: float) -> Prepared:
        """Run it as one transaction; where the server says that a statement cannot, return it as stepwise instead."""
        try:
            retry.with_retries(
                lambda: self._transaction(prepared, self._records(prepared)),
                what=prepared.section.label,
                deadline=self._deadline_of(prepared),
                listen=self._listen,
            )
        except StatementFailed as failure:
            needs_none = failure.error.trouble is Trouble.NEEDS_NO_TRANSACTION
            if failure.stage is not Stage.STATEMENT or not needs_none or prepared.code:
                raise self._failed(prepared, failure, began) from failure
            offset = prepared.script.units[0].statements[failure.index].offset
            self._listen(
                Note(f"{prepared.section.label}: {failure.error.message}; running it statement by statement")
            )
            return prepare(prepared.step, self._session, frozenset({offset}))
        return prepared

    def _deadline_of(self, prepared: Prepared) -> float:
        return self._deadline if prepared.settings.deadline is None else prepared.settings.deadline

    def _transaction(
        self, prepared: Prepared, records: list[Record], *, opens: bool = True, commits: bool = True
    ) -> None:
        if not prepared.checks:
            self._statements(prepared, records, opens=opens, commits=commits)
            return
        self._statements(prepared, [], opens=opens, commits=False)
        checks.run(self._session, prepared.checks, inside=True)
        if records:
            self._session.transaction((), records, opens=False, commits=commits)

    def _statements(self, prepared: Prepared, records: list[Record], *, opens: bool, commits: bool) -> None:
        count = sum(len(unit.statements) for unit in prepared.script.units)
        self._session.about(named(prepared.step), of=count)
        if prepared.code:
            deadline = self._deadline_of(prepared)
            code_run.in_transaction(
                self._session,
                prepared,
                records,
                deadline=deadline,
                listen=self._listen,
                opens=opens,
                commits=commits,
            )
            return
        units = prepared.script.units
        self._session.transaction(
            [text for unit in units for text in unit.texts],
            records,
            copies=units[0].copies if units else None,
            begin=units[0].begin if units else None,
            lock_timeout=prepared.settings.lock_timeout,
            statement_timeout=prepared.settings.statement_timeout,
            opens=opens,
            commits=commits,
        )

    def _all_in_one(self, plan: Plan) -> None:
        """All steps in one transaction; what stands between them starts clean nevertheless."""
        at: list[tuple[Prepared, float]] = []
        runs = plan.runs

        def attempt() -> None:
            done = []
            for step in runs:
                began = time.monotonic()
                prepared = prepare(step, self._session)
                self._warn_if_empty(prepared)
                at.append((prepared, began))
                self._transaction(prepared, [], opens=step is runs[0], commits=False)
                # Apart, since the clock of the transaction would count the steps before this one, too.
                records = self._records(prepared, milliseconds_since(began))
                self._session.transaction((), records, opens=False, commits=step is runs[-1])
                done.append((prepared, time.monotonic() - began))
            for prepared, seconds in done:
                self._done(prepared, seconds)

        def all_or_none() -> None:
            try:
                retry.with_retries(
                    attempt, what="all pending migrations", deadline=self._deadline, listen=self._listen
                )
            except StatementFailed as failure:
                raise self._failed(at[-1][0], failure, at[-1][1]) from failure

        if runs:
            self._guarded(all_or_none, runs[0])

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
        if not prepared.statements.statements and not prepared.code:
            self._listen(Warned(f"{prepared.section.label} holds no statement"))

    def _failed(self, prepared: Prepared, failure: StatementFailed, began: float) -> DbopsError:
        """Log a migration that failed and was rolled back, and return what to tell."""
        if isinstance(failure, code_call.CodeFailed):
            return code_call.failed(self._session, prepared, failure, began, self._deadline_of(prepared))
        section, statement, failure = located(prepared, failure)
        step, number = prepared.step, failure.index + 1
        self._session.log(report.log_entry(step, statement, number, failure.error, milliseconds_since(began)))
        headline = report.headline(section, statement, failure)
        if failure.stage is Stage.LOCK_CHECK:
            return retry.lock_given_away(section.label)
        if failure.error.trouble in retry.RETRIED:
            return retry.gave_up(failure, headline, self._deadline_of(prepared))
        return DbopsError(
            headline,
            detail=report.excerpt(section, statement, failure),
            hint=report.hint(failure, step, self._session.hint),
        )

    def _records(self, prepared: Prepared, milliseconds: int | None = None) -> list[Record]:
        """What is written down together with the last statement of a step, in the other tool's table, too."""
        step = prepared.step
        return [*_records(prepared, milliseconds), *self._mirrored(step, step.direction)]

    def _bookkeeping(self, step: Step, action: Action) -> list[Record]:
        records = _bookkeeping(step, action)
        if step.work is Work.RECORD and not step.status.is_applied:
            records += self._mirrored(step, Direction.UP)
        elif step.work is Work.UNRECORD and step.status.is_applied:
            records += self._mirrored(step, Direction.DOWN)
        return records

    def _mirrored(self, step: Step, direction: Direction, row: Applied | None = None) -> list[Record]:
        """What goes into the other tool's table.  `row`: of which version it is, where that is not the step's."""
        if self._mirror is None:
            return []
        version = Version(row.version, row.sort_key) if row else step.version
        return self._mirror.records(version, step.status.name, direction)

    def _done(self, prepared: Prepared, seconds: float) -> None:
        step = prepared.step
        count = sum(1 for _ in prepared.script.statements)
        self._listen(MigrationDone(step.version.text, step.status.name, step.direction.value, seconds, count))


def named(step: Step) -> str:
    """What is told of its statements to who watches them."""
    return f"{step.version} {step.status.name}"


def _records(prepared: Prepared, milliseconds: int | None = None) -> list[Record]:
    """What is written down together with the last statement of a step.

    :param milliseconds: how long it took; None lets the server count from the transaction's beginning.
    """
    step, row = prepared.step, prepared.row
    version, name, direction = step.version.text, step.status.name, step.direction
    if row is not None:
        described = {"description": row.description} if row.description else None
        entry = LogEntry(Action.APPLIED, version, name, direction, duration_ms=milliseconds, detail=described)
        before: list[Record] = [DeleteRow(step.status.row.version)] if step.status.row else []  # run again
        timed = row if milliseconds is None else dataclasses.replace(row, execution_time_ms=milliseconds)
        return [*before, timed, entry]
    assert step.status.row is not None  # only applied versions are undone
    entry = LogEntry(Action.REVERTED, version, name, direction, duration_ms=milliseconds)
    return [DeleteRow(step.status.row.version), entry]


def _moved(step: Step, session: Session) -> tuple[DeleteRow, Applied, LogEntry]:
    """The records that give a renumbered migration its new version; when and by whom it was applied stays."""
    status = step.status
    assert status.file is not None  # the two that make a move
    assert status.row is not None
    old, new = status.row, recorded_row(status.file)
    row = dataclasses.replace(
        new,
        applied_at=old.applied_at,
        applied_by=old.applied_by,
        execution_time_ms=old.execution_time_ms or 0,
        down_sql=new.down_sql or session.down_sql(old.version),
    )
    detail = {"old": old.version, "new": new.version}
    entry = LogEntry(Action.RENUMBERED, new.version, status.name, detail=detail, duration_ms=0)
    return DeleteRow(old.version), row, entry


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
        return [
            UpdateChecksums(row),
            LogEntry(action, step.version.text, status.name, detail=old, duration_ms=0),
        ]
    return [entry] if status.is_applied else [row, entry]
