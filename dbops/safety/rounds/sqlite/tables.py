"""What is in a scratch file, and its rows; read and written by the session in which the migrations run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.engines.sqlite import catalog as catalogs
from dbops.engines.sqlite.tracking import quoted
from dbops.safety.rounds.rows import Contents, Values

if TYPE_CHECKING:
    from dbops.engines.catalog import Catalog, TableName
    from dbops.engines.schema import Schema
    from dbops.engines.sqlite.throwaway import Throwaway
    from dbops.seeding.sqlite.engine import Sqlite


class Reading:
    """See `dbops.safety.rounds.looking.Reading`."""

    def __init__(self, session: Throwaway) -> None:
        self._session = session

    def schema(self) -> Schema:
        """Of the session."""
        return self._session.schema()

    def catalog(self) -> Catalog:
        """Without views and virtual tables."""
        with self._session.told():
            return catalogs.read(self._session.connection, _own(self._session)).catalog


class Tables:
    """See `dbops.safety.rounds.rows.Tables`."""

    def __init__(self, session: Throwaway) -> None:
        self._session = session

    @contextmanager
    def seeding(self) -> Iterator[Sqlite]:
        """A transaction of the session."""
        from dbops.seeding.sqlite.engine import Sqlite

        with self._session.told():
            engine = Sqlite(self._session.connection, _path(self._session))
            engine.catalog(_own(self._session))
            with engine.transaction():
                yield engine

    def contents(self, catalog: Catalog) -> Contents:
        """By Python's own hashes, which are the same as long as it runs."""
        with self._session.told(), _any_text(self._session.connection):
            return dict(self._contents(catalog))

    def empty(self, catalog: Catalog, table: TableName) -> None:
        """As TRUNCATE ... CASCADE would: no trigger acts, and no key."""
        names = sorted(name for _, name in _with_children(catalog, table))
        marks = ", ".join("?" * len(names))
        connection = self._session.connection
        with self._session.told():
            triggers = connection.execute(
                f"select name, sql from main.sqlite_schema where type = 'trigger' and tbl_name in ({marks})",  # noqa: S608  # marks
                names,
            ).fetchall()
            connection.execute("pragma foreign_keys = off")
            connection.execute("begin immediate")
            for statement in (
                *(f"drop trigger {quoted(name)}" for name, _ in triggers),
                *(f"delete from main.{quoted(name)}" for name in names),  # noqa: S608  # quoted
                *(sql for _, sql in triggers),
                "commit",
            ):
                connection.execute(statement)
            connection.execute("pragma foreign_keys = on")

    def _contents(self, catalog: Catalog) -> Iterator[tuple[tuple[str, str], Values]]:
        connection = self._session.connection
        positions = {}
        if connection.execute("select 1 from main.sqlite_schema where name = 'sqlite_sequence'").fetchone():
            positions = dict(connection.execute("select name, seq from main.sqlite_sequence"))
        for table in catalog.tables:
            columns = ", ".join(quoted(column.name) for column in table.columns)
            rows = connection.execute(f"select {columns} from main.{quoted(table.name)}").fetchall()  # noqa: S608  # quoted
            by_column = list(zip(*rows, strict=True)) or [()] * len(table.columns)
            for column, values in zip(table.columns, by_column, strict=True):
                there = [hash(repr(value)) for value in values if value is not None]
                position = positions.get(table.name) if column.sequence else None
                yield (table.label, column.name), Values(len(there), sum(there), position)


def _own(session: Throwaway) -> list[TableName]:
    table = session.tables.table
    return [(catalogs.SCHEMA, table), (catalogs.SCHEMA, f"{table}_events")]


def _path(session: Throwaway) -> Path:
    return Path(session.identity.file or "")


@contextmanager
def _any_text(connection: sqlite3.Connection) -> Iterator[None]:
    """Texts that are no UTF-8 are read byte by byte."""
    before = connection.text_factory
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")
    try:
        yield
    finally:
        connection.text_factory = before


def _with_children(catalog: Catalog, table: TableName) -> set[TableName]:
    """A table and all that refer to it, or to one of those."""
    found, new = {table}, {table}
    while new:
        new = {one.id for one in catalog.tables if any(key.table in new for key in one.foreign_keys)} - found
        found |= new
    return found
