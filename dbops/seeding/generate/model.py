"""What is decided for a schema: for every column how its values are made.  Data only; `making/` makes the values.

A *unit* is what one number per row decides: a column of its own, a foreign key (the parent's row), or a set of
columns that checks tie together (one of the listed combinations).
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from datetime import datetime

from dbops.engines.catalog import Catalog, DataType, TableName
from dbops.seeding.draw import BLOCK
from dbops.seeding.generate.spaces.space import Space
from dbops.seeding.generate.spaces.times import Times

OWN = "*"
"""In a combination: the column's own maker says the value."""

NULLS = 1000
"""Shares of NULL are in thousandths."""


class How(enum.Enum):
    """How the number of a row is chosen."""

    DRAWN = "drawn"
    """At random, all alike."""
    SKEWED = "skewed"
    """At random, small numbers more often: some parents have many children."""
    COVERING = "covering"
    """Each number once if there are rows enough, then as SKEWED."""
    UNIQUE = "unique"
    """Each number once, in another order."""
    COUNTED = "counted"
    """Each number once, in order."""
    KEY = "key"
    """By the table's key that names the unit, so that the units of it differ together."""


Moved = tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class Own:
    """A column with values of its own.

    :param nulls: thousandths of rows that have NULL.
    :param moved: numbers of rows whose values are taken, each with the number whose value they have instead.
    """

    space: Space
    how: How = How.DRAWN
    nulls: int = 0
    moved: Moved = dataclasses.field(default=(), repr=False)


@dataclasses.dataclass(frozen=True)
class After:
    """A time that comes `least` to `most` seconds after the latest of other columns of the row.

    :param parents: references, each with a column of its table: the time comes after those of the parents' rows, as far
        as the last of the times in `otherwise`, or `most` seconds later.
    :param otherwise: where no parent has a row, one of these times.
    """

    columns: tuple[str, ...]
    form: str
    least: int = 0
    most: int = 864_000
    nulls: int = 0
    parents: tuple[tuple[str, str], ...] = ()
    otherwise: Times | None = None


@dataclasses.dataclass(frozen=True)
class Combinations:
    """Columns that checks tie together, and which texts of them go together; None is NULL, `OWN` see there."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    how: How = How.DRAWN


@dataclasses.dataclass(frozen=True)
class Reference:
    """A foreign key: each row takes the values of a row of the parent.

    :param columns: and `referenced` go together pair by pair.
    :param existing: whether the parent's rows are those that are in the database (`keys`), else those made.
    :param fixed: columns whose values are decided by something else; only a parent's row that agrees is taken.
    :param linked: whether it is decided together with others that share its columns, or has fixed ones.
    :param optional: whether the columns that it decides take NULL.
    :param late: whether it is decided after the columns in `fixed`, which its own table has from elsewhere.
    :param itself: of a table that refers to itself, whether a row may be its own parent.
    :param alike: of a table that refers to itself, columns in which a row and its parent agree though no key asks for it.
    :param backward: whether it is filled before its parent, so that the constraint must wait.
    """

    name: str
    columns: tuple[str, ...]
    table: TableName
    referenced: tuple[str, ...]
    how: How = How.SKEWED
    nulls: int = 0
    existing: bool = False
    keys: tuple[tuple[str, ...], ...] = dataclasses.field(default=(), repr=False)
    fixed: tuple[str, ...] = ()
    linked: bool = False
    backward: bool = False
    itself: bool = True
    late: bool = False
    optional: bool = False
    alike: tuple[str, ...] = ()

    @property
    def decides(self) -> tuple[str, ...]:
        """The columns whose values it brings: those that nothing else has decided."""
        return tuple(column for column in self.columns if column not in self.fixed)

    @property
    def agreeing(self) -> tuple[str, ...]:
        """`alike`, where a row that finds no such parent may go without."""
        return self.alike if self.nulls else ()

    def without_nulls(self) -> Reference:
        """The same, with a parent for every row."""
        return dataclasses.replace(self, nulls=0)


@dataclasses.dataclass(frozen=True)
class Key:
    """Units whose numbers together are never the same twice.

    :param counting: whether the last counts from its first value for each combination of the others, as the lines
        of an order do; else all of them vary alike.
    :param covering: whether each combination of the others comes once before one comes again.
    :param along: the counting unit of another key with the same other units: the last follows from it.
    :param moved: see `Own`.
    """

    name: str
    units: tuple[str, ...]
    counting: bool = False
    covering: bool = False
    along: str = ""
    moved: Moved = dataclasses.field(default=(), repr=False)


SievedKey = tuple[tuple[str, ...], str | None, bool]
"""Entries of a key as expressions, its predicate, and whether NULLs are alike."""


@dataclasses.dataclass(frozen=True)
class Sieve:
    """What only made rows show: checks to hold, and keys (expressions, with a predicate) not to repeat.

    :param types: of the columns that they speak of.
    :param derived: generated columns that they speak of, with their expressions.
    :param required: foreign keys that must find a parent's row.
    :param taken: what the table's rows have in the columns of `types` already.
    :param made: rows of a block that are made to have enough in the end; 0 for three times as many.

    Rows that do not pass are left out; more are made than are wanted so that enough remain.
    """

    checks: tuple[str, ...] = ()
    keys: tuple[SievedKey, ...] = ()
    types: tuple[tuple[str, DataType], ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    required: tuple[str, ...] = ()
    made: int = 0
    taken: tuple[tuple[str | None, ...], ...] = dataclasses.field(default=(), repr=False)

    @property
    def needed(self) -> bool:
        return bool(self.checks or self.keys or self.required)


@dataclasses.dataclass(frozen=True)
class TablePlan:
    """A table: its rows and their makers, by column.

    :param columns: those that are written, in the table's order.
    :param first: the number of the first row: what the table holds already, so that nothing comes twice.
    :param notes: why there are not as many rows as were asked for (`asked`; 0 for as many).
    :param whole: whether all rows are made at once, because they must be compared with each other.
    """

    table: TableName
    rows: int
    columns: tuple[str, ...]
    makers: Mapping[str, Own | After] = dataclasses.field(default_factory=dict)
    references: tuple[Reference, ...] = ()
    combinations: tuple[Combinations, ...] = ()
    keys: tuple[Key, ...] = ()
    sieve: Sieve = Sieve()
    first: int = 0
    whole: bool = False
    notes: tuple[str, ...] = ()
    asked: int = 0

    @property
    def wanted(self) -> int:
        """The rows that were asked for."""
        return max(self.asked, self.rows)

    @property
    def block(self) -> int:
        """Rows of a block."""
        return max(self.rows, 1) if self.whole else BLOCK

    @property
    def blocks(self) -> int:
        return -(-self.rows // self.block)


@dataclasses.dataclass(frozen=True)
class Unfilled:
    """A table that gets no rows, and why."""

    table: TableName
    reason: str


@dataclasses.dataclass(frozen=True)
class GeneratePlan:
    """Everything that is decided; `tables` stand in the order of filling."""

    seed: int
    as_of: datetime
    tables: tuple[TablePlan, ...]
    unfilled: tuple[Unfilled, ...] = ()
    catalog: Catalog = dataclasses.field(default=Catalog(()), repr=False, compare=False)


@dataclasses.dataclass(frozen=True)
class Request:
    """What the user asks for.

    :param rows: rows of a table that `per_table` does not name.
    :param only: tables to fill; empty for all.
    :param as_of: the time that the data end at, UTC.
    """

    rows: int = 1000
    per_table: Mapping[TableName, int] = dataclasses.field(default_factory=dict)
    only: tuple[TableName, ...] = ()
    skip: tuple[TableName, ...] = ()
    seed: int = 42
    as_of: datetime = datetime(2026, 1, 1)  # noqa: DTZ001  # UTC throughout
