"""A migration that cannot be one transaction: unit by unit, each written down, so that it can go on after a stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from dbops.engines.base import Settled, Stage, StatementFailed, Trouble
from dbops.engines.log import LogEntry, Record
from dbops.engines.records import Action, JournalLine
from dbops.engines.session import Session
from dbops.engines.statements import Kind, Statement
from dbops.errors import DbopsError, Interrupted, PartlyApplied
from dbops.events import Listener, Note
from dbops.migrations import checks, report, retry
from dbops.migrations.content import Section
from dbops.migrations.prepare import Prepared, located
from dbops.migrations.progress import Resumed, milliseconds_since
from dbops.migrations.script import Unit

# Whether a statement that was started has taken effect: yes, no, or nobody knows.
Decide = Callable[[Prepared, Statement], bool | None]


class Stepwise:
    """Runs one prepared section; `left` says whether something of it is in the database."""

    def __init__(
        self, session: Session, prepared: Prepared, *, deadline: float, listen: Listener, decide: Decide
    ) -> None:
        self._session = session
        self._prepared = prepared
        self._deadline = deadline
        self._listen = listen
        self._decide = decide
        self._numbered = tuple(_numbered(prepared.script.units))
        self._of = sum(len(unit.statements) for unit in prepared.script.units)
        self._began = time.monotonic()

    def run(self, records: Callable[[], list[Record]]) -> None:
        """Run what has not run yet, then write what `records` returns (the row and its event).

        :raises PartlyApplied: stopped; something is in place, and the journal says what.
        :raises DbopsError: stopped at the first statement, and nothing is left.
        """
        try:
            settings = self._prepared.settings
            self._session.set_timeouts(
                lock_timeout=settings.lock_timeout, statement_timeout=settings.statement_timeout
            )
            for number, unit in self._rest():
                self._run(number, unit)
            verify_partly(
                self._session,
                self._prepared,
                self._began,
                hint=f"bin/migrate {self._verb} verifies it again; {self._by_hand}",
            )
            hint = f"bin/migrate {self._verb} writes the record"
            record_partly(self._session, self._prepared.section, records(), hint=hint)
        finally:
            self._session.reset()

    # -- where to go on --------------------------------------------------------------------------------------------

    def _rest(self) -> tuple[tuple[int, Unit], ...]:
        """The units still to run."""
        lines = {line.number: line for line in self._prepared.step.status.journal}
        if not lines:
            return self._numbered
        first = self._first_to_run(lines)
        done = self._numbered[:first]
        if first < len(self._numbered):
            self._refuse_temporary(done)
            self._listen(Resumed(self._prepared.step.version.text, self._numbered[first][0], self._of))
        return self._numbered[first:]

    def _first_to_run(self, lines: dict[int, JournalLine]) -> int:
        """The index of the first unit that has not run; what those before it set for the session is set again.

        At once, since a statement that was only started is looked for under the search path that it had.
        """
        self._refuse_renumbered(lines)
        for index, (number, unit) in enumerate(self._numbered):
            line = lines.get(number)
            if (
                line is None
                or line.action is Action.STATEMENT_FAILED
                or line.action is Action.STATEMENT_UNDONE
            ):
                return index
            if line.action is Action.STATEMENT_DONE:
                self._refuse_edited(line, unit, number)
                self._set_again(unit)
            elif not self._took_effect(line, unit, number):
                return index
        return len(self._numbered)

    def _set_again(self, unit: Unit) -> None:
        for statement in unit.statements:
            if statement.kind is Kind.SET:
                self._session.transaction([statement.text], (), last=False)

    def _took_effect(self, line: JournalLine, unit: Unit, number: int) -> bool:
        """Whether a statement that the journal only knows as started has finished."""
        statement = unit.statements[0]
        settled = Settled.UNKNOWN
        if line.checksum == unit.checksum:
            settled = self._session.settle(statement)
        done = settled is Settled.DONE
        if settled is Settled.UNKNOWN:
            decided = self._decide(self._prepared, statement)
            if decided is None:
                raise self._partly(
                    f"{self._place(statement)}: statement {number} of {self._of} was started and the process ended; "
                    "whether it took effect is not to be seen from here",
                    f"look, then go on with bin/migrate {self._verb} --started-statement done, or "
                    "--started-statement again to run it once more",
                )
            done = decided
        if done:
            self._journal(Action.STATEMENT_DONE, number, unit)
        return done

    def _refuse_edited(self, line: JournalLine, unit: Unit, number: int) -> None:
        if line.checksum != unit.checksum:
            raise self._partly(
                f"{self._place(unit.statements[0])}: statement {number} ran already and was edited since",
                f"put it back as it was, then run bin/migrate {self._verb} again; {self._by_hand}",
            )

    def _refuse_renumbered(self, lines: Iterable[int]) -> None:
        unknown = [number for number in lines if number not in dict(self._numbered)]
        if unknown:
            raise self._partly(
                f"{self._prepared.section.label}: statement {unknown[0]} ran already and is not there any more",
                f"put it back as it was, then run bin/migrate {self._verb} again; {self._by_hand}",
            )

    def _refuse_temporary(self, done: Iterable[tuple[int, Unit]]) -> None:
        for number, unit in done:
            for statement in unit.statements:
                if statement.makes_temporary:
                    raise self._partly(
                        f"{self._place(statement)}: statement {number} made something temporary, which has gone with "
                        "its session, so the rest of the file cannot go on",
                        self._by_hand,
                    )

    # -- running ---------------------------------------------------------------------------------------------------

    def _run(self, number: int, unit: Unit) -> None:
        what = f"{self._prepared.section.label}, statement {number}"
        step = self._prepared.step
        self._session.about(f"{step.version} {step.status.name}", number, self._of)
        try:
            if unit.alone:
                self._run_alone(number, unit)
            else:
                retry.with_retries(
                    lambda: self._session.transaction(
                        unit.texts,
                        [self._line(Action.STATEMENT_DONE, number, unit)],
                        copies=unit.copies,
                        begin=unit.begin,
                        last=False,
                    ),
                    what=what,
                    deadline=self._deadline,
                    listen=self._listen,
                )
        except StatementFailed as failure:
            if (
                not unit.alone
                and len(unit.statements) == 1
                and failure.error.trouble is Trouble.NEEDS_NO_TRANSACTION
            ):
                return self._run(number, Unit(unit.statements, alone=True))
            raise self._failed(failure, number, unit) from failure
        except KeyboardInterrupt:
            if number == 1 and not unit.alone:
                raise  # nothing of the file is there
            raise Interrupted(
                f"{self._place(unit.statements[0])}: interrupted in statement {number} of {self._of}; "
                "what was before it is in place",
                hint=f"bin/migrate {self._verb} goes on at this statement",
            ) from None

    def _run_alone(self, number: int, unit: Unit) -> None:
        """The journal has it before and after; between the two lies the gap that `settle` closes."""
        statement = unit.statements[0]
        again = any(line.number == number for line in self._prepared.step.status.journal)
        for index, drop in self._session.clearing(statement, again=again):
            self._listen(Note(f"dropping the invalid index {index} that an interrupted statement left"))
            self._session.alone(drop, self._deadline)
        text = self._session.completing(statement)
        self._journal(Action.STATEMENT_STARTED, number, unit)
        self._session.alone(text, self._deadline)
        invalid = self._session.left_invalid(statement)
        if invalid is not None:
            self._journal(Action.STATEMENT_FAILED, number, unit)
            raise self._partly(
                f"{self._place(statement)}: the index {invalid} is there, but invalid",
                f"bin/migrate {self._verb} drops it and builds it again",
            )
        self._journal(Action.STATEMENT_DONE, number, unit)

    def _failed(self, failure: StatementFailed, number: int, unit: Unit) -> DbopsError:
        """Write down what happened, and what to tell."""
        index = (
            failure.index if failure.stage is Stage.STATEMENT and failure.index < len(unit.statements) else 0
        )
        statement = unit.statements[index]
        failure = report.without_secrets(failure, statement)
        left = number > 1
        if unit.alone and failure.stage is Stage.STATEMENT:
            left = self._settle_failure(number, unit) or left
        milliseconds = milliseconds_since(self._began)
        self._session.log(
            report.log_entry(self._prepared.step, statement, number + index, failure.error, milliseconds)
        )
        headline = report.headline(self._prepared.section, statement, failure)
        detail = report.excerpt(self._prepared.section, statement, failure)
        if failure.stage is Stage.LOCK_CHECK:
            return retry.lock_given_away(f"{self._prepared.section.label}, statement {number}")
        if failure.past_deadline or (failure.error.trouble in retry.RETRIED and not unit.alone):
            what = f"{self._place(statement)}: statement {number + index} of {self._of}"
            given_up = retry.gave_up(failure, what, self._deadline)
            if left:
                given_up.message += "; the migration is partial"
                given_up.hint = f"{given_up.hint}; then bin/migrate {self._verb} goes on at this statement"
            return given_up
        version = self._prepared.step.version.text
        if not left:
            return DbopsError(
                headline, detail=detail, hint=report.hint(failure, self._prepared.step, self._session.hint)
            )
        remedy = self._session.hint(failure.error, version) or "mend it"
        before = "what was before it is in place" if number > 1 else "it may have left something"
        error = self._partly(
            f"{headline} (statement {number + index} of {self._of}; {before})",
            f"{remedy}; then bin/migrate {self._verb} goes on at this statement",
        )
        error.detail = detail
        return error

    def _settle_failure(self, number: int, unit: Unit) -> bool:
        """After the server's no to a statement outside a transaction: whether it has left something."""
        settled = self._session.settle(unit.statements[0])
        clean = settled is Settled.LEFT_NOTHING
        self._journal(Action.STATEMENT_UNDONE if clean else Action.STATEMENT_FAILED, number, unit)
        return not clean

    # -- words -----------------------------------------------------------------------------------------------------

    @property
    def _verb(self) -> str:
        return self._prepared.step.direction.value

    @property
    def _by_hand(self) -> str:
        version = self._prepared.step.version
        return (
            f"or finish it by hand, then bin/migrate mark {version}; "
            f"or undo it by hand, then bin/migrate mark {version} --not-applied"
        )

    def _place(self, statement: Statement) -> str:
        line, column = report.place(self._prepared.section, statement.offset)
        return f"{self._prepared.section.label}:{line}:{column}"

    def _partly(self, message: str, hint: str) -> PartlyApplied:
        return PartlyApplied(message, hint=hint)

    def _journal(self, action: Action, number: int, unit: Unit) -> None:
        self._session.transaction((), [self._line(action, number, unit)], last=False)

    def _line(self, action: Action, number: int, unit: Unit) -> LogEntry:
        return LogEntry(
            action,
            self._prepared.step.version.text,
            self._prepared.step.status.name,
            self._prepared.step.direction,
            statement_number=number,
            statement_checksum=unit.checksum,
            statement=unit.statements[0].redacted,
        )


def verify_partly(session: Session, prepared: Prepared, began: float, *, hint: str) -> None:
    """Run the queries that verify what is in place already, on their own.

    :param hint: how to go on, once what is wrong is mended.
    :raises PartlyApplied: one is not content; it is in the event log.
    """
    if not prepared.checks:
        return
    try:
        checks.run(session, prepared.checks, inside=False)
    except StatementFailed as failure:
        section, statement, failure = located(prepared, failure)
        number, milliseconds = failure.index + 1, milliseconds_since(began)
        session.log(report.log_entry(prepared.step, statement, number, failure.error, milliseconds))
        raise PartlyApplied(
            f"{report.headline(section, statement, failure)}; the migration is in place, and not recorded",
            hint=f"mend what is wrong, or the query; then {hint}",
            detail=report.excerpt(section, statement, failure),
        ) from failure


def record_partly(session: Session, section: Section, records: list[Record], *, hint: str) -> None:
    """Write the records of what is in place already.

    :raises PartlyApplied: they could not be written.
    :raises LockNotAcquired: the migration lock had been given away.
    """
    try:
        session.record(records)
    except StatementFailed as failure:
        if failure.stage is Stage.LOCK_CHECK:
            raise retry.lock_given_away(section.label) from failure
        raise PartlyApplied(report.headline(section, None, failure), hint=hint) from failure


def _numbered(units: Iterable[Unit]) -> Iterable[tuple[int, Unit]]:
    """Each unit with the number of its first statement, from 1."""
    number = 1
    for unit in units:
        yield number, unit
        number += len(unit.statements)
