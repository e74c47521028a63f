"""What a restore will do, as data: `--dry-run` shows the plan that is carried out."""

from __future__ import annotations

import dataclasses
import datetime
import enum

from dbops.events import Event, format_seconds, plural
from dbops.restore import names


class Step(enum.Enum):
    """The steps of a restore, in their order."""

    CHECK = "check"
    DUMP = "pre-backup"
    CREATE = "create"
    LOAD = "load"
    ANALYZE = "analyze"
    COMPARE = "compare"
    CARRY = "carry over"
    MIGRATE = "migrate"
    SWAP = "swap"


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the command line asks for.

    `jobs` sessions load, analyze and prove.  `leave_replication`: subscriptions and slots may stay behind.
    """

    jobs: int
    migrate: bool = False
    pre_backup: bool = False
    keep_side: bool = False
    leave_replication: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """A restore.

    :param label: what is restored: a backup's name, or a path.
    :param live: the database that it becomes; `exists` tells whether there is one now.
    :param displaced: what the live database is called afterwards, None where there is none.
    :param proven: there is a proof to compare with.
    """

    label: str
    server: str
    live: str
    exists: bool
    side: str
    displaced: str | None
    at: datetime.datetime
    proven: bool
    wishes: Wishes

    @property
    def steps(self) -> tuple[Step, ...]:
        """Those that will be taken."""
        wanted = {
            Step.DUMP: self.wishes.pre_backup and self.exists,
            Step.COMPARE: self.proven,
            Step.CARRY: self.exists,
            Step.MIGRATE: self.wishes.migrate,
        }
        return tuple(step for step in Step if wanted.get(step, True))

    def sentence(self, step: Step) -> str:
        """What a step will do, for people."""
        return {
            Step.CHECK: f"read {self.label} whole, and see that it can go to this server",
            Step.DUMP: f"back {self.live} up as it is now",
            Step.CREATE: f"create {self.side}",
            Step.LOAD: f"load {self.label} into it, {self.wishes.jobs} at a time",
            Step.ANALYZE: "analyze it",
            Step.COMPARE: "compare it with the proof; where it differs, drop it and stop",
            Step.CARRY: f"carry over owner, privileges, connection limit, comment and settings of {self.live}",
            Step.MIGRATE: "run the pending migrations in it",
            Step.SWAP: f"rename {self.live} to {self.displaced} and {self.side} to {self.live}, in one transaction"
            if self.exists
            else f"rename it to {self.live}",
        }[step]


def plan(
    label: str,
    server: str,
    live: str,
    displaced: str | None,
    at: datetime.datetime,
    wishes: Wishes,
    *,
    proven: bool,
) -> Plan:
    """Decide what will be done.  `displaced` is None where there is no live database."""
    exists = displaced is not None
    return Plan(label, server, live, exists, names.side(live), displaced, at, proven, wishes)


@dataclasses.dataclass(frozen=True)
class FilePlan(Plan):
    """A restore of a SQLite database: `server` is its folder, the databases are files in it."""

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for step in super().steps if step not in (Step.CREATE, Step.ANALYZE))

    def sentence(self, step: Step) -> str:
        return {
            Step.CHECK: f"read {self.label} whole",
            Step.LOAD: f"unpack it into {self.side}, bring it to disk, and check it",
            Step.COMPARE: "compare it with the proof; where it differs, remove it and stop",
            Step.CARRY: f"give it the owner and the permissions of {self.live}",
            Step.SWAP: f"let {self.live} be {self.displaced}, and rename {self.side} to {self.live}"
            if self.exists
            else f"rename it to {self.live}",
        }.get(step) or super().sentence(step)


@dataclasses.dataclass(frozen=True)
class Exchange:
    """Which databases change places: `incoming` gets the name `live`, what has that name becomes `displaced`.

    `backup` is what `incoming` was made from, None where it was itself displaced before.
    """

    live: str
    incoming: str
    displaced: str
    at: datetime.datetime
    backup: str | None


@dataclasses.dataclass(frozen=True)
class Swapped(Event):
    """The databases have changed places.

    `seconds`: how long nobody got in; `ended`: sessions that were ended, None where the engine ends none.
    """

    live: str
    displaced: str
    seconds: float
    ended: int | None

    def sentence(self) -> str:
        ended = "" if self.ended is None else f", {plural(self.ended, 'session')} ended"
        return (
            f"swapped: the former {self.live} is {self.displaced} "
            f"(closed for {format_seconds(self.seconds)}{ended})"
        )


@dataclasses.dataclass(frozen=True)
class Restored:
    """What a restore has done.  `swapped` is None where there was no live database; `pre_backup` a backup's name."""

    plan: Plan
    swapped: Swapped | None
    proven: str | None
    pre_backup: str | None
    seconds: float
