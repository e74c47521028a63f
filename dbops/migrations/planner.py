"""What a verb would do, as data: pure functions from statuses to a plan."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbops.engines.records import Action, Direction
from dbops.errors import AnswerIsNo, Refused, UsageError
from dbops.migrations.compare import current
from dbops.migrations.model import State, Status
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.migrations.script import Mode


class Work(enum.Enum):
    """What a step does; the words are part of the JSON contract."""

    RUN_UP = "up"
    RUN_DOWN = "down"
    RECORD = "record as applied"
    UNRECORD = "record as not applied"
    UPDATE = "update the checksum"
    MOVE = "move the record"


@dataclasses.dataclass(frozen=True)
class Outline:
    """What reading a step's file has shown.  `source` is where the section comes from, for people.

    `code` is the call, as `up(db)`, where it is no SQL; then there are no statements to count.
    `checks` is how many queries verify it.
    """

    mode: Mode
    reason: str
    statements: int
    source: str
    code: str | None = None
    checks: int = 0


@dataclasses.dataclass(frozen=True)
class Step:
    """One version's turn.  `outline` is None for steps that run no SQL."""

    work: Work
    status: Status
    outline: Outline | None = None

    @property
    def version(self) -> Version:
        """The version it is about."""
        return self.status.version

    @property
    def direction(self) -> Direction:
        """Which section runs."""
        return Direction.DOWN if self.work is Work.RUN_DOWN else Direction.UP


@dataclasses.dataclass(frozen=True)
class Plan:
    """What will be done, in order.  `action` is what the event log says of steps that run no SQL."""

    verb: str
    steps: tuple[Step, ...]
    action: Action | None = None
    single_transaction: bool = False

    @property
    def runs(self) -> tuple[Step, ...]:
        """The steps that run SQL."""
        return tuple(step for step in self.steps if step.work in {Work.RUN_UP, Work.RUN_DOWN})

    @property
    def moves(self) -> tuple[Step, ...]:
        """The steps that move a record."""
        return tuple(step for step in self.steps if step.work is Work.MOVE)

    @property
    def loses_data(self) -> bool:
        """Whether a down section runs."""
        return any(step.work is Work.RUN_DOWN for step in self.steps)


def plan_up(
    statuses: Sequence[Status],
    *,
    steps: int | None = None,
    to: Version | None = None,
    only: Version | None = None,
    out_of_order: bool = False,
    late: str = "",
    single_transaction: bool = False,
) -> Plan:
    """Apply what is pending: all of it, `steps` of it, up to a version, or only one.

    First the records of migrations that were renumbered are moved to their new versions.

    :param late: who brought the first migration that is out of order, for the message.
    :raises AnswerIsNo: an applied file has drifted.
    :raises Refused: a lower number arrived late, or a down stopped in the middle.
    """
    _refuse_drift(statuses)
    _refuse_half_down(statuses)
    _refuse_half_without_file(statuses)
    if only is not None:
        status = find(statuses, only)
        chosen = [status] if _wants_to_run(status) else []
    else:
        if not out_of_order:
            _refuse_out_of_order(statuses, late)
        chosen = [status for status in statuses if _wants_to_run(status)]
        if to is not None:
            limit = find(statuses, to).version
            chosen = [status for status in chosen if status.version <= limit]
        chosen = chosen[:steps]
    moves = [Step(Work.MOVE, status) for status in statuses if status.applied_as]
    runs = [Step(Work.RUN_UP, status) for status in chosen]
    return Plan("up", (*moves, *runs), None, single_transaction)


def plan_down(
    statuses: Sequence[Status],
    *,
    steps: int | None = None,
    to: Version | None = None,
    through: Version | None = None,
) -> Plan:
    """Undo applied migrations, the newest first: one, `steps`, all above `to`, or `through` and all above it.

    `to` version 0 undoes everything.

    :raises Refused: an up stopped in the middle above them.
    """
    _refuse_half_up(statuses)
    applied = sorted(
        (status for status in statuses if status.is_applied and not status.version.repeatable),
        key=lambda s: s.version.key,
        reverse=True,
    )
    if to is not None:
        limit = _limit(statuses, to)
        applied = [status for status in applied if status.version > limit]
    elif through is not None:
        status = find(statuses, through)
        if not status.is_applied:
            raise Refused(f"version {through} is not applied", hint="bin/migrate status")
        applied = [above for above in applied if above.version >= status.version]
    else:
        applied = applied[: 1 if steps is None else steps]
    return Plan("down", tuple(Step(Work.RUN_DOWN, status) for status in applied))


def plan_goto(statuses: Sequence[Status], to: Version, **options: object) -> Plan:
    """Go up or down until `to` is the current version; version 0 is the empty database."""
    at, limit = current(statuses), _limit(statuses, to)
    if not any(status.version == limit for status in statuses):
        return dataclasses.replace(plan_down(statuses, to=to), verb="goto")
    _refuse_half_up([status for status in statuses if status.version > limit])
    if at is not None and limit < at.version:
        if not find(statuses, limit).is_applied:
            raise Refused(
                f"version {to} is not applied, and lower than the current version {at.version}",
                hint=f"bin/migrate up --only {to} applies just it",
            )
        return dataclasses.replace(plan_down(statuses, to=to), verb="goto")
    return dataclasses.replace(plan_up(statuses, to=to, **options), verb="goto")  # type: ignore[arg-type]  # plan_up's own


def plan_redo(
    statuses: Sequence[Status], *, steps: int | None = None, through: Version | None = None
) -> Plan:
    """Undo the newest migration, the newest `steps`, or `through` and all above it, and apply them again.

    :raises Refused: where one of them has no file to apply again.
    """
    down = plan_down(statuses, steps=steps, through=through).steps
    for step in down:
        if step.status.file is None:
            raise Refused(
                f"version {step.version} has no file any more, so it could not be applied again",
                hint="bin/migrate down undoes it without applying it again",
            )
    up = tuple(Step(Work.RUN_UP, step.status) for step in reversed(down))
    return Plan("redo", down + up)


def plan_force(statuses: Sequence[Status], to: Version) -> Plan:
    """Set the applied versions to exactly those up to `to`, running nothing; version 0 is none."""
    limit = _limit(statuses, to)
    return Plan("force", tuple(_records(statuses, limit) + _unrecords(statuses, limit)), Action.FORCED)


def plan_baseline(statuses: Sequence[Status], to: Version) -> Plan:
    """Record everything up to `to` on a database without history, running nothing.

    :raises Refused: where there is a history.
    """
    applied = [status for status in statuses if status.is_applied]
    if applied:
        raise Refused(
            f"this database has a history already: {len(applied)} applied, the newest {applied[-1].version}",
            hint=f"bin/migrate mark {to} records one version, bin/migrate force {to} all up to it",
        )
    return Plan("baseline", tuple(_records(statuses, find(statuses, to).version)), Action.BASELINED)


def plan_mark(statuses: Sequence[Status], version: Version, *, applied: bool) -> Plan:
    """Record one version as applied, or as not applied, running nothing."""
    status = find(statuses, version)
    if status.is_applied == applied and not status.journal:
        return Plan("mark", ())
    if applied and status.file is None:
        raise UsageError(f"there is no file of version {version} to take a name and a checksum from")
    work = Work.RECORD if applied else Work.UNRECORD
    return Plan("mark", (Step(work, status),), Action.MARKED if applied else Action.UNMARKED)


def plan_repair(statuses: Sequence[Status], version: Version | None) -> Plan:
    """Take over the checksums of files that have drifted: of all, or of one."""
    drifted = [status for status in statuses if status.state is State.DRIFTED]
    if version is not None:
        wanted = find(statuses, version)
        drifted = [status for status in drifted if status is wanted]
    return Plan("repair", tuple(Step(Work.UPDATE, status) for status in drifted), Action.REPAIRED)


def find(statuses: Sequence[Status], version: Version) -> Status:
    """The status of a version that has a file or a row.

    :raises UsageError: where it has neither, with the range that exists.
    """
    for status in statuses:
        if status.version == version:
            return status
    known = f"there are {statuses[0].version} to {statuses[-1].version}" if statuses else "there are none"
    raise UsageError(
        f"there is no migration of version {version}; {known}", hint="bin/migrate status lists them"
    )


def is_zero(version: Version) -> bool:
    """Version 0 stands for the empty database, unless the folder has one."""
    return version.key == Version.parse("0").key


def _wants_to_run(status: Status) -> bool:
    return not status.is_applied or status.state is State.CHANGED


def _limit(statuses: Sequence[Status], to: Version) -> Version:
    known = any(status.version == to for status in statuses)
    return to if is_zero(to) and not known else find(statuses, to).version


def _records(statuses: Sequence[Status], limit: Version) -> list[Step]:
    wanted = [
        status for status in statuses if status.version <= limit and (not status.is_applied or status.journal)
    ]
    return [Step(Work.RECORD, status) for status in wanted if status.file is not None]


def _unrecords(statuses: Sequence[Status], limit: Version) -> list[Step]:
    return [
        Step(Work.UNRECORD, status)
        for status in statuses
        if status.version > limit and (status.is_applied or status.journal) and not status.version.repeatable
    ]


def _refuse_drift(statuses: Sequence[Status]) -> None:
    drifted = [status for status in statuses if status.state is State.DRIFTED and status.file]
    if drifted:
        first = drifted[0]
        raise AnswerIsNo(
            f"{'an applied migration was' if len(drifted) == 1 else f'{len(drifted)} applied migrations were'} changed "
            f"afterwards: {first.file and first.file.path}" + (" is the first" if len(drifted) > 1 else ""),
            hint=f"put the file back as it was applied and write a new migration; or, if the change is meant and "
            f"the database is right: bin/migrate repair {first.version}",
        )


def _refuse_out_of_order(statuses: Sequence[Status], late: str) -> None:
    missed = [status for status in statuses if status.state is State.OUT_OF_ORDER and status.file]
    if missed:
        first, newest = missed[0], current(statuses)
        raise Refused(
            f"{first.file and first.file.path}{late} has a lower number than the newest applied version "
            f"{newest and newest.version}; it would run out of order",
            hint=f"apply it: bin/migrate up --out-of-order; skip it: bin/migrate mark {first.version}; "
            f"or give it the next free number: bin/migrate renumber {first.version}",
        )


def _refuse_half_down(statuses: Sequence[Status]) -> None:
    for status in statuses:
        if status.state is State.PARTIAL and status.journal[0].direction is Direction.DOWN:
            raise Refused(
                f"the down of version {status.version} stopped in the middle",
                hint=f"bin/migrate down goes on with it; or, after mending it by hand: bin/migrate mark {status.version}",
            )


def _refuse_half_without_file(statuses: Sequence[Status]) -> None:
    for status in statuses:
        if status.state is State.PARTIAL and status.file is None:
            raise Refused(
                f"the {status.journal[0].direction.value} of version {status.version} stopped in the middle, "
                "and its file is gone",
                hint="bring the file back, then run the command again; or, after undoing it by hand: "
                f"bin/migrate mark {status.version} --not-applied",
            )


def _refuse_half_up(statuses: Sequence[Status]) -> None:
    for status in statuses:
        if (
            status.state is State.PARTIAL
            and status.journal[0].direction is Direction.UP
            and not status.is_applied
        ):
            raise Refused(
                f"the up of version {status.version} stopped in the middle",
                hint=f"bin/migrate up goes on with it; or, after undoing it by hand: "
                f"bin/migrate mark {status.version} --not-applied",
            )
