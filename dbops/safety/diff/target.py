"""The schema that is to be reached: it stays as it is, and is read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbops.engines.schema import Schema
from dbops.safety.diff import enums, naming, pieces, privileges

if TYPE_CHECKING:
    import psycopg


class Target:
    """What is there, kind by kind; to be read with the search path pinned.

    :ivar connection: to where it is.
    :ivar schema: all of it, as it is judged by.
    """

    def __init__(self, connection: psycopg.Connection[Any], schema: Schema) -> None:
        self.connection, self.schema = connection, schema
        self._pieces: dict[pieces.Queries, pieces.Pieces] = {}
        self._names: naming.Names | None = None
        self._privileges: frozenset[privileges.Entry] | None = None
        self._enums: enums.Enums | None = None

    def pieces(self, queries: pieces.Queries) -> pieces.Pieces:
        """What can be made of it."""
        if queries not in self._pieces:
            self._pieces[queries] = pieces.read(self.connection, queries)
        return self._pieces[queries]

    @property
    def names(self) -> naming.Names:
        """What follows when tables and columns are renamed."""
        if self._names is None:
            self._names = naming.read(self.connection)
        return self._names

    @property
    def privileges(self) -> frozenset[privileges.Entry]:
        """Who has which."""
        if self._privileges is None:
            self._privileges = privileges.read(self.connection)
        return self._privileges

    @property
    def enums(self) -> enums.Enums:
        """Their values."""
        if self._enums is None:
            self._enums = enums.read(self.connection)
        return self._enums
