"""Many rows for SQLite: the makers' text taken apart, and written a block at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dbops.engines.catalog import Catalog, TableName
from dbops.seeding.fill import Destination, Part, SeedFailed
from dbops.seeding.fill.model import label
from dbops.seeding.fill.progress import Progress
from dbops.seeding.sqlite import sql
from dbops.seeding.sqlite.refusal import is_of_rows, refused_columns
from dbops.seeding.sqlite.values import Value, fast

if TYPE_CHECKING:
    import sqlite3

_ESCAPED = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}
Row = Sequence[Value]


def write_rows(
    connection: sqlite3.Connection,
    catalog: Catalog,
    into: Destination,
    parts: Iterator[Part],
    progress: Progress,
) -> None:
    """Write blocks of rows as they come.

    :raises SeedFailed: a row is refused.
    """
    statement = sql.insert(into.table[1], into.columns)
    for _, count, text in parts:
        rows = _rows(text.decode(), catalog, into) if into.columns else [()] * count
        written = _write(connection, statement, rows, catalog, into.table, progress.rows(into.table))
        progress.written(into.table, written)
    progress.spent(into.table)


def _write(
    connection: sqlite3.Connection,
    statement: str,
    rows: Sequence[Row],
    catalog: Catalog,
    table: TableName,
    before: int,
) -> int:
    """All at one go; where one is refused, one by one from the start, to name it.  How many are in."""
    import sqlite3

    connection.execute("savepoint dbops_block")
    try:
        written = connection.executemany(statement, rows).rowcount
    except sqlite3.Error as error:
        if not is_of_rows(error):
            raise
        connection.execute("rollback to dbops_block")
        for number, row in enumerate(rows, before + 1):
            try:
                connection.execute(statement, row)
            except sqlite3.Error as again:
                raise _failed(catalog, table, number, str(again)) from again
        raise  # which it did not say again: a trigger's doing, for instance
    connection.execute("release dbops_block")
    return written  # a trigger may keep some out


def _failed(catalog: Catalog, table: TableName, row: int, said: str) -> SeedFailed:
    known = catalog.by_id.get(table)
    column = refused_columns(known, said) if known else ""
    where = f"{label(table)}, row {row}{f', column {column}' if column else ''}"
    return SeedFailed(f"{where}: {said}", table=table, row=row, column=column or None)


def _rows(text: str, catalog: Catalog, into: Destination) -> Sequence[Row]:
    """The rows of a block in COPY's text form, as values."""
    table = catalog.by_id[into.table]
    readers = [
        (at, reader)
        for at, name in enumerate(into.columns)
        if (column := table.column(name)) and (reader := fast(column.type)) is not None
    ]
    rows: list[list[Value]] = [list(line.split("\t")) for line in text[:-1].split("\n")]
    if "\\" in text:
        rows = [[_plain(str(cell)) for cell in row] for row in rows]
    for at, reader in readers:
        for row in rows:
            if row[at] is not None:
                row[at] = reader(str(row[at]))
    return rows


def _plain(cell: str) -> str | None:
    """A cell without its escapes; `\\N` is NULL."""
    if "\\" not in cell:
        return cell
    if cell == "\\N":
        return None
    pieces, at = [], 0
    while (found := cell.find("\\", at)) >= 0:
        pieces += [cell[at:found], _ESCAPED[cell[found : found + 2]]]
        at = found + 2
    return "".join(pieces) + cell[at:]
