"""Why nothing can be planned as a folder and a database stand: each function raises for one reason."""

from __future__ import annotations

from collections.abc import Sequence

from dbops.engines.records import Direction
from dbops.errors import AnswerIsNo, Refused
from dbops.migrations.compare import current
from dbops.migrations.model import State, Status


def drift(statuses: Sequence[Status]) -> None:
    """:raises AnswerIsNo: an applied file was changed afterwards."""
    drifted = [status for status in statuses if status.state is State.DRIFTED and status.file]
    if drifted:
        first = drifted[0]
        raise AnswerIsNo(
            f"{'an applied migration was' if len(drifted) == 1 else f'{len(drifted)} applied migrations were'} changed "
            f"afterwards: {first.file and first.file.path}" + (" is the first" if len(drifted) > 1 else ""),
            hint=f"put the file back as it was applied and write a new migration; or, if the change is meant and "
            f"the database is right: bin/migrate repair {first.version}",
        )


def out_of_order(statuses: Sequence[Status], late: str) -> None:
    """Refuse to run what would come before something that is applied.

    :param late: who brought the file, to be put behind its name.
    :raises Refused: a file that is not applied has a lower number than the newest applied version.
    """
    missed = [status for status in statuses if status.state is State.OUT_OF_ORDER and status.file]
    if missed:
        first, newest = missed[0], current(statuses)
        raise Refused(
            f"{first.file and first.file.path}{late} has a lower number than the newest applied version "
            f"{newest and newest.version}; it would run out of order",
            hint=f"apply it: bin/migrate up --out-of-order; skip it: bin/migrate mark {first.version}; "
            f"or give it the next free number: bin/migrate renumber {first.version}",
        )


def half_down(statuses: Sequence[Status]) -> None:
    """:raises Refused: a down stopped in the middle."""
    for status in statuses:
        if status.state is State.PARTIAL and status.journal[0].direction is Direction.DOWN:
            raise Refused(
                f"the down of version {status.version} stopped in the middle",
                hint=f"bin/migrate down goes on with it; or, after mending it by hand: bin/migrate mark {status.version}",
            )


def half_without_file(statuses: Sequence[Status]) -> None:
    """:raises Refused: a migration stopped in the middle, and its file is gone."""
    for status in statuses:
        if status.state is State.PARTIAL and status.file is None:
            raise Refused(
                f"the {status.journal[0].direction.value} of version {status.version} stopped in the middle, "
                "and its file is gone",
                hint="bring the file back, then run the command again; or, after undoing it by hand: "
                f"bin/migrate mark {status.version} --not-applied",
            )


def half_up(statuses: Sequence[Status]) -> None:
    """:raises Refused: an up stopped in the middle."""
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
