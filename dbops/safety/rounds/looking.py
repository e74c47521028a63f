"""What the migrations in a scratch database have made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dbops.engines.catalog import Catalog
    from dbops.engines.schema import Schema

_REMEMBERED = 2
"""Catalogs: of the schema before a migration and of the one after it, between which a round goes to and fro."""


class Reading(Protocol):
    """What an engine reads, whatever the migrations have set for their own session."""

    def schema(self) -> Schema:
        """What is there now, but for the tracking tables.

        :raises DbopsError: it cannot be read, because a migration has left a lock for instance.
        """

    def catalog(self) -> Catalog:
        """The tables in it, but for the tracking tables.

        :raises DbopsError: it cannot be read.
        """


class Looker:
    """Looks at what is there, at the catalog as seldom as can be."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._catalogs: list[tuple[Schema, Catalog]] = []

    def schema(self) -> Schema:
        """As `Reading.schema`."""
        return self._reading.schema()

    def catalog(self, schema: Schema) -> Catalog:
        """The tables in what is there now.

        :param schema: that; of one that was there before, the catalog is known.
        :raises DbopsError: it cannot be read.
        """
        for known, found in self._catalogs:
            if known == schema:
                return found
        found = self._reading.catalog()
        self._catalogs = [*self._catalogs, (schema, found)][-_REMEMBERED:]
        return found
