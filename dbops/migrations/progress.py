"""What is told while migrations run."""

from __future__ import annotations

import dataclasses
import time

from dbops.events import Event, format_seconds


def milliseconds_since(began: float) -> int:
    """Whole milliseconds since a reading of `time.monotonic()`."""
    return round((time.monotonic() - began) * 1000)


@dataclasses.dataclass(frozen=True)
class MigrationDone(Event):
    """One migration has been applied or reverted and recorded.  `seconds` is wall-clock time."""

    version: str
    name: str
    direction: str
    seconds: float
    statements: int

    def sentence(self) -> str:
        word = "applied" if self.direction == "up" else "reverted"
        return f"{word} {self.version} {self.name} ({format_seconds(self.seconds)})"


@dataclasses.dataclass(frozen=True)
class Resumed(Event):
    """A migration that stopped in the middle goes on.  `statement` is the number of the next one, from 1."""

    version: str
    statement: int
    of: int

    def sentence(self) -> str:
        return f"going on with {self.version} at statement {self.statement} of {self.of}"
