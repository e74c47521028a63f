"""The rounds: each on a copy of what the migrations before it have made, so that none suffers from another's down."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbops.engines.schema import Schema, differences
from dbops.errors import DbopsError
from dbops.events import Detail, Listener, Note
from dbops.migrations.model import MigrationFile, State, Status
from dbops.migrations.planner import Work
from dbops.safety.rounds import section
from dbops.safety.rounds.model import Bare, History, Round, Rounds, Verdict, Wishes
from dbops.safety.rounds.one import One

if TYPE_CHECKING:
    from dbops.engines.session import Session
    from dbops.safety.rounds.scratch import Scratch

ALL_TABLES = "all tables"
"""Where no single one can be named that had no rows."""


def run(
    statuses: Sequence[Status], live: Schema, scratch: Scratch[Session], wishes: Wishes, listen: Listener
) -> Rounds:
    """Run the files in order; those that need no round just up.

    :param live: the schema of the database that `statuses` are of.
    :raises DbopsError: an applied file that needs no round does not run.
    """
    return _Run(scratch, wishes, listen).run(statuses, live)


class _Run:
    """The template has what the files before have made by their ups alone, but for the last that went well.

    These it gets when a copy is needed: the copy in which a round went well is as good for the next one, so that most
    need none of their own, and no migration is replayed for each that comes after it.
    """

    def __init__(self, scratch: Scratch[Session], wishes: Wishes, listen: Listener) -> None:
        self._scratch, self._wishes, self._listen = scratch, wishes, listen
        self._to_come: list[MigrationFile] = []
        self._schema: Schema | None = None  # of the copy

    def run(self, statuses: Sequence[Status], live: Schema) -> Rounds:
        found: list[Round] = []
        history = _unknown(statuses)
        newest = max((status.version.key for status in statuses if status.is_applied), default=None)
        broken = False
        for status in statuses:
            file = status.file
            if file is None:
                continue
            if broken:
                found.append(Round(file, Verdict.NOT_RUN))
                continue
            # A repeatable file that was changed is pending, too.
            if self._wishes.every or not status.is_applied or status.state is State.CHANGED:
                self._listen(Detail(f"round of {status.version} {status.name}"))
                found.append(self._round(file))
                broken = not (self._schema or self._ups(file))
            else:
                self._forget_copy()
                self._to_come.append(file)
            if broken:
                history = History(history.unknown or f"version {status.version} does not run")
            if status.version.key == newest and history.unknown is None:
                made = self._schema or self._template().schema()
                history = _compared(*(one.without(self._wishes.ignored) for one in (live, made)))
        return Rounds(tuple(found), history)

    def _round(self, file: MigrationFile) -> Round:
        """With rows, and once more without where it does not run with them."""
        done = self._attempt(file, with_rows=self._wishes.with_rows)
        if done.failure is None or not self._wishes.with_rows:
            return done
        again = self._attempt(file, with_rows=False)
        self._forget_copy()  # it has no rows
        if again.failure is None and done.failure.of_generated:
            return dataclasses.replace(again, bare=(Bare(ALL_TABLES, done.failure.message),))
        failure = dataclasses.replace(done.failure, only_with_rows=again.verdict is not done.verdict)
        return dataclasses.replace(done, failure=failure, found=again.found or done.found)

    def _attempt(self, file: MigrationFile, *, with_rows: bool) -> Round:
        if not self._scratch.has_copy:
            self._template()
        one = One(self._scratch.copy(), file, self._wishes, with_rows, before=self._schema)
        done = one.run()
        if done.found or done.failure:
            self._forget_copy()
        else:
            self._schema = one.after
            if with_rows == self._wishes.with_rows:
                self._to_come.append(file)
        return done

    def _ups(self, file: MigrationFile) -> bool:
        """Whether a migration runs in the template, whose round has spoilt its copy."""
        session = self._template()
        try:
            section.run(session, file, Work.RUN_UP, self._wishes)
        except section.NOT_THE_FILES:
            raise
        except section.Beyond as beyond:
            return beyond.wholly
        except DbopsError as error:
            if section.lacks_room(error):
                raise
            return False
        return True

    def _template(self) -> Session:
        """A session in the template, which has everything then.

        :raises DbopsError: an applied file does not run.
        """
        while self._to_come:
            try:
                section.run(self._scratch.template(), self._to_come[0], Work.RUN_UP, self._wishes)
            except section.Beyond as beyond:
                if not beyond.wholly:
                    raise
                self._listen(Note(beyond.message))
            del self._to_come[0]
        return self._scratch.template()

    def _forget_copy(self) -> None:
        self._scratch.drop_copy()
        self._schema = None


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
