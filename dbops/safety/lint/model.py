"""Rules, and what they find."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dbops.engines.names import QualifiedName

if TYPE_CHECKING:
    from dbops.safety.lint.reading import File, Parsed, Part
    from dbops.safety.lint.surroundings import Surroundings


class Level(enum.IntEnum):
    """How bad it is; the words are part of the JSON contract, and those of SARIF."""

    NOTE = 0
    """Worth a thought: a habit that has a price."""
    WARNING = 1
    ERROR = 2
    """It cannot work."""

    @property
    def label(self) -> str:
        """In lower case."""
        return self.name.lower()


class Matters(enum.Enum):
    """What has to be so of one of a finding's tables for the finding to be more than a false alarm."""

    ALWAYS = enum.auto()
    KNOWN = enum.auto()
    """It was there before these migrations: somebody may use it."""
    FILLED = enum.auto()
    """And it holds rows."""
    USED = enum.auto()
    """And more of them than are read in a moment."""


@dataclasses.dataclass(frozen=True)
class Found:
    """What a rule says of a statement of a section; None for the section as a whole.

    :param level: where it is not that of the rule.
    """

    part: Part
    at: Parsed | None
    message: str
    tables: tuple[QualifiedName, ...] = ()
    matters: Matters = Matters.ALWAYS
    level: Level | None = None


@dataclasses.dataclass(frozen=True)
class Rule:
    """One thing to look for; the module of its name holds it.

    :param wrong: what goes wrong, for its section of docs/lint.md.
    :param safer: the safer way, for the same place.
    :param instead: that in one line, shown with each finding.
    :param check: None where what finds it is no rule of one file: reading, or the marks.
    """

    name: str
    level: Level
    wrong: str
    safer: str
    instead: str
    check: Callable[[File, Surroundings], Iterator[Found]] | None = None

    @property
    def page(self) -> str:
        """Where it is explained."""
        return f"docs/lint.md#{self.name}"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What is wrong at one place of a file, `line` and `column` from 1.

    :param statement: the offset in the section of the statement that it is about; None for none.
    :param down: whether that section is the one that goes down.
    :param foreign: whether squawk found it.
    """

    rule: str
    level: Level
    version: str
    path: str
    line: int
    column: int
    message: str
    safer: str
    page: str
    statement: int | None = None
    down: bool = False
    foreign: bool = False
    tables: tuple[QualifiedName, ...] = ()
    matters: Matters = Matters.ALWAYS
