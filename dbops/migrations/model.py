"""What a migration is: a file found, its sections once read, and how it stands against the database."""

from __future__ import annotations

import dataclasses
import enum
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.engines.records import Applied, JournalLine
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.engines.postgres.statements import Statements


class State(enum.Enum):
    """How a version stands.  The words are part of the JSON contract."""

    PENDING = "pending"
    APPLIED = "applied"
    MISSING = "missing"
    DRIFTED = "drifted"
    OUT_OF_ORDER = "out of order"
    PARTIAL = "partial"


@dataclasses.dataclass(frozen=True, slots=True)
class MigrationFile:
    """A migration as the folder shows it, before its text is read.

    `path` holds the up section; `down_path` is another file or None, where the
    format keeps both sections in one file or there is no down.
    """

    version: Version
    name: str
    format: str
    path: Path
    down_path: Path | None = None


@dataclasses.dataclass(frozen=True)
class Folder:
    """A migrations folder, read: its migrations in order of version, and what was passed over and why."""

    path: Path
    files: tuple[MigrationFile, ...]
    passed_over: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True)
class Section:
    """The SQL of one direction.

    `line` and `column` (from 1) are where `sql` begins in the file at `path`;
    `statements` are those of `sql`, where the format has already told them apart.
    """

    sql: str
    path: Path | None
    line: int = 1
    column: int = 1
    statements: Statements | None = None

    @property
    def label(self) -> str:
        """Where it came from, for messages."""
        return str(self.path) if self.path else "the stored down section"


@dataclasses.dataclass(frozen=True)
class FileSettings:
    """What `-- dbops:` lines of a file ask for; times are seconds, None where nothing is said."""

    no_transaction: bool = False
    lock_timeout: float | None = None
    statement_timeout: float | None = None


@dataclasses.dataclass(frozen=True)
class Migration:
    """A migration read in full.  `raw_checksum` is the sha256 of the bytes of the file with the up section."""

    file: MigrationFile
    up: Section
    down: Section | None
    raw_checksum: str
    description: str | None = None
    up_settings: FileSettings = FileSettings()
    down_settings: FileSettings = FileSettings()

    @property
    def version(self) -> Version:
        """The version of its file."""
        return self.file.version


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """One version: its file if it has one, its row if it is applied, its journal if it stopped in the middle."""

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
