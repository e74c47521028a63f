"""The migrations that are still to come, for what they will ask of the rows that are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dbops.errors import DbopsError
from dbops.migrations.model import State, Status
from dbops.migrations.planner import Step, Work
from dbops.migrations.prepare import Prepared, prepare

if TYPE_CHECKING:
    from dbops.engines.session import Session

_PENDING = frozenset({State.PENDING, State.OUT_OF_ORDER})


def pending(session: Session, statuses: Sequence[Status]) -> Iterator[Prepared]:
    """The migrations to come, in order, as far as they can be read."""
    for status in statuses:
        if status.state in _PENDING:
            try:
                yield prepare(Step(Work.RUN_UP, status), session)
            except DbopsError:
                return  # what follows on a file that cannot be read is not known; `lint` says what is wrong with it
