"""The verbs of `migrate` as methods: from a session and a folder to plans and what came of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dbops.config.model import Settings
from dbops.engines.records import Action, JournalLine
from dbops.errors import Refused
from dbops.events import Listener, Note
from dbops.migrations.model import Folder, State, Status
from dbops.migrations.planner import Plan, Work
from dbops.migrations.preparation import Preparation
from dbops.migrations.reader import Reader
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.engines.base import Blocker
    from dbops.engines.session import Session
    from dbops.migrations.adopt.mirror import Mirror
    from dbops.migrations.stepwise import Decide

MakePlan = Callable[[Sequence[Status]], Plan]


def nobody_knows(prepared: object, statement: object) -> None:
    """The answer to "did it take effect?" where there is nobody to ask."""


class Migrator(Reader):
    """The verbs that change something."""

    def __init__(
        self, session: Session, settings: Settings, listen: Listener, decide: Decide = nobody_knows
    ) -> None:
        super().__init__(session, settings, listen)
        self._decide = decide

    def initialise(self) -> bool:
        """Make the tracking tables unless they are there; True if this call made them."""
        if self.session.initialised:
            return False
        self.session.acquire_lock()
        made = self.session.initialise()
        if made:
            self._log(Action.INITIALISED)
        return made

    def prepare(self, make_plan: MakePlan) -> Preparation:
        """What `make_plan` makes of the statuses, with every file read; changes nothing.

        :raises DbopsError: where a file cannot be run, or the statuses do not allow it.
        """
        statuses = self.statuses()
        prepared = Preparation(make_plan(statuses), self.session, statuses)
        if self.elsewhere and any(step.work is Work.RUN_UP for step in prepared.plan.steps):
            from dbops.migrations.adopt.mirror import offer

            raise offer(self.elsewhere)
        if prepared.plan.single_transaction:
            _refuse_unsafe(prepared.plan, self.session)
        return prepared

    def change(
        self,
        prepared: Preparation,
        make_plan: MakePlan,
        *,
        refuse_drift: bool = False,
        approve: Callable[[Plan], None] = lambda plan: None,
    ) -> Plan:
        """Carry out a plan under the lock; returns the plan that was carried out.

        Another migrator may have been at work since it was made, so that it is
        made again once the lock is held.

        :param refuse_drift: do nothing where the schema is not what the last migrations left; else it is warned of.
        :param approve: what raises where the plan is not to be carried out; asked under the lock.
        :raises Refused: where a plan that loses data is not the same any more.
        :raises DbopsError: at the first step that fails; the steps before it stay.
        """
        self.session.acquire_lock()
        if self.session.initialise():
            self._log(Action.INITIALISED)
        recorded = self.session.read()
        mirror = self.mirror(recorded)
        with mirror.held() if mirror else contextlib.nullcontext():
            if mirror:
                mirror.take_over(recorded)
            prepared = self._still(prepared, make_plan)
            approve(prepared.plan)
            return self._carry_out(prepared, mirror, refuse_drift=refuse_drift)

    def catch_up(self) -> bool:
        """Record what the other tool has done whose table is kept in step, where no plan is carried out.

        Returns whether there may have been something.

        :raises LockNotAcquired: where one of both locks is not to be had.
        """
        if not self.behind:
            return False
        self.session.acquire_lock()
        recorded = self.session.read()
        if mirror := self.mirror(recorded):
            with mirror.held():
                mirror.take_over(recorded)
        return True

    def _still(self, prepared: Preparation, make_plan: MakePlan) -> Preparation:
        """What is planned now; the same where nobody was at work meanwhile."""
        if _work(make_plan(self.statuses())) != _work(prepared.plan):
            if prepared.plan.loses_data:
                raise Refused(
                    "another migrator was at work meanwhile, so this would undo something else than was planned",
                    hint="bin/migrate status, then run the command again",
                )
            self._listen(Note("another migrator was at work meanwhile; planned again"))
            prepared = self.prepare(make_plan)
        return prepared

    def _carry_out(self, prepared: Preparation, mirror: Mirror | None, *, refuse_drift: bool) -> Plan:
        from dbops.migrations import schema_drift, statistics  # late: mostly there is nothing to run
        from dbops.migrations.executor import Executor

        executor = Executor(
            self.session,
            deadline=self.settings.deadline.value,
            listen=self._listen,
            decide=self._decide,
            mirror=mirror,
        )
        with (
            statistics.renewed(self.session, prepared.plan, self.settings.analyze_after.value, self._listen),
            schema_drift.watched(
                self.session, prepared.plan, self._listen, refuse=refuse_drift
            ) as store_schema,
        ):
            executor.execute(prepared, between=store_schema)
        return prepared.plan

    def lock_holder(self) -> Blocker | None:
        """The session that holds the migration lock; None where nobody does.

        :raises Refused: where it is somebody who is not dbops, or a process that no server could end.
        """
        holder = self.session.lock_holder()
        if holder is not None and not holder.application.startswith("dbops "):
            raise Refused(
                f"the lock is held by a session that is not dbops': {holder}",
                hint=f"if it may be ended: SELECT pg_terminate_backend({holder.pid})",
            )
        if holder is not None and holder.is_local:
            raise Refused(
                f"a file has no server that could end the process that holds the lock: {holder}",
                hint=f"kill {holder.pid}, on the machine where it runs; what it had not committed is not there",
            )
        return holder

    def unlock(self, holder: Blocker) -> None:
        """End the session that holds the lock; what it had not committed is rolled back."""
        self.session.end_session(holder)
        self._log(Action.UNLOCKED, {"pid": holder.pid, "application": holder.application})

    def _log(self, action: Action, detail: dict[str, Any] | None = None) -> None:
        from dbops.engines.log import LogEntry

        self.session.log(LogEntry(action, detail=detail))


def late_author(folder: Folder, statuses: Sequence[Status]) -> str:
    """Who brought the first file that is out of order, as git tells: ` (added by ..., ...)`, or nothing."""
    status = next((status for status in statuses if status.state is State.OUT_OF_ORDER and status.file), None)
    if status is None or status.file is None:
        return ""
    from dbops.migrations.authorship import author_of

    author = author_of(status.file.path)
    return f" (added by {author})" if author else ""


def _work(plan: Plan) -> list[tuple[Work, Version, State, bool, tuple[JournalLine, ...]]]:
    """What a plan does and what it supposes; where a journal has grown meanwhile, it is another plan."""
    return [
        (step.work, step.version, step.status.state, step.status.is_applied, step.status.journal)
        for step in plan.steps
    ]


def _refuse_unsafe(plan: Plan, session: Session) -> None:
    """:raises Refused: where the pending migrations cannot all be in one transaction."""
    from dbops.migrations.prepare import prepare
    from dbops.migrations.report import place
    from dbops.migrations.script import Mode

    prepared = [prepare(step, session) for step in plan.runs]
    for one in prepared:
        if one.script.mode is not Mode.TRANSACTION:
            raise Refused(
                f"{one.section.label} cannot be in one transaction with others: {one.script.reason}",
                hint=_TWO_RUNS,
            )
    obstacle = session.unsafe_in_one_transaction([tuple(one.script.statements) for one in prepared])
    if obstacle is not None:
        section = prepared[obstacle.section].section
        line, column = place(section, obstacle.statement.offset)
        raise Refused(
            f"{section.label}:{line}:{column}: {obstacle} cannot be in one transaction", hint=_TWO_RUNS
        )


_TWO_RUNS = "run up to that one with --to, then the rest; or leave --single-transaction out"
