"""A second session in a scratch database, that reads what the migrations in the first one have made."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.pinned import told
from dbops.engines.schema import Schema

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.catalog import Catalog, TableName

_REMEMBERED = 2
"""Catalogs: of the schema before a migration and of the one after it, between which a round goes to and fro."""


class Looker:
    """Reads schema and catalog; its connection is for the rows, too.

    Nothing that a migration sets for its session changes what is read here, and the server keeps the plans of the two
    large queries, which take as long as their execution; in the first session they end with each migration.

    :param connection: in autocommit mode; closed by `close`.
    :param own: the tables that hold dbops' records.
    """

    def __init__(self, connection: psycopg.Connection[Any], own: Collection[TableName]) -> None:
        self.connection = connection
        self._own = own
        self._catalogs: list[tuple[Schema, Catalog]] = []
        connection.execute("set jit = off")  # compiling the queries takes longer than they do

    def close(self) -> None:
        """End the session."""
        self.connection.close()

    def schema(self) -> Schema:
        """What is there now.

        :raises DbopsError: it cannot be read, because a migration has left a lock for instance.
        """
        from psycopg import sql

        from dbops.engines.postgres.schema import reader

        own = [sql.Identifier(*name).as_string(self.connection) for name in self._own]
        with told(), self._plans_kept():
            return reader.read(self.connection, own)

    def catalog(self, schema: Schema) -> Catalog:
        """The tables in what is there now.

        :param schema: that; of one that was there before, the catalog is known.
        :raises DbopsError: it cannot be read.
        """
        from dbops.engines.postgres import catalog

        for known, found in self._catalogs:
            if known == schema:
                return found
        with told(), self._plans_kept():
            found = catalog.read(self.connection, self._own)
        self._catalogs = [*self._catalogs, (schema, found)][-_REMEMBERED:]
        return found

    @contextmanager
    def _plans_kept(self) -> Iterator[None]:
        """Not for queries of tables, whose plans migrations spoil."""
        self.connection.prepare_threshold = 0
        try:
            yield
        finally:
            self.connection.prepare_threshold = None
