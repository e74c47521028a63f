"""Migrations as a folder and a database show them, before a text is read."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from pathlib import Path

from dbops.engines.dialect import POSTGRESQL
from dbops.engines.records import Applied, JournalLine
from dbops.migrations.version import Version


class State(enum.Enum):
    """How a version stands.  The words are part of the JSON contract."""

    PENDING = "pending"
    APPLIED = "applied"
    MISSING = "missing"
    DRIFTED = "drifted"
    OUT_OF_ORDER = "out of order"
    PARTIAL = "partial"
    CHANGED = "changed"
    """A repeatable migration that has changed since it ran, and will run again."""


@dataclasses.dataclass(frozen=True, slots=True)
class MigrationFile:
    """A migration as the folder shows it, before its text is read.

    The file `file_name` in `folder` holds the up section; `down_name` is another
    file or None, where the format keeps both in one or there is no down.
    `verify_name` is the file beside it that holds a verify section, if there is one.
    """

    version: Version
    name: str
    format: str
    folder: str
    file_name: str
    down_name: str | None = None
    variables: Mapping[str, str] | None = dataclasses.field(default=None, compare=False, repr=False)
    dialect: str = POSTGRESQL
    verify_name: str | None = None

    @property
    def path(self) -> Path:
        """The file with the up section."""
        return Path(self.folder, self.file_name)

    @property
    def down_path(self) -> Path | None:
        """The other file with the down section."""
        return None if self.down_name is None else Path(self.folder, self.down_name)

    @property
    def verify_path(self) -> Path | None:
        """The other file with the verify section."""
        return None if self.verify_name is None else Path(self.folder, self.verify_name)


@dataclasses.dataclass(frozen=True)
class Folder:
    """A migrations folder, read: its migrations in order of version, and what was passed over and why.

    `read_as` says in which format, and why in that.
    """

    path: Path
    files: tuple[MigrationFile, ...]
    passed_over: tuple[tuple[str, str], ...] = ()
    read_as: str = ""

    @property
    def newest(self) -> MigrationFile:
        """The file with the highest version; a repeatable one only where there are no others.

        :raises IndexError: where the folder holds no migration.
        """
        return next((file for file in reversed(self.files) if not file.version.repeatable), self.files[-1])


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """One version: its file if it has one, its row if it is applied, its journal if it stopped in the middle.

    The row of a migration that was renumbered has another version than its file, until it is moved.
    """

    version: Version
    name: str
    state: State
    file: MigrationFile | None = None
    row: Applied | None = None
    journal: tuple[JournalLine, ...] = ()

    @property
    def is_applied(self) -> bool:
        """A row always means applied, whatever else is the matter."""
        return self.row is not None

    @property
    def applied_as(self) -> str | None:
        """The version that its row still has; None where that is its own."""
        moved = self.row is not None and self.row.sort_key != self.version.key
        return self.row.version if self.row and moved else None
