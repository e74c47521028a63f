"""What a verb would do, as data: pure functions from statuses to a plan."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbops.engines.records import Action, Direction
from dbops.errors import Refused, UsageError
from dbops.migrations import refusals
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
    refusals.drift(statuses)
    refusals.half_down(statuses)
    refusals.half_without_file(statuses)
    if only is not None:
        status = find(statuses, only)
        chosen = [status] if _wants_to_run(status) else []
    else:
        if not out_of_order:
            refusals.out_of_order(statuses, late)
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
    refusals.half_up(statuses)
    applied = sorted(
        (status for status in statuses if status.is_applied and not status.version.repeatable),
        key=lambda s: s.version.key,
        reverse=True,
    )
    if to is not None:
        limit = limit_of(statuses, to)
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
    at, limit = current(statuses), limit_of(statuses, to)
    if not any(status.version == limit for status in statuses):
        return dataclasses.replace(plan_down(statuses, to=to), verb="goto")
    refusals.half_up([status for status in statuses if status.version > limit])
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


def limit_of(statuses: Sequence[Status], to: Version) -> Version:
    """The version up to which something is meant, 0 for the empty database.

    :raises UsageError: where it has neither a file nor a row.
    """
    known = any(status.version == to for status in statuses)
    return to if is_zero(to) and not known else find(statuses, to).version
