"""How risky something is, in words; how it is judged takes long to load, and is apart from this."""

from __future__ import annotations

import enum

from dbops.events import plural

BRIEF = 0.2
"""Seconds of work under a lock that nobody notices."""


class Risk(enum.IntEnum):
    """The words (`label`) are part of the JSON contract."""

    SAFE = 0
    BRIEF = 1
    """A lock that stops others for a moment, once it is there."""
    BLOCKING = 2
    DESTRUCTIVE = 3
    UNKNOWN = 4
    """What code does is known when it runs: a pipeline that stops at a risk stops at this one."""

    @property
    def label(self) -> str:
        """In lower case."""
        return self.name.lower()


def estimate(seconds: float) -> str:
    """In words, since it is no more than a guess."""
    if seconds < BRIEF:
        return "at once"
    if seconds < 2:
        return "about a second"
    if seconds < 45:
        return f"about {seconds:.0f} seconds"
    if seconds < 5400:
        return f"about {plural(max(round(seconds / 60), 1), 'minute')}"
    return f"about {plural(round(seconds / 3600), 'hour')}"
