"""What happens while work goes on, told as data.

Work never prints.  It is given a `Listener` and calls it with events; the
command line renders `sentence()` for people or the fields as JSON.  Packages
define their own events as subclasses; the general ones are here.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import ClassVar


class Level(enum.Enum):
    """Who should see it: -q hides INFO, -v shows DETAIL, PROGRESS is for a live terminal; warnings always show.

    LASTING is PROGRESS on a live terminal, and INFO where no line can change in place.
    """

    PROGRESS = "progress"
    LASTING = "lasting"
    DETAIL = "detail"
    INFO = "info"
    WARNING = "warning"


@dataclasses.dataclass(frozen=True)
class Event:
    """One thing that happened.  Fields are JSON values, `sentence` is what a person reads."""

    level: ClassVar[Level] = Level.INFO

    def sentence(self) -> str:
        """One line without a final period."""
        raise TypeError(f"{type(self).__name__} does not say its sentence")


Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that drops everything."""


@dataclasses.dataclass(frozen=True)
class Note(Event):
    """Narration without further data."""

    text: str

    def sentence(self) -> str:
        return self.text


class Detail(Note):
    """Narration for -v."""

    level = Level.DETAIL


class Warned(Note):
    """Something that the user should know although the work goes on."""

    level = Level.WARNING

    def sentence(self) -> str:
        return f"warning: {self.text}"


@dataclasses.dataclass(frozen=True)
class StepDone(Event):
    """A step of a command has ended well.  `seconds` is wall-clock time."""

    step: str
    seconds: float

    def sentence(self) -> str:
        return f"{self.step} ({format_seconds(self.seconds)})"


def plural(count: int, noun: str) -> str:
    """`1 migration`, `2 migrations`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_seconds(seconds: float) -> str:
    """`0.042` is "42 ms", `3.21` is "3.2 s", `75` is "1 min 15 s"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def format_bytes(size: int) -> str:
    """`812` is "812 B", `3_221_225` is "3.2 MB", in steps of 1000 as `df -H` has them."""
    number, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if number < 999.5:
            break
        number, unit = number / 1000, larger
    return f"{number:.1f} {unit}" if unit != "B" and number < 99.95 else f"{number:.0f} {unit}"
