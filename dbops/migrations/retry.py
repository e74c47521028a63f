"""Trying a transaction again that could not get its locks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from dbops.engines.base import StatementFailed, Trouble
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
    while True:
        try:
            return attempt()
        except StatementFailed as failure:
            if failure.error.trouble not in RETRIED:
                raise
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
    pids = " ".join(str(blocker.pid) for blocker in failure.blockers)
    is_local = any(blocker.is_local for blocker in failure.blockers)
    end = f"kill {pids}" if is_local else f"SELECT pg_terminate_backend({pids.replace(' ', ', ')})"
    return LockNotAcquired(
        f"{what}: a lock was not to be had within {format_seconds(deadline)}; {_who(failure)}",
        hint="try again when it is gone, or give it longer with --deadline"
        + (f"; to end the session that blocks: {end}" if pids else ""),
    )


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
