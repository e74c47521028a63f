"""One round: up, down, up again, and after each the schema held against what it should be."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dbops.engines.postgres.beyond import reaches_beyond
from dbops.engines.schema import Schema, differences
from dbops.errors import CannotConnect, DbopsError, Interrupted, Refused
from dbops.events import ignore
from dbops.migrations import texts
from dbops.migrations.executor import Executor
from dbops.migrations.migrator import nobody_knows
from dbops.migrations.model import MigrationFile, State, Status
from dbops.migrations.planner import Plan, Step, Work
from dbops.migrations.preparation import Preparation
from dbops.migrations.prepare import prepare
from dbops.migrations.report import place
from dbops.safety.rounds import rows
from dbops.safety.rounds.model import After, Failure, Found, Lost, Round, Verdict, Wishes

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session

NOT_THE_FILES = (CannotConnect, Interrupted)
"""What is no answer to the question whether a migration runs."""


def run(session: Session, file: MigrationFile, work: Work, wishes: Wishes) -> None:
    """Run one section.

    :raises DbopsError: it does not run.
    """
    row = next((row for row in session.read().rows if row.sort_key == file.version.key), None)
    status = Status(file.version, file.name, State.APPLIED if row else State.PENDING, file, row)
    step = Step(work, status)
    if not wishes.own_server:
        _refuse_beyond(step, session)
    executor = Executor(session, deadline=wishes.deadline, listen=ignore, decide=nobody_knows)
    executor.execute(Preparation(Plan(work.value, (step,)), session))


def _refuse_beyond(step: Step, session: Session) -> None:
    """:raises Refused: the section would change what the live database shares with the scratch database."""
    prepared = prepare(step, session)
    for statement in prepared.statements.statements:
        if reaches_beyond(statement.text):
            line, column = place(prepared.section, statement.offset)
            raise Refused(
                f"{prepared.section.label}:{line}:{column}: not run, since it reaches beyond the scratch database, "
                "to what all databases of the server share",
                hint="run it on a server for it alone: --scratch-url postgresql://user@host:port/postgres",
            )


@dataclasses.dataclass
class One:
    """A round in the making, in a database that is thrown away afterwards unless all is well.

    `before` is the schema that is there, where it is known, `after` the one that the up has made.
    """

    session: Session
    file: MigrationFile
    wishes: Wishes
    with_rows: bool
    found: list[Found] = dataclasses.field(default_factory=list)
    lost: tuple[Lost, ...] = ()
    before: Schema | None = None
    after: Schema | None = None

    def run(self) -> Round:
        """Go through with it as far as the sections run."""
        try:
            verdict, failure = self._verdict(), None
        except _Failed as failed:
            # Where the down has left something, that is why the up does not run again.
            verdict = Verdict.DIFFERS if self.found else failed.verdict
            failure = failed.failure
        return Round(self.file, verdict, tuple(self.found), failure, self.lost)

    def _verdict(self) -> Verdict:
        self._fill(1)
        before = self.before or self.session.schema()
        self._section(Work.RUN_UP, Verdict.UP_FAILS)
        after = self.after = self.session.schema()
        self._fill(2)
        has_down = texts.read(self.file).down is not None
        if has_down:
            self._down_and_up(before, after)
        if self.wishes.twice:
            self._section(Work.RUN_UP, Verdict.UP_AGAIN_FAILS)
            self._compare(After.UP_TWICE, after)
        if self.found:
            return Verdict.DIFFERS
        return Verdict.COMES_BACK if has_down else Verdict.NO_DOWN

    def _down_and_up(self, before: Schema, after: Schema) -> None:
        values = rows.contents(self.session) if self.with_rows else {}
        self._section(Work.RUN_DOWN, Verdict.DOWN_FAILS)
        self._compare(After.DOWN, before)
        self._section(Work.RUN_UP, Verdict.UP_AGAIN_FAILS)
        self._compare(After.UP_AGAIN, after)
        self.lost = rows.lost(values, rows.contents(self.session)) if self.with_rows else ()

    def _fill(self, seed: int) -> None:
        if self.with_rows:
            rows.fill(self.session, seed)

    def _compare(self, after: After, expected: Schema) -> None:
        self.found += [Found(after, one) for one in differences(expected, self.session.schema())]

    def _section(self, work: Work, failing: Verdict) -> None:
        try:
            run(self.session, self.file, work, self.wishes)
        except NOT_THE_FILES:
            raise
        except DbopsError as error:
            raise _Failed(failing, Failure(error.message, error.detail)) from error


class _Failed(Exception):
    """A section does not run."""

    def __init__(self, verdict: Verdict, failure: Failure) -> None:
        super().__init__(failure.message)
        self.verdict, self.failure = verdict, failure
