"""Another session in a scratch database, that reads what the migrations in the first one have made."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.pinned import told

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.catalog import Catalog, TableName
    from dbops.engines.schema import Schema


class Reading:
    """Reads schema and catalog, and does nothing else, so that the server keeps the plans of these large queries.

    To make them takes as long as to carry them out.  In the session of the migrations they would end with each, in that
    of the rows with each rollback.  And nothing that a migration sets for its session changes what is read here.

    :param connection: in autocommit mode, and nobody else's.
    :param own: the tables that hold dbops' records.
    """

    def __init__(self, connection: psycopg.Connection[Any], own: Collection[TableName]) -> None:
        self._connection = connection
        self._own = own
        connection.prepare_threshold = 0

    def schema(self) -> Schema:
        """See `dbops.safety.rounds.looking.Reading`."""
        from psycopg import sql

        from dbops.engines.postgres.schema import reader

        own = [sql.Identifier(*name).as_string(self._connection) for name in self._own]
        with told():
            return reader.read(self._connection, own)

    def catalog(self) -> Catalog:
        """See `dbops.safety.rounds.looking.Reading`."""
        from dbops.engines.postgres import catalog

        with told():
            return catalog.read(self._connection, self._own)
