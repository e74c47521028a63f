"""What is filled, where the rows come from, and what came of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from dbops.engines.catalog import TableName
from dbops.errors import DbopsError
from dbops.events import Event, Level, format_seconds

Rebuild = Literal["auto", "always", "never"]
"""Whether indexes and foreign keys are taken away while rows come in; an engine that cannot leaves them."""

Part = tuple[int, int, bytes]
"""Of a block: the index into `destinations`, the number of rows, and their COPY text (UTF-8, tabs, `\\N`)."""


@dataclasses.dataclass(frozen=True)
class Destination:
    """A table and those of its columns that are written, in the order in which the text has them."""

    table: TableName
    columns: tuple[str, ...]


class Source(Protocol):
    """Where rows come from.

    It is made once and sent to every process that makes blocks, so it must be picklable and small, and `make`
    must not depend on the blocks that were made before: what they share it derives anew, or keeps for itself.
    """

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """In an order in which rows may be written: parents first."""

    @property
    def blocks(self) -> int:
        """How many blocks there are, from 0 on; they are written in ascending order."""

    @property
    def rows(self) -> Mapping[TableName, int]:
        """The rows to come, exact or an estimate: for progress and for choosing the way."""

    def make(self, block: int) -> Sequence[Part]:
        """The rows of one block, in the order in which they are written."""


@dataclasses.dataclass(frozen=True)
class FillOptions:
    """How to fill.

    :param jobs: processes that make rows; with 1 this very process does.  The data never depend on it.
    :param fast: leave the users' triggers out; afterwards each is enabled as it was.
    :param patience: seconds to wait for the locks on tables.
    """

    jobs: int = 1
    fast: bool = False
    rebuild: Rebuild = "auto"
    patience: float = 30.0


@dataclasses.dataclass(frozen=True)
class TableReport:
    """What came into one table.

    :param seconds: wall-clock time of writing and of building its indexes and foreign keys again; with a share, by
        the rows, of the time in which rows of whatever table were waited for.
    """

    table: TableName
    rows: int
    seconds: float

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds else 0.0


@dataclasses.dataclass(frozen=True)
class Report:
    """What was written, table by table in the order of the destinations; `seconds` in all."""

    tables: tuple[TableReport, ...]
    seconds: float

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds if self.seconds else 0.0


def label(table: TableName) -> str:
    """A table's name for people, without the schema `public`."""
    schema, name = table
    return name if schema == "public" else f"{schema}.{name}"


class SeedFailed(DbopsError):
    """Rows were refused, or could not be made.  The transaction is the caller's to roll back: nothing may stay.

    :param row: counted from 1, in the order in which rows are written into the table; None where nobody can tell.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        detail: str | None = None,
        table: TableName | None = None,
        row: int | None = None,
        column: str | None = None,
        constraint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.table, self.row, self.column, self.constraint = table, row, column, constraint


@dataclasses.dataclass(frozen=True)
class Filling(Event):
    """How far it is.

    :param table: the one that is written.
    :param rows: of all tables, written so far, of `total`.
    :param rate: rows a second of all tables, over the last seconds.
    :param seconds_left: until all rows of all tables are written; None while nobody can tell.
    """

    table: str
    rows: int
    total: int
    rate: float
    seconds_left: float | None

    level = Level.PROGRESS

    def sentence(self) -> str:
        text = f"{self.rows:,} of {self.total:,} rows, {self.rate:,.0f} rows/s"
        left = "" if self.seconds_left is None else f", {format_seconds(self.seconds_left)} left"
        return f"{text}{left} ({self.table})"


@dataclasses.dataclass(frozen=True)
class Preparing(Event):
    """The first of so many rows are made, and the tables made ready for them."""

    rows: int

    level = Level.PROGRESS

    def sentence(self) -> str:
        return f"preparing {self.rows:,} rows"


@dataclasses.dataclass(frozen=True)
class Rebuilding(Event):
    """An index or a foreign key is about to be made again: the `number`th of `total`."""

    what: str
    number: int
    total: int

    level = Level.PROGRESS

    def sentence(self) -> str:
        return f"{self.number} of {self.total} indexes and foreign keys: {self.what}"
