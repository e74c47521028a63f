"""A restore, from the first look to the swap.

Until the swap the live database is only looked at.  Whatever ends the work
before it, the side database is dropped; after a kill the next run does it.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from dbops import interrupts
from dbops.config.model import Target
from dbops.engines.postgres import analyze, databases, making
from dbops.engines.postgres.making import Making, like
from dbops.errors import DbopsError, ExitCode
from dbops.events import Listener, Note, StepDone, Warned
from dbops.restore import carry, loading, names, preflight, record, side, undo
from dbops.restore.compare import Proven, differences
from dbops.restore.failures import differs, not_migrated
from dbops.restore.holding import COMMAND, described, hold
from dbops.restore.plan import Exchange, Plan, Restored, Step, Swapped, Wishes, plan
from dbops.restore.preflight import Problem
from dbops.restore.swap import put_in_place, swap

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection


class Content(Proven, Protocol):
    """What is restored, and how it is read."""

    @property
    def label(self) -> str:
        """A backup's name, or a path."""

    @property
    def proven(self) -> bool:
        """Whether there is a proof to compare with."""

    @property
    def making(self) -> Making:
        """How to make a database for it where there is none to be like."""

    def check(self, connection: Connection) -> Sequence[Problem]:
        """Read it whole and see that it can go to this server; what would make loading fail.

        :raises DbopsError: it is damaged, or too new for the server, or no program can read it.
        """

    @property
    def jobs(self) -> int:
        """How many load it at once, once it has been checked."""

    def load(self, target: Target, *, one_by_one: bool = False) -> None:
        """Load it into an empty database, stopping at the first error.

        :param one_by_one: with one job.
        :raises DbopsError: it failed; what is in the database is unknown.
        """

    def abandon(self, target: Target) -> None:
        """Take back what loading has made outside of the database, which is gone by now.

        :param target: any database of the server.
        """


@dataclasses.dataclass(frozen=True)
class Work:
    """All that a restore needs.

    :param target: the live database, whether or not there is one of that name.
    :param migrate: runs pending migrations in a database.
    :param pre_backup: backs the live database up; returns the backup's name.
    :param deadline: seconds to wait for locks and for sessions that stay.
    """

    target: Target
    content: Content
    wishes: Wishes
    listen: Listener
    deadline: float
    tracking_table: str | None = None
    migrate: Callable[[Target], object] | None = None
    pre_backup: Callable[[], str] | None = None

    @property
    def live(self) -> str:
        name = self.target.get("dbname") or self.target.get("user")
        assert name is not None  # a target that names no database is completed before
        return name

    @property
    def side_target(self) -> Target:
        return self.target.replace("the restore", dbname=names.side(self.live))


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A plan with what stands in its way, and the live database's comment, which says whether it is protected."""

    plan: Plan
    problems: tuple[Problem, ...]
    comment: str | None


def prepare(work: Work, connection: Connection) -> Prepared:
    """Look at the server and plan; nothing is changed."""
    at = datetime.datetime.now(datetime.UTC)
    role, live = preflight.look(connection, work.live)
    found = preflight.problems(role, live, leave_replication=work.wishes.leave_replication)
    displaced = undo.new_name(connection, work.live, at) if live is not None else None
    made = plan(
        work.content.label, described(connection), work.live, displaced, at,
        work.wishes, proven=work.content.proven,
    )  # fmt: skip
    there = databases.existing(connection, [work.live]).get(work.live)
    return Prepared(made, tuple(found), there.comment if there else None)


def restore(work: Work, confirm: Callable[[Prepared], None]) -> Restored:
    """Restore.

    :param confirm: asks for consent, once it is known what would be displaced; raises to stop.
    :raises AnswerIsNo: the archive is damaged, or what was restored differs from the proof; live is untouched.
    :raises Refused: something stands in the way.
    :raises LockNotAcquired: another restore, or a session that stays; live is untouched.
    :raises DbopsError: a step failed; live is untouched.
    """
    began = time.monotonic()
    with hold(work.target, work.live, work.listen, work.deadline) as connection:
        prepared = prepare(work, connection)
        preflight.refuse(prepared.problems, work.live)
        confirm(prepared)
        side.sweep(connection, work.live, work.listen)
        return _Run(work, connection, prepared.plan).run(began)


class _Run:
    """The steps, on the session that holds the lock."""

    def __init__(self, work: Work, connection: Connection, made: Plan) -> None:
        self._work = work
        self._connection = connection
        self._plan = made
        self._listen = work.listen

    def run(self, began: float) -> Restored:
        with self._step(f"checked {self._plan.label}"):
            preflight.refuse(self._work.content.check(self._connection), self._work.live)
        pre_backup = self._pre_backup() if Step.DUMP in self._plan.steps else None
        with self._side():
            with self._step(f"loaded {self._plan.label}"):
                self._load()
            with self._step("analyzed"):
                analyze.analyze(self._work.side_target, COMMAND, self._work.wishes.jobs, self._listen)
            proven = self._compare() if Step.COMPARE in self._plan.steps else None
            if Step.CARRY in self._plan.steps:
                with self._step("carried over what belongs to the name"):
                    carry.carry(self._connection, self._work.live, self._plan.side)
            if Step.MIGRATE in self._plan.steps:
                self._migrate()
            record.restored(
                self._work.side_target, self._work.tracking_table, label=self._plan.label,
                displaced=self._plan.displaced, listen=self._listen,
            )  # fmt: skip
            swapped = self._swap()
        return Restored(self._plan, swapped, proven, pre_backup, time.monotonic() - began)

    @contextmanager
    def _side(self) -> Iterator[None]:
        """The side database, until the swap gives it its name; dropped where anything fails before."""
        try:
            with self._step(f"created {self._plan.side}"):
                self._create()
            yield
        except BaseException:
            self._leave()
            raise

    def _create(self) -> None:
        live = self._work.live
        as_live = like(self._connection, live)
        if as_live is not None:
            side.create(self._connection, live, as_live)
        else:
            making.anywhere(
                lambda how: side.create(self._connection, live, how), self._work.content.making, self._listen
            )
        found = side.closed_to_us(self._work.target, live, self._listen)
        if self._plan.exists:
            found += carry.rehearse(self._connection, live, self._plan.side)
        preflight.refuse(found, live)

    def _load(self) -> None:
        target = self._work.side_target
        loading.load(self._work.content, target, self._connection, self._create_anew, self._listen)

    def _create_anew(self) -> None:
        side.drop(self._work.target, self._work.live, self._listen)
        self._work.content.abandon(self._work.target)
        self._create()

    def _leave(self) -> None:
        live, name = self._work.live, self._plan.side
        if self._work.wishes.keep_side:
            self._listen(Note(f"kept {name}; the next restore of {live} drops it"))
            return

        def dropped() -> None:
            side.drop(self._work.target, live, self._listen)
            self._work.content.abandon(self._work.target)

        try:
            interrupts.to_the_end(dropped)
        except DbopsError as error:
            self._listen(Warned(f"{name} could not be dropped ({error.message}); the next restore does it"))

    def _pre_backup(self) -> str:
        assert self._work.pre_backup is not None  # the plan has this step only where there is one
        with self._step(f"backed {self._work.live} up"):
            return self._work.pre_backup()

    def _compare(self) -> str:
        """Compare with the proof; its summary.

        :raises AnswerIsNo: they differ.
        """
        expected = self._work.content.expected
        assert expected is not None  # the plan has this step only where there is one
        with self._step(f"compared with the proof: {expected.summary()}"):
            different = differences(
                self._work.content, self._work.side_target, self._work.wishes.jobs, self._listen
            )
            if different:
                raise differs(self._plan, different)
        return expected.summary()

    def _migrate(self) -> None:
        assert self._work.migrate is not None  # the plan has this step only where there is one
        with self._step("ran the pending migrations"):
            try:
                self._work.migrate(self._work.side_target)
            except DbopsError as error:
                if error.exit_code not in {ExitCode.FAILED, ExitCode.PARTLY_APPLIED}:
                    raise
                raise not_migrated(error, self._plan) from error

    def _swap(self) -> Swapped | None:
        if self._plan.displaced is None:
            with self._step(f"gave it its name, {self._work.live}"):
                put_in_place(self._connection, self._work.target, self._work.live, self._listen)
            return None
        exchange = Exchange(
            self._work.live, self._plan.side, self._plan.displaced, self._plan.at, self._plan.label
        )
        done = swap(self._connection, self._work.target, exchange, self._listen, self._work.deadline)
        self._listen(done)
        return done

    @contextmanager
    def _step(self, done: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self._listen(StepDone(done, time.monotonic() - began))
