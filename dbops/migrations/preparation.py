"""A plan whose files have been read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbops.migrations.planner import Plan, Step, Work

if TYPE_CHECKING:
    from dbops.engines.session import Session
    from dbops.migrations.model import Status
    from dbops.migrations.prepare import Prepared


class Preparation:
    """All steps of a plan read before the first is run, so that a mistake in the last one is found in time.

    What fits into `budget` characters of SQL is kept until its turn comes; the rest is read again then.
    `statuses` are those that it was planned on.
    """

    def __init__(
        self, plan: Plan, session: Session, statuses: Sequence[Status] = (), budget: int = 500_000
    ) -> None:
        self.statuses = statuses
        self._session = session
        self._budget = budget
        self._kept: dict[tuple[Work, str], Prepared] = {}
        self.plan = dataclasses.replace(plan, steps=tuple(self._outlined(step) for step in plan.steps))

    def take(self, step: Step) -> Prepared:
        """What a step of the plan runs; it is not kept any longer."""
        from dbops.migrations.prepare import prepare

        return self._kept.pop(_key(step), None) or prepare(step, self._session)

    def _outlined(self, step: Step) -> Step:
        if step.work not in {Work.RUN_UP, Work.RUN_DOWN}:
            return step
        from dbops.migrations.prepare import prepare  # late: mostly there is nothing to run

        prepared = prepare(step, self._session)
        self._budget -= len(prepared.section.sql)
        if self._budget >= 0:
            self._kept[_key(step)] = prepared
        return dataclasses.replace(step, outline=prepared.outline)


def _key(step: Step) -> tuple[Work, str]:
    return step.work, step.version.key
