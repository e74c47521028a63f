"""The rounds: each on a copy of what the migrations before it have made, so that none suffers from another's down."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbops.engines.schema import Schema, differences
from dbops.errors import DbopsError
from dbops.events import Detail, Listener
from dbops.migrations.model import MigrationFile, State, Status
from dbops.migrations.planner import Work
from dbops.safety.rounds.model import History, Round, Rounds, Verdict
from dbops.safety.rounds.one import NOT_THE_FILES, One
from dbops.safety.rounds.one import run as run_section

if TYPE_CHECKING:
    from dbops.safety.rounds.scratch import Scratch


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What is asked for.

    :param every: also the applied ones.
    :param with_rows: the tables have rows when a migration runs.
    :param twice: each up runs again where it has run.
    :param deadline: seconds for which a migration is tried again that cannot get a lock.
    """

    every: bool
    with_rows: bool
    twice: bool
    deadline: float


def run(
    statuses: Sequence[Status], live: Schema, scratch: Scratch, wishes: Wishes, listen: Listener
) -> Rounds:
    """Run the files in order; those that need no round just up.

    :param live: the schema of the database that `statuses` are of.
    :raises DbopsError: an applied file that needs no round does not run.
    """
    found: list[Round] = []
    history = _unknown(statuses)
    newest = max((status.version.key for status in statuses if status.is_applied), default=None)
    broken = False
    for status in statuses:
        file = status.file
        if file is None:
            continue
        wanted = wishes.every or not status.is_applied
        if broken:
            found.append(Round(file, Verdict.NOT_RUN))
            continue
        if wanted:
            listen(Detail(f"round of {status.version} {status.name}"))
            found.append(_round(scratch, file, wishes))
        try:
            run_section(scratch.session(), file, Work.RUN_UP, wishes.deadline)
        except NOT_THE_FILES:
            raise
        except DbopsError:
            if not wanted:
                raise
            broken = True
            history = History(history.unknown or f"version {status.version} does not run")
        if status.version.key == newest and history.unknown is None:
            history = _compared(live, scratch.session().schema())
    return Rounds(tuple(found), history)


def _round(scratch: Scratch, file: MigrationFile, wishes: Wishes) -> Round:
    """With rows, and once more without where it does not run with them."""
    done = _attempt(scratch, file, wishes)
    if done.failure is None or not wishes.with_rows:
        return done
    again = _attempt(scratch, file, dataclasses.replace(wishes, with_rows=False))
    failure = dataclasses.replace(done.failure, only_with_rows=again.verdict is not done.verdict)
    return dataclasses.replace(done, failure=failure, found=again.found or done.found)


def _attempt(scratch: Scratch, file: MigrationFile, wishes: Wishes) -> Round:
    with scratch.copy() as session:
        return One(session, file, wishes.deadline, wishes.with_rows, wishes.twice).run()


def _unknown(statuses: Sequence[Status]) -> History:
    """Why the live schema cannot be what the files make, if so."""
    applied = [status for status in statuses if status.is_applied]
    if not applied:
        return History("no migration is applied there")
    for status in applied:
        if status.file is None:
            return History(f"version {status.version} is applied there, and its file is gone")
        if status.state in {State.DRIFTED, State.CHANGED}:
            return History(f"the file of version {status.version} was changed since it was applied there")
    newest = max(status.version.key for status in applied)
    for status in statuses:
        if not status.is_applied and status.version.key < newest:
            return History(f"version {status.version} is not applied there, and others after it are")
        if status.journal:
            return History(f"version {status.version} stopped in the middle there")
    return History(None)


def _compared(live: Schema, made: Schema) -> History:
    if live.spelling != made.spelling:
        return History(f"it is of {live.spelling}, and the scratch database of {made.spelling}")
    return History(None, differences(made, live))
