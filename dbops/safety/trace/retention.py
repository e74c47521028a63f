"""Which kept traces have outlived their use, and their removal."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from dbops.events import Listener, Note, Warned, ignore, plural
from dbops.migrations.model import State, Status
from dbops.safety.trace import keeping
from dbops.safety.trace.keeping import Kept

AGE = datetime.timedelta(days=30)
"""Younger ones stay in any case."""


def pending(statuses: Iterable[Status]) -> frozenset[str]:
    """The versions that a rehearsal may still be asked for."""
    waiting = (one for one in statuses if not one.is_applied or one.state is State.CHANGED)
    return frozenset(one.version.text for one in waiting)


def outlived(
    traces: Iterable[Kept], target: str, waiting: Collection[str], now: datetime.datetime
) -> list[Kept]:
    """Those of a database that are old, and of which nothing waits to be applied any more.

    What was traced for another database is not known well enough, also where it has the same name.
    """
    return [
        one
        for one in traces
        if one.target == target
        and now - one.at > AGE
        and not any(file.version in waiting for file in one.files)
    ]


def sweep(
    backups: Path, target: str, statuses: Sequence[Status], now: datetime.datetime, listen: Listener
) -> None:
    """Remove them, the pages, too; one that cannot be removed stays, and that is told.

    :raises DbopsError: the folder cannot be read.
    """
    gone = 0
    for one in outlived(list(keeping.kept(backups, ignore)), target, pending(statuses), now):
        try:
            one.path.with_suffix(".html").unlink(missing_ok=True)
            one.path.unlink(missing_ok=True)
        except OSError as error:
            listen(Warned(f"{one.path} cannot be removed: {error.strerror}"))
        else:
            gone += 1
    if gone:
        listen(
            Note(
                f"removed {plural(gone, 'trace')} older than {AGE.days} days, of migrations that are applied"
            )
        )
