"""The rows of a scratch database on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.pinned import told
from dbops.safety.rounds.rows import Contents, Values

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

    from dbops.engines.catalog import Catalog, Table, TableName
    from dbops.seeding.postgres.engine import Postgres

_POSITIONS = """
select schemaname::text, sequencename::text, case when increment_by > 0 then last_value else -last_value end
from pg_catalog.pg_sequences where last_value is not null
"""


class Tables:
    """See `dbops.safety.rounds.rows.Tables`.

    :param connection: in autocommit mode, and nobody else's.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    @contextmanager
    def seeding(self) -> Iterator[Postgres]:
        """A transaction of the connection."""
        from dbops.seeding.postgres.engine import Postgres

        engine = Postgres(self._connection)
        with told(), engine.transaction():
            yield engine

    def empty(self, catalog: Catalog, table: TableName) -> None:
        """By TRUNCATE."""
        from psycopg import sql

        del catalog  # the server knows who refers to it
        with told():
            self._connection.execute(sql.SQL("truncate {} cascade").format(sql.Identifier(*table)))

    def contents(self, catalog: Catalog) -> Contents:
        """In one round trip, whatever the number of tables."""
        with told():
            return self._contents(catalog)

    def _contents(self, catalog: Catalog) -> Contents:
        connection = self._connection
        tables = [table for table in catalog.tables if table.columns and table.insertable]
        with connection.pipeline():
            cursors = [connection.execute(_query(table)) for table in tables]
            sequences = connection.execute(_POSITIONS)
        positions = {(schema, name): int(at) for schema, name, at in sequences.fetchall()}
        found = {}
        for table, cursor in zip(tables, cursors, strict=True):
            row = cursor.fetchone()
            assert row is not None  # an aggregate has one row
            for at, column in enumerate(table.columns):
                position = positions.get(column.sequence) if column.sequence else None
                found[table.label, column.name] = Values(row[2 * at], int(row[2 * at + 1]), position)
        return found


def _query(table: Table) -> sql.Composed:
    from psycopg import sql

    each = sql.SQL(
        "pg_catalog.count({0}), coalesce(pg_catalog.sum(pg_catalog.hashtextextended({0}::text, 0)), 0)"
    )
    columns = sql.SQL(", ").join(each.format(sql.Identifier(column.name)) for column in table.columns)
    return sql.SQL("select {} from {}").format(columns, sql.Identifier(*table.id))
