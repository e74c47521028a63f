"""Another tool's history as data, and what is made of it."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbops.migrations.version import Version

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.migrations.model import MigrationFile


@dataclasses.dataclass(frozen=True)
class TableName:
    """A table with its schema."""

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """From `schema.name` or `name`, which is in `public`."""
        schema, dot, name = text.rpartition(".")
        return cls(schema if dot else "public", name)

    @property
    def identifier(self) -> sql.Identifier:
        """As it goes into a statement."""
        from psycopg import sql

        return sql.Identifier(self.schema, self.name)

    def beside(self, name: str) -> TableName:
        """Another table of the same schema."""
        return TableName(self.schema, name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclasses.dataclass(frozen=True)
class FoundTable:
    """A table of the database: its columns with their types, and the names of the other tables of its schema."""

    table: TableName
    columns: Mapping[str, str]
    neighbours: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Entry:
    """One migration that the other tool has a row of.

    `id` is what the tool calls it; `version` is written as a file's name would have it.
    `doubt` says why the tool itself does not know whether it is applied, None where it does.
    """

    id: str
    version: Version
    name: str = ""
    description: str | None = None
    applied_at: datetime.datetime | None = None
    applied_by: str | None = None
    execution_time_ms: int | None = None
    checksum: str | None = None
    doubt: str | None = None


@dataclasses.dataclass(frozen=True)
class History:
    """What the other tool's table says: what is applied, in the order in which it was.

    All files up to `upto` are applied, whether they have an entry or not: some tools
    keep only where they are, others have a baseline.
    """

    tool: str
    table: TableName
    entries: tuple[Entry, ...] = ()
    upto: Version | None = None


@dataclasses.dataclass(frozen=True)
class Mirrored:
    """A migration whose record is to be written in the other tool's terms.

    :param id: what the tool calls it.
    :param ours: dbops' own table, whose row is written before in the same transaction.
    :param checksum: as the tool computes it; None where it keeps none, or the file is gone.
    """

    table: TableName
    id: str
    version: Version
    name: str
    ours: sql.Identifier
    file: MigrationFile | None = None
    checksum: str | None = None


@dataclasses.dataclass(frozen=True)
class Adopted:
    """A version that is recorded as applied: its file if it has one, its row in the other tool's table if it has one."""

    version: Version
    name: str
    file: MigrationFile | None
    entry: Entry | None


@dataclasses.dataclass(frozen=True)
class AdoptPlan:
    """What `adopt` does.

    :param record: what dbops will record as applied.
    :param known: what it has recorded already.
    :param forget: what the other tool has undone, so that it is no longer recorded; only while its table is mirrored.
    :param undone: what is recorded here and not applied over there, and is left as it is.
    :param give: what dbops has applied and the other tool's table does not have: written into it for a mirror.
    :param settled: rows in doubt that the operator decided, and whether they are applied.
    :param pending: files that neither has applied.
    """

    tool: str
    table: TableName
    mirror: bool
    record: tuple[Adopted, ...] = ()
    known: tuple[Version, ...] = ()
    forget: tuple[Version, ...] = ()
    undone: tuple[Version, ...] = ()
    give: tuple[Version, ...] = ()
    settled: tuple[tuple[Entry, bool], ...] = ()
    pending: tuple[MigrationFile, ...] = ()
    other_order: tuple[Version, ...] = ()
    """The order in which the other tool applied them, where it is not that of the versions."""
