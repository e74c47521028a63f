"""The rows of a group as they wait in temporary tables: checked, resolved and written by SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.catalog import Catalog, TableName
from dbops.seeding.fixtures.bound import Part, Reference
from dbops.seeding.fixtures.engine import Flaw, WrongCell
from dbops.seeding.fixtures.model import TableCount
from dbops.seeding.postgres.check import wrong_cells
from dbops.seeding.postgres.consistency import disagreements, flaws
from dbops.seeding.postgres.resolve import resolve
from dbops.seeding.postgres.stage import free_numbers, shape_of, stage
from dbops.seeding.postgres.writing import Writing

if TYPE_CHECKING:
    import psycopg

_CLEAR: LiteralString = "drop table pg_temp.dbops_rows, pg_temp.dbops_references"


class PostgresWaiting:
    """Rows in temporary tables, which go with the transaction (`dbops.seeding.fixtures.engine.Waiting`)."""

    def __init__(
        self, connection: psycopg.Connection[Any], parts: Sequence[Part], references: Sequence[Reference]
    ) -> None:
        self._connection, self._parts = connection, parts
        self._ids = {reference: number for number, reference in enumerate(references)}
        self._shapes = {
            shape: number for number, shape in enumerate(dict.fromkeys(map(shape_of, references)))
        }
        stage(connection, parts, self._ids, self._shapes)

    def wrong_cells(self) -> list[WrongCell]:
        return wrong_cells(self._connection, self._parts, self._ids, self._shapes)

    def resolve(self) -> Mapping[Reference, int]:
        free_numbers(self._connection, self._parts)
        return resolve(self._connection, self._parts, self._ids, self._shapes)

    def flaws(self) -> list[Flaw]:
        return flaws(self._connection, self._parts)

    def disagreements(self) -> list[Flaw]:
        return disagreements(self._connection, self._parts)

    def write(
        self,
        parts: Sequence[Part],
        later: Mapping[int, frozenset[str]],
        catalog: Catalog,
        counts: dict[TableName, TableCount],
        *,
        deferred: bool,
    ) -> None:
        if deferred:
            self._connection.execute("set constraints all deferred")
        Writing(self._connection, parts, later, catalog).run(counts)

    def clear(self) -> None:
        self._connection.execute(_CLEAR)
