"""Running migrations on one session, and writing down what each of their statements did."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dbops.engines.dialect import POSTGRESQL, by_name
from dbops.engines.postgres import traced
from dbops.engines.postgres.effects.model import LockMode
from dbops.engines.postgres.traced import Lock, Seen
from dbops.engines.postgres.tracing import Watcher
from dbops.errors import DbopsError
from dbops.events import Detail, Listener
from dbops.migrations.code_call import calling_line
from dbops.migrations.executor import named
from dbops.migrations.model import MigrationFile
from dbops.migrations.planner import Plan, Step, Work
from dbops.migrations.prepare import Prepared, prepare
from dbops.migrations.report import place
from dbops.migrations.script import Mode
from dbops.safety.rounds import section
from dbops.safety.rounds.model import Failure, Wishes
from dbops.safety.trace.model import HeldLock, TracedMigration, TracedStatement

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session


def file_of(step: Step) -> MigrationFile:
    """The file of a step that runs."""
    assert step.status.file is not None  # only versions with a file are pending
    return step.status.file


@dataclasses.dataclass
class Recorder:
    """Runs them; `watcher` observes the session, and its clock began at `began`."""

    session: Session
    watcher: Watcher
    began: float
    wishes: Wishes
    listen: Listener

    def one_by_one(self, steps: Sequence[Step]) -> list[TracedMigration]:
        """Up to the first that fails; what is invalid at the end is told of the migration that left it."""
        invalid = set(traced.invalid(self.session.connection))
        found: list[TracedMigration] = []
        for step in steps:
            self.listen(Detail(f"trace of {step.version} {step.status.name}"))
            found.append(self._one(step))
            left = [name for name in traced.invalid(self.session.connection) if name not in invalid]
            invalid.update(left)
            found[-1] = dataclasses.replace(found[-1], invalid=tuple(left))
            if found[-1].failure is not None:
                break
        still = set(traced.invalid(self.session.connection))
        return [
            dataclasses.replace(one, invalid=tuple(name for name in one.invalid if name in still))
            for one in found
        ]

    def _one(self, step: Step) -> TracedMigration:
        schema = self.session.schema().fingerprint
        prepared = prepare(step, self.session)
        self.watcher.begin(lambda: calling_line(prepared))
        began, failure = self._now(), None
        try:
            section.run(self.session, file_of(step), Work.RUN_UP, self.wishes)
        except section.NOT_THE_FILES:
            raise
        except DbopsError as error:
            failure = _failure(error)
        took = self._now() - began
        return _traced(prepared, self.watcher.seen, began, took, failure=failure, schema=schema)

    def together(self, plan: Plan) -> list[TracedMigration]:
        """All in one transaction, of which nothing stays where one fails; those after that one are left out."""
        schema, invalid = self.session.schema().fingerprint, set(traced.invalid(self.session.connection))
        prepared = [prepare(step, self.session) for step in plan.runs]
        self.watcher.begin(lambda: next(filter(None, map(calling_line, prepared)), None))
        began = self._now()
        begun, failure = self._all(plan)
        found, ended = [], self._now()
        for number, one in enumerate(prepared[:begun], 1):
            seen = [each for each in self.watcher.seen if each.of == named(one.step)]
            ends = max((each.began + each.seconds for each in seen), default=began)
            ends = ended if number == begun else ends
            found.append(_traced(one, seen, began, ends - began, schema=schema if number == 1 else None))
            began = ends
        found[-1] = dataclasses.replace(found[-1], failure=failure)
        left = [name for name in traced.invalid(self.session.connection) if name not in invalid]
        return _with_invalid(found, left)

    def _all(self, plan: Plan) -> tuple[int, Failure | None]:
        """How many migrations of the plan have begun, and what has stopped the last of them."""
        begun = 0
        try:
            for step in plan.runs:
                begun += 1
                section.refuse_beyond(step, self.session, self.wishes)
            # Records of the live database are not moved here, where there are none.
            section.execute(dataclasses.replace(plan, steps=plan.runs), self.session, self.wishes)
        except section.NOT_THE_FILES:
            raise
        except DbopsError as error:
            names = ["", *map(named, plan.runs)]
            return names.index(self.watcher.subject) or begun, _failure(error)
        return begun, None

    def _now(self) -> float:
        return time.monotonic() - self.began


def _failure(error: DbopsError) -> Failure:
    hint = error.hint if isinstance(error, section.Beyond) else None
    return Failure(error.message, error.detail, hint=hint)


def _traced(
    prepared: Prepared,
    seen: Sequence[Seen],
    began: float,
    seconds: float,
    *,
    schema: str | None,
    failure: Failure | None = None,
) -> TracedMigration:
    alone = any(not one.in_transaction for one in seen)
    return TracedMigration(
        prepared.step.version.text,
        prepared.step.status.name,
        (Mode.STEPWISE if alone else prepared.script.mode).value,
        began,
        seconds,
        tuple(_calls(seen) if prepared.code else _statements(prepared, seen)),
        failure=failure,
        schema=schema,
    )


def _with_invalid(found: Sequence[TracedMigration], names: Sequence[str]) -> list[TracedMigration]:
    """Each of these indexes told of the migration that built it last."""
    built = {f"index {name}": one.version for one in found for each in one.statements for name in each.built}
    of = {name: built.get(name, found[-1].version) for name in names}
    return [
        dataclasses.replace(one, invalid=tuple(name for name in names if of[name] == one.version))
        for one in found
    ]


def _calls(seen: Sequence[Seen]) -> Iterator[TracedStatement]:
    """What code sent; what it sent again and again from one line is told once."""
    same = itertools.groupby(seen, lambda one: (one.line, one.text, one.in_transaction))
    for number, ((line, text, in_transaction), group) in enumerate(same, 1):
        runs = list(group)
        locks: dict[tuple[str, LockMode], HeldLock] = {}
        for lock in (_held(lock) for one in runs for lock in one.locks):
            first = locks.setdefault((lock.relation, lock.mode), lock)
            locks[lock.relation, lock.mode] = dataclasses.replace(first, ended=max(first.ended, lock.ended))
        yield TracedStatement(
            number, line or 1, by_name(POSTGRESQL).redacted(text), in_transaction, runs[0].began,
            sum(one.seconds for one in runs), tuple(locks.values()),
            tuple(sorted({name for one in runs for name in one.rewritten})),
            tuple(sorted({name for one in runs for name in one.built})),
            len(runs),
        )  # fmt: skip


def _statements(prepared: Prepared, seen: Sequence[Seen]) -> Iterator[TracedStatement]:
    """What was sent, by the statements of the file; what dbops itself put in between is none of them."""
    numbered = list(enumerate(prepared.script.statements, 1))
    for one in seen:
        at = next((at for at, (_, statement) in enumerate(numbered) if statement.text == one.text), None)
        if at is not None:
            number, statement = numbered[at]
            del numbered[: at + 1]
            line, _ = place(prepared.section, statement.offset)
            yield TracedStatement(
                number, line, statement.redacted, one.in_transaction, one.began, one.seconds,
                tuple(_held(lock) for lock in one.locks), one.rewritten, one.built,
            )  # fmt: skip


def _held(lock: Lock) -> HeldLock:
    return HeldLock(
        lock.relation, lock.kind, lock.mode, lock.began, lock.ended, sampled=lock.sampled, new=lock.new
    )
