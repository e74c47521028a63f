"""Writes the rows of a group: those that are not there are added, those that differ are updated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dbops.engines.catalog import TableName
from dbops.errors import DbopsError
from dbops.seeding.fixtures.bound import Part, Reference, Relative
from dbops.seeding.fixtures.model import AGAIN, TableCount
from dbops.seeding.sqlite import sql
from dbops.seeding.sqlite.refusal import is_of_rows, refused_columns
from dbops.seeding.sqlite.resolving import Rows
from dbops.seeding.sqlite.values import Value

if TYPE_CHECKING:
    import sqlite3


class Writing:
    """Writes parts in their order, and names the row that SQLite refuses."""

    def __init__(self, connection: sqlite3.Connection, rows: Rows) -> None:
        self._connection, self._rows = connection, rows

    def run(self, parts: Sequence[Part], counts: dict[TableName, TableCount], *, deferred: bool) -> None:
        """Write all; foreign keys are checked for each row, or at the end where rows refer to what comes after them.

        :raises DbopsError: a row is refused, with its place.
        """
        deferred = deferred or any(
            key.table == part.table.id for part in parts for key in part.table.foreign_keys
        )
        if deferred:
            self._connection.execute("pragma defer_foreign_keys = on")
        done: Counter[tuple[TableName, str]] = Counter()
        for part in parts:
            for row in range(len(part.rows)):
                done[part.table.id, self._write(part, row)] += 1
        if deferred:
            self._check(parts)
            self._connection.execute("pragma defer_foreign_keys = off")
        for part in parts:
            before = counts.get(part.table.id) or TableCount(part.table.label)
            counts[part.table.id] = TableCount(
                part.table.label,
                before.inserted + done.pop((part.table.id, "inserted"), 0),
                before.updated + done.pop((part.table.id, "updated"), 0),
                before.unchanged + done.pop((part.table.id, "unchanged"), 0),
            )

    def _write(self, part: Part, row: int) -> str:
        """Write a row, if it is to be; what was done."""
        import sqlite3

        cells = self._values(part, row)
        there = self._there(part, cells)
        try:
            if there is None:
                self._require_written(part, row, self._insert(part, cells))
                return "inserted"
            changed = [
                (column.name, cells[at])
                for at, column in enumerate(part.columns)
                if at not in part.key and at not in part.insert_only and not same(cells[at], there[column.name])
                and not (_is_relative(part, row, at) and there[column.name] is not None)
            ]  # fmt: skip
            if changed:
                self._require_written(part, row, self._update(part, cells, changed))
        except sqlite3.Error as error:
            if not is_of_rows(error):
                raise
            raise self._refused(part, row, cells, error) from error
        return "updated" if changed else "unchanged"

    def _require_written(self, part: Part, row: int, written: int) -> None:
        """Return if the row was written.

        :raises DbopsError: a trigger's RAISE(IGNORE) or an ON CONFLICT IGNORE kept it out.
        """
        if written != 1:
            said = (
                f"{part.table.label} took the row without an error, but it is not there: a trigger refused it"
            )
            raise _error(part, row, "", said)

    def _values(self, part: Part, row: int) -> list[Value]:
        cells = self._rows.cells[part.number][row]
        assert not any(isinstance(cell, Reference) for cell in cells)  # all were found, or nothing is written
        return cells  # type: ignore[return-value]  # no reference is among them

    def _there(self, part: Part, cells: Sequence[Value]) -> Mapping[str, Value] | None:
        """The row as it is now: a trigger may have made or changed it since it was looked at."""
        if not part.key:
            return None
        names = [column.name for column in part.columns]
        query = sql.select(sql.names(names), part.table.name, f"where {_matched(part)}")
        row = self._connection.execute(query, [cells[at] for at in part.key]).fetchone()
        return None if row is None else dict(zip(names, row, strict=True))

    def _insert(self, part: Part, cells: Sequence[Value]) -> int:
        # What nobody gives a value is the database's to give.
        given = [
            (column.name, cell)
            for at, (column, cell) in enumerate(zip(part.all_columns, cells, strict=True))
            if at < len(part.columns) or cell is not None
        ]
        statement = sql.insert(part.table.name, [name for name, _ in given])
        return self._connection.execute(statement, [cell for _, cell in given]).rowcount

    def _update(self, part: Part, cells: Sequence[Value], changed: Sequence[tuple[str, Value]]) -> int:
        assignments = ", ".join(f"{sql.name(name)} = ?" for name, _ in changed)
        statement = f"update {sql.name(part.table.name)} set {assignments} where {_matched(part)}"  # noqa: S608  # names are quoted
        values = [*(cell for _, cell in changed), *(cells[at] for at in part.key)]
        return self._connection.execute(statement, values).rowcount

    def _check(self, parts: Sequence[Part]) -> None:
        """Return if every foreign key of the rows finds its row now.

        :raises DbopsError: one does not.
        """
        tables = {part.table.name for part in parts}
        broken = {
            name
            for name in tables
            if self._connection.execute(
                "select 1 from pragma_foreign_key_check(?) limit 1", [name]
            ).fetchone()
        }
        for part in parts:
            for row in range(len(part.rows)) if part.table.name in broken else ():
                if (columns := self._dangling(part, self._values(part, row))) is not None:
                    raise _error(part, row, columns, "FOREIGN KEY constraint failed: there is no such row")

    def _refused(self, part: Part, row: int, cells: Sequence[Value], error: sqlite3.Error) -> DbopsError:
        said = str(error)
        if "FOREIGN KEY" in said:
            columns = self._dangling(part, cells)
            return _error(part, row, columns or "", f"{said}: there is no such row" if columns else said)
        return _error(part, row, refused_columns(part.table, said), said)

    def _dangling(self, part: Part, cells: Sequence[Value]) -> str | None:
        """The columns of the first foreign key of a row that finds nothing; None where all find theirs."""
        for key in part.table.foreign_keys:
            slots = [part.slot(name) for name in key.columns]
            values = [cells[at] for at in slots if at is not None]
            if None in slots or None in values:
                continue
            query = sql.select("1", key.table[1], f"where {sql.equal(key.referenced)}")
            if self._connection.execute(query, values).fetchone() is None:
                return ", ".join(key.columns)
        return None


def same(value: Value, there: Value) -> bool:
    """Whether a value is the one that is there: 1 and 1.0 are the same, 1 and '1' are not."""
    return value == there and isinstance(value, str) == isinstance(there, str)


def _error(part: Part, row: int, columns: str, said: str) -> DbopsError:
    where = f"{part.place(row)}{f', column {columns}' if columns else ''}"
    return DbopsError(f"{where}: {said}", hint=f"correct it, then run {AGAIN}; nothing was written")


def _matched(part: Part) -> str:
    return sql.equal(part.columns[at].name for at in part.key)


def _is_relative(part: Part, row: int, at: int) -> bool:
    return at in part.relative and isinstance(part.rows[row][at], Relative)
