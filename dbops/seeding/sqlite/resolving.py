"""Finds what references refer to: among the rows of the sets first, then in the tables.

A row that others refer to gets the key first that it has, or will have: a row that is there keeps its own, a new one
takes the next number, or what its default says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dbops.engines.catalog import Column, Identity, Table, TableName
from dbops.seeding.fixtures.bound import Part, Reference
from dbops.seeding.sqlite import sql
from dbops.seeding.sqlite.values import Value

if TYPE_CHECKING:
    import sqlite3

Cells = list["Value | Reference"]
Shape = tuple[TableName, tuple[str, ...], str]

_ITSELF, _UNKNOWN = -1, -2


@dataclasses.dataclass
class Rows:
    """The rows of a group.

    :param cells: by the number of a part its rows; a reference stands in a cell until it is found.
    :param keys: by reference the values of its natural key.
    :param there: by part and row the values of the columns that the table's row has, by name; None for a new row.
    """

    cells: dict[int, list[Cells]] = dataclasses.field(default_factory=dict)
    keys: dict[Reference, tuple[Value | Reference, ...]] = dataclasses.field(default_factory=dict)
    there: dict[tuple[int, int], Mapping[str, Value] | None] = dataclasses.field(default_factory=dict)


class _NotFound(Exception):
    """A reference that leads to no row, or to several: `hits`."""

    def __init__(self, hits: int) -> None:
        super().__init__(hits)
        self.hits = hits


class Resolving:
    """One pass over the rows of a group."""

    def __init__(self, connection: sqlite3.Connection, parts: Sequence[Part], rows: Rows) -> None:
        self._connection, self._parts, self._rows = connection, parts, rows
        self._found: dict[Reference, Value | _NotFound] = {}
        self._indexes: dict[Shape, dict[tuple[Value, ...], dict[Value, None]] | None] = {}
        self._next: dict[TableName, int] = {}
        self._made: dict[tuple[TableName, str, tuple[str, ...], tuple[Value, ...]], Value] = {}
        self._complete: set[int] = set()

    def run(self, references: Sequence[Reference]) -> dict[Reference, int]:
        """Put what is found into the cells; the references that do not find one row, with how many (see `Waiting`)."""
        failing = {}
        for reference in references:
            try:
                self._value(reference)
            except _NotFound as error:
                failing[reference] = error.hits
        for part in self._parts:
            self._add_columns(part)
            for row, cells in enumerate(self._rows.cells[part.number]):
                for at, cell in enumerate(cells):
                    if isinstance(cell, Reference):
                        found = self._found.get(cell)
                        cells[at] = None if isinstance(found, _NotFound) else found
                self._look(part, row)
        return failing

    def _value(self, reference: Reference) -> Value:
        if reference not in self._found:
            self._found[reference] = _NotFound(_ITSELF)  # as long as it is looked for
            try:
                self._found[reference] = self._search(reference)
            except _NotFound as error:
                self._found[reference] = error
        found = self._found[reference]
        if isinstance(found, _NotFound):
            raise found
        return found

    def _search(self, reference: Reference) -> Value:
        keys = tuple(
            self._value(one) if isinstance(one, Reference) else one for one in self._rows.keys[reference]
        )
        waiting = self._index((reference.table.id, reference.columns, reference.wanted)).get(keys)
        hits = list(waiting) if waiting else self._in_table(reference, keys)
        if len(hits) != 1:
            raise _NotFound(len(hits))
        if hits[0] is None:
            raise _NotFound(_UNKNOWN)
        return hits[0]

    def _in_table(self, reference: Reference, keys: tuple[Value, ...]) -> list[Value]:
        condition = f"where {sql.equal(reference.columns)} limit 3"
        query = sql.select(f"distinct {sql.name(reference.wanted)}", reference.table.name, condition)
        return [row[0] for row in self._connection.execute(query, keys)]

    def _index(self, shape: Shape) -> dict[tuple[Value, ...], dict[Value, None]]:
        """The waiting rows of a table by a natural key, with the values of the wanted column."""
        if shape not in self._indexes:
            self._indexes[shape] = None
            made: dict[tuple[Value, ...], dict[Value, None]] = {}
            table, columns, wanted = shape
            for part in sorted(
                (one for one in self._parts if one.table.id == table), key=lambda one: len(one.added)
            ):
                self._add_columns(part)
                self._keep_own(part, wanted)
                slots = [part.slot(name) for name in (*columns, wanted)]
                if None not in slots:
                    for cells in self._rows.cells[part.number]:
                        values = [self._known(cells[at]) for at in slots if at is not None]
                        made.setdefault(tuple(values[:-1]), {})[values[-1]] = None
            self._indexes[shape] = made
        found = self._indexes[shape]
        if found is None:
            raise _NotFound(_ITSELF)
        return found

    def _known(self, cell: Value | Reference) -> Value:
        return self._value(cell) if isinstance(cell, Reference) else cell

    # -- keys of rows ----------------------------------------------------------------------------------

    def _look(self, part: Part, row: int) -> Mapping[str, Value] | None:
        """The row of the table that a row of a part is matched with, all its columns by name; None where there is none."""
        place = (part.number, row)
        if place not in self._rows.there:
            found = None
            if part.key:
                cells = self._rows.cells[part.number][row]
                names = [column.name for column in part.table.columns]
                condition = f"where {sql.equal(part.columns[at].name for at in part.key)}"
                query = sql.select(sql.names(names), part.table.name, condition)
                values = self._connection.execute(
                    query, [self._known(cells[at]) for at in part.key]
                ).fetchone()
                found = dict(zip(names, values, strict=True)) if values else None
            self._rows.there[place] = found
        return self._rows.there[place]

    def _keep_own(self, part: Part, wanted: str) -> None:
        """A row that is there and keeps its own key is referred to by that one."""
        slot = part.slot(wanted)
        if part.key and slot in part.insert_only:
            for row, cells in enumerate(self._rows.cells[part.number]):
                if (there := self._look(part, row)) is not None:
                    cells[slot] = there[wanted]

    def _add_columns(self, part: Part) -> None:
        """Values of the columns that the files leave out and that others refer to."""
        if part.number in self._complete:
            return
        self._complete.add(part.number)
        for row, cells in enumerate(self._rows.cells[part.number]):
            for column in part.added:
                there = self._look(part, row)
                cells.append(self._new(part, row, column) if there is None else there[column.name])

    def _new(self, part: Part, row: int, column: Column) -> Value:
        """The value of a new row; where another set gives the row, too, it is one row, and has one key."""
        key = tuple(part.columns[at].name for at in part.key)
        cells = self._rows.cells[part.number][row]
        values = tuple(self._known(cells[at]) for at in part.key)
        place = (part.table.id, column.name, key, values)
        if not key or place not in self._made:
            made = self._given(part, column, key, values)
            self._made[place] = self._default(part.table, column) if made is None else made
        return self._made[place]

    def _given(self, part: Part, column: Column, key: tuple[str, ...], values: tuple[Value, ...]) -> Value:
        """What another part that has the row gives for the column."""
        for other in self._parts:
            slots = [other.slot(name) for name in key]
            at = next((at for at, one in enumerate(other.columns) if one.name == column.name), None)
            if key and other.table.id == part.table.id and at is not None and None not in slots:
                for cells in self._rows.cells[other.number]:
                    if tuple(self._known(cells[slot]) for slot in slots if slot is not None) == values:
                        return self._known(cells[at])
        return None

    def _default(self, table: Table, column: Column) -> Value:
        if column.identity is Identity.NO:
            row = self._connection.execute(f"select ({column.default or 'null'})").fetchone()
            value: Value = row[0]
            return value
        if table.id not in self._next:
            self._next[table.id] = self._highest(table, column)
        self._next[table.id] += 1
        return self._next[table.id]

    def _highest(self, table: Table, column: Column) -> int:
        """The highest number that is there, was there, or is given by a file."""
        query = sql.select(f"coalesce(max({sql.name(column.name)}), 0)", table.name)
        found: list[int] = [self._connection.execute(query).fetchone()[0], 0]
        if self._connection.execute("select 1 from sqlite_master where name = 'sqlite_sequence'").fetchone():
            query = "select seq from sqlite_sequence where name = ?"
            found += [row[0] for row in self._connection.execute(query, [table.name])]
        for part in self._parts:
            if part.table.id == table.id:
                at = next((at for at, one in enumerate(part.columns) if one.name == column.name), None)
                rows = self._rows.cells[part.number]
                cells = [row[at] for row in rows] if at is not None else []
                found += [cell for cell in cells if isinstance(cell, int)]
        return max(found)
