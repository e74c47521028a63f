"""Setting up the development database, as data: what is asked for, what is planned, what it came to."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable

from dbops.config.model import Settings, Target
from dbops.devdb.choose import Kind
from dbops.devdb.consent import Ask
from dbops.devdb.server import Action, Machine
from dbops.events import Listener


@dataclasses.dataclass(frozen=True)
class Migrated:
    """What running all migrations in one database came to."""

    applied: int
    current: str | None


Migrate = Callable[[Target], Migrated]
"""Runs all pending migrations in the target's database."""


class Fate(enum.Enum):
    """What becomes of a database."""

    KEEP = "keep"
    MAKE = "make"
    REMAKE = "remake"


@dataclasses.dataclass(frozen=True)
class DatabasePlan:
    """One database.  `marked` is whether it is (or will be) marked as development."""

    name: str
    fate: Fate
    marked: bool

    def sentence(self) -> str:
        """What will be done, for people."""
        if self.fate is Fate.KEEP:
            return f"keep database {self.name}" + ("" if self.marked else ", not marked as development")
        verb = "make" if self.fate is Fate.MAKE else "drop and make again"
        return f"{verb} database {self.name}, marked as development"


@dataclasses.dataclass(frozen=True)
class DatabaseOutcome:
    """What was done to one database."""

    name: str
    fate: Fate
    marked: bool
    extensions: tuple[str, ...]
    applied: int
    current: str | None


@dataclasses.dataclass(frozen=True)
class Result:
    """What a set-up came to.  `target` leads to the development database and holds its password."""

    kind: Kind
    server: Action
    version: str
    target: Target
    databases: tuple[DatabaseOutcome, ...]
    tidied: tuple[str, ...]
    env_written: bool
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether anything was done at all."""
        each = (one.fate is not Fate.KEEP or one.applied or one.extensions for one in self.databases)
        return bool(self.server is not Action.NONE or self.tidied or self.env_written or any(each))


@dataclasses.dataclass(frozen=True)
class Work:
    """What a set-up is asked to do, and with what.  `migrate` and `ask` come from the command line's side."""

    settings: Settings
    machine: Machine
    migrate: Migrate
    ask: Ask
    listen: Listener
    reset: bool = False

    @property
    def names(self) -> tuple[str, str]:
        return self.settings.database.value, self.settings.test_database.value
