"""Moments at which to kill a command: some in each of its phases, which what it says tells apart.

Moments that are spread over its whole time fall into the start of Python half of the time, and into what is short,
a swap, hardly ever.
"""

from __future__ import annotations

import dataclasses
import itertools
import random
import subprocess
import time
from collections.abc import Callable

SEED = 20260118
"""A fixed one: a moment that once failed is tried again by the next run."""
_AT_THE_START = 2


@dataclasses.dataclass(frozen=True)
class Moment:
    """So many seconds after a command has said so many lines."""

    lines: int
    seconds: float


def moments(begin: Callable[[], subprocess.Popen[str]], kills: int) -> list[Moment]:
    """Let a command run to its end, and choose moments of it, in an order of their own.

    Two are in the start, before the first line.  Of the other phases each has one, and `kills` more are shared among
    them by their length; those of a phase are spread over it.
    """
    lengths = _lengths(begin())
    whole = sum(lengths[1:])
    chance, found = random.Random(SEED), []
    for lines, length in enumerate(lengths):
        count = 1 + round(kills * length / whole) if lines else _AT_THE_START
        found += [Moment(lines, length * (slot + chance.random()) / count) for slot in range(count)]
    chance.shuffle(found)
    return found


def killed(running: subprocess.Popen[str], moment: Moment) -> bool:
    """Kill a command that has just begun at that moment, it alone; False where it was done before."""
    assert running.stderr is not None
    for _ in range(moment.lines):
        running.stderr.readline()
    try:
        running.wait(timeout=moment.seconds)
    except subprocess.TimeoutExpired:
        running.kill()
    running.communicate()
    return running.returncode < 0


def _lengths(running: subprocess.Popen[str]) -> list[float]:
    """The seconds before its first line, between each and the next, and after the last."""
    assert running.stderr is not None
    times = [time.monotonic(), *(time.monotonic() for _ in running.stderr)]
    running.communicate()
    assert running.returncode == 0
    return [after - before for before, after in itertools.pairwise([*times, time.monotonic()])]
