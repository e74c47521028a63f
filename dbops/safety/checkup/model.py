"""What a checkup looks for, and what it finds."""

from __future__ import annotations

import dataclasses
import enum


class Level(enum.Enum):
    """The words are part of the JSON contract."""

    PROBLEM = "problem"
    """Something is wrong: exit 3."""
    HINT = "hint"
    """Worth a look."""


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing to look for.

    :param query: gives a row per finding: what it is about, what is the matter, the statement that mends it (or NULL).
    :param slow: reads tables, not only the catalog.
    """

    name: str
    level: Level
    query: str


@dataclasses.dataclass(frozen=True)
class Finding:
    """`about` is an object, `said` a sentence about it, `mend` a statement or what to do; None where it depends."""

    check: str
    level: Level
    about: str
    said: str
    query: str
    mend: str | None = None
