"""Trying a transaction again that could not get its locks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from dbops.engines.base import Blocker, StatementFailed, Trouble
from dbops.errors import LockNotAcquired
from dbops.events import Listener, Warned, format_seconds

Result = TypeVar("Result")

RETRIED = frozenset({Trouble.LOCKED, Trouble.DEADLOCK})


def with_retries(attempt: Callable[[], Result], *, what: str, deadline: float, listen: Listener) -> Result:
    """Run `attempt` until it succeeds or `deadline` seconds have gone, with growing, jittered pauses.

    Only lock timeouts and deadlocks are tried again: each has rolled back, and nothing is left of it.

    :raises StatementFailed: any other failure, and past the deadline the last one.
    """
    began, pause, number = time.monotonic(), 0.25, 1
    seen: tuple[Blocker, ...] = ()
    while True:
        try:
            return attempt()
        except StatementFailed as failure:
            if failure.error.trouble not in RETRIED:
                raise
            # A short try may end before anybody has looked who was in its way.
            failure.blockers = seen = failure.blockers or seen
            left = deadline - (time.monotonic() - began)
            if left <= 0:
                raise
            wait = min(pause * random.uniform(0.5, 1.0), left)  # noqa: S311  # jitter, not a secret
            listen(
                Warned(
                    f"{what}: {failure.error.message}; {_who(failure)}; "
                    f"try {number + 1} in {format_seconds(wait)}, for {format_seconds(left)} more"
                )
            )
        time.sleep(wait)
        pause, number = min(pause * 2, 10.0), number + 1


def gave_up(failure: StatementFailed, what: str, deadline: float) -> LockNotAcquired:
    """The error after the deadline."""
    return LockNotAcquired(
        f"{what}: a lock was not to be had within {format_seconds(deadline)}; {_who(failure)}",
        hint="try again when it is gone, or give it longer with --deadline" + _how_to_end(failure.blockers),
    )


def _how_to_end(blockers: Sequence[Blocker]) -> str:
    """The commands that end those who block; nothing where nobody was seen."""
    blockers = [blocker for blocker in blockers if blocker.pid]  # a prepared transaction has named its end
    if not blockers:
        return ""
    if any(blocker.is_local for blocker in blockers):
        return f"; to end the session that blocks: kill {' '.join(str(blocker.pid) for blocker in blockers)}"
    spared = [f"pid {blocker.pid} was not ended: {blocker.spared}" for blocker in blockers if blocker.spared]
    if spared:
        return "; " + "; ".join(spared)
    calls = ", ".join(f"pg_terminate_backend({blocker.pid})" for blocker in blockers)
    return f"; to end the session that blocks: SELECT {calls}, or run it again with --terminate-blockers"


def lock_given_away(section: str) -> LockNotAcquired:
    """The error for a migration that freed the migration lock, so that another one could have begun beside it."""
    return LockNotAcquired(
        f"{section} gave the migration lock away (as pg_advisory_unlock_all does), so it was rolled back",
        hint="take that statement out of the file",
    )


def _who(failure: StatementFailed) -> str:
    if not failure.blockers:
        return "who holds it could not be seen"
    return "held by " + "; ".join(str(blocker) for blocker in failure.blockers)
