"""The rows of a group of fixture files: read as SQLite's values, their references found, then held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dbops.engines.catalog import Catalog, Table, TableName
from dbops.seeding.fixtures.bind import lacking_columns
from dbops.seeding.fixtures.bound import FromEnvironment, Part, Reference
from dbops.seeding.fixtures.engine import Flaw, WrongCell, given_twice, lacks
from dbops.seeding.fixtures.model import TableCount
from dbops.seeding.sqlite.resolving import Resolving, Rows
from dbops.seeding.sqlite.values import Value, stored
from dbops.seeding.sqlite.writing import Writing

if TYPE_CHECKING:
    import sqlite3


class SqliteWaiting:
    """See `dbops.seeding.fixtures.engine.Waiting`."""

    def __init__(
        self, connection: sqlite3.Connection, parts: Sequence[Part], references: Sequence[Reference]
    ) -> None:
        self._connection, self._parts, self._references = connection, parts, references
        self._rows = Rows()

    def wrong_cells(self) -> list[WrongCell]:
        found = []
        for part in self._parts:
            for number, row in enumerate(part.rows):
                made: list[Value | Reference] = []
                for column, cell in zip(part.columns, row, strict=True):
                    try:
                        made.append(cell if isinstance(cell, Reference) else stored(cell, column.type))
                    except ValueError as error:
                        made.append(None)
                        said = _said(error, cell, column.type.sql)
                        found.append(WrongCell(part, number, column.name, said))
                self._rows.cells.setdefault(part.number, []).append(made)
        return found + [wrong for reference in self._references for wrong in self._wrong_keys(reference)]

    def _wrong_keys(self, reference: Reference) -> list[WrongCell]:
        found, keys = [], list[Value | Reference]()
        for name, value in zip(reference.columns, reference.values, strict=True):
            column = reference.table.column(name)
            assert column is not None  # binding has found it
            try:
                keys.append(value if isinstance(value, Reference) else stored(value, column.type))
            except ValueError as error:
                keys.append(None)
                said = _said(error, value, column.type.sql)
                found.append(WrongCell(None, 0, name, said, reference))
        self._rows.keys[reference] = tuple(keys)
        return found

    def resolve(self) -> Mapping[Reference, int]:
        return Resolving(self._connection, self._parts, self._rows).run(self._references)

    def flaws(self) -> list[Flaw]:
        found = self._twice(resolved=True)
        for part in self._parts:
            if lacking := lacking_columns(part):
                there = self._rows.there
                found += [
                    lacks(part, row, lacking)
                    for row in range(len(part.rows))
                    if there.get((part.number, row)) is None
                ]
        return found

    def disagreements(self) -> list[Flaw]:
        return [flaw for flaw in self._twice(resolved=False) if flaw.of_sets]

    def _twice(self, *, resolved: bool) -> list[Flaw]:
        """Rows that have the key of an earlier one; two rows are told once, whatever keys they share."""
        found, told = [], set[tuple[int, int, int, int]]()
        for columns, parts in self._keyed():
            first: dict[tuple[Value | Reference, ...], tuple[Part, int]] = {}
            for part in parts:
                for row, values in self._key_values(part, columns, resolved=resolved):
                    other, other_row = first.setdefault(values, (part, row))
                    pair = (part.number, row, other.number, other_row)
                    if (other, other_row) != (part, row) and pair not in told:
                        told.add(pair)
                        found += self._pair(part, row, other, other_row, columns)
        return found

    def _keyed(self) -> Iterator[tuple[tuple[str, ...], list[Part]]]:
        """The keys of each table, with the parts that give all their columns."""
        tables: dict[TableName, tuple[Table, list[Part]]] = {}
        for part in self._parts:
            tables.setdefault(part.table.id, (part.table, []))[1].append(part)
        for table, parts in tables.values():
            for columns in _keys(table, parts):
                yield columns, [part for part in parts if None not in [part.slot(name) for name in columns]]

    def _key_values(
        self, part: Part, columns: Sequence[str], *, resolved: bool
    ) -> Iterator[tuple[int, tuple[Value | Reference, ...]]]:
        """The rows of a part whose key is known, each with its values."""
        slots = [at for name in columns if (at := part.slot(name)) is not None]
        for row, cells in enumerate(self._rows.cells[part.number]):
            if any(at >= len(cells) for at in slots):
                return  # a column that is added when references are resolved
            values = tuple(cells[at] for at in slots)
            if None not in values and not (resolved and any(isinstance(one, Reference) for one in values)):
                yield row, values

    def _pair(self, part: Part, row: int, other: Part, other_row: int, columns: Sequence[str]) -> list[Flaw]:
        """The flaw of two rows with one key: of one set always, of two where they differ."""
        if part.file.path.parent == other.file.path.parent:
            return [given_twice(part, row, columns, other, other_row, "the row is given twice")]
        own, others = self._rows.cells[part.number][row], self._rows.cells[other.number][other_row]
        differing = [
            column.name
            for at, column in enumerate(part.columns)
            if (slot := other.slot(column.name)) is not None
            and slot < len(others) and own[at] != others[slot]
            and not (isinstance(own[at], Reference) or isinstance(others[slot], Reference))
        ]  # fmt: skip
        if not differing:
            return []
        said = f"the sets give different values of {', '.join(differing)}"
        flaw = given_twice(part, row, columns, other, other_row, said)
        return [Flaw(flaw.part, flaw.row, flaw.column, flaw.message, of_sets=True)]

    def write(
        self,
        parts: Sequence[Part],
        later: Mapping[int, frozenset[str]],
        catalog: Catalog,
        counts: dict[TableName, TableCount],
        *,
        deferred: bool,
    ) -> None:
        del later, catalog  # any foreign key can wait until the end
        Writing(self._connection, self._rows).run(parts, counts, deferred=deferred)

    def clear(self) -> None:
        self._rows = Rows()


def _keys(table: Table, parts: Sequence[Part]) -> list[tuple[str, ...]]:
    """The columns that tell rows apart: those of the keys, and those by which files match."""
    keys = [tuple(filter(None, key.columns)) for key in table.keys if key.plain]
    return list(dict.fromkeys([*keys, *(part_key(part) for part in parts if part.key)]))


def part_key(part: Part) -> tuple[str, ...]:
    """The columns that match the rows of a part."""
    return tuple(part.columns[at].name for at in part.key)


def _said(error: ValueError, cell: object, declared: str) -> str:
    if isinstance(cell, FromEnvironment):
        return f"the value that the environment gives is no {declared}"
    return str(error)
