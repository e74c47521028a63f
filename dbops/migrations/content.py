"""What is in a migration's files: its sections, and what they ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.engines.dialect import POSTGRESQL
from dbops.migrations.model import MigrationFile
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.engines.statements import Statements


@dataclasses.dataclass(frozen=True)
class Text:
    """A file that has been read: decoded, without BOM; `raw_checksum` is the sha256 of its bytes."""

    path: Path
    text: str
    raw_checksum: str
    dialect: str = POSTGRESQL


@dataclasses.dataclass(frozen=True)
class Code:
    """What runs in place of SQL: a function of a Python module.

    :param source: the module's text.
    :param function: its name, `up` for instance, and the `line` that defines it.
    :param takes_db: whether it takes the db object; else that is a global of the module.
    :param constants: what the module says of itself, by the names of its variables.
    :param checksum: sha256 of the text but for the version that it says, so that it is the same under another one.
    """

    source: str = dataclasses.field(repr=False)
    function: str
    line: int
    takes_db: bool
    constants: Mapping[str, object]
    checksum: str

    def __str__(self) -> str:
        return f"{self.function}({'db' if self.takes_db else ''})"


@dataclasses.dataclass(frozen=True)
class Section:
    """The SQL of one direction, or the code of it; then there is no SQL.

    `line` and `column` (from 1) are where `sql` begins in the file at `path`;
    `statements` are those of `sql`, where the format has already told them apart.
    `copies` are the data of its COPY statements, by the line in the file on which the statement ends.
    """

    sql: str
    path: Path | None
    line: int = 1
    column: int = 1
    statements: Statements | None = None
    copies: Mapping[int, str] = dataclasses.field(default_factory=dict, repr=False)
    dialect: str = POSTGRESQL
    code: Code | None = None

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
    deadline: float | None = None


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
    verify: Section | None = None

    @property
    def version(self) -> Version:
        """The version of its file."""
        return self.file.version

    @property
    def code(self) -> Code | None:
        """What its up section calls, where it is no SQL."""
        return self.up.code
