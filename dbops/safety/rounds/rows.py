"""Rows for rounds: a few in every table, and which of their values are there again afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from dbops.engines.schema import Schema
from dbops.safety.rounds.model import Bare, Lost, Way

if TYPE_CHECKING:
    from dbops.engines.catalog import Catalog, Table, TableName
    from dbops.safety.rounds.looking import Looker
    from dbops.seeding.engine import SeedingEngine

_ROWS = 20


@dataclasses.dataclass(frozen=True)
class Values:
    """Of a column: how many there are, a sum over them in which their order does not count, how far its sequence is."""

    count: int
    sum: int
    position: int | None = None


Contents = Mapping[tuple[str, str], Values]
"""Of columns, by table and column."""


class Tables(Protocol):
    """What an engine does with the rows of a scratch database."""

    def contents(self, catalog: Catalog) -> Contents:
        """What is in each column of each table now.

        :raises DbopsError: it cannot be read.
        """

    def seeding(self) -> AbstractContextManager[SeedingEngine]:
        """A transaction in which rows are generated.

        :raises DbopsError: the server refuses what is not about a table's rows.
        """

    def empty(self, catalog: Catalog, table: TableName) -> None:
        """Take all rows out of a table, and of those that refer to it.

        :raises DbopsError: the server refuses.
        """


class Rows:
    """The rows of one scratch database; the schema that every method asks for is what is there now."""

    def __init__(self, tables: Tables, looker: Looker) -> None:
        self._tables = tables
        self._looker = looker
        self._refused: dict[str, str] = {}
        self._known: Contents | None = None

    def forget(self) -> None:
        """Something else than this has changed them."""
        self._known = None

    def fill(self, schema: Schema, seed: int, before: Schema | None = None) -> None:
        """Add generated rows to all tables that have a column without any value, if they take any.

        :param before: add some also to the tables that were otherwise in this one, or were not there.
        :raises DbopsError: the server refuses what is not about a table's rows.
        """
        catalog = self._looker.catalog(schema)
        found = self.contents(schema)
        bare = {table for (table, _), values in found.items() if not values.count}
        if before is not None:
            bare |= _changed(self._looker.catalog(before), catalog)
        only = tuple(table.id for table in catalog.tables if table.label in bare)
        if only:
            self._generate(catalog, only, seed)

    def contents(self, schema: Schema) -> Contents:
        """What is in each column of each table now.

        :raises DbopsError: it cannot be read.
        """
        if self._known is None:
            self._known = self._tables.contents(self._looker.catalog(schema))
        return self._known

    def bare(self, schema: Schema) -> tuple[Bare, ...]:
        """The tables without rows, and why."""
        found = self.contents(schema)
        rows: dict[str, int] = {}
        for (table, _), values in found.items():
            rows[table] = rows.get(table, 0) + values.count
        labels = [table.label for table in self._looker.catalog(schema).tables if table.columns]
        return tuple(
            Bare(label, self._refused.get(label, "no rows could be generated"))
            for label in labels
            if not rows.get(label)
        )

    def empty(self, schema: Schema, table: TableName) -> None:
        """Take all rows out of a table, and of those that refer to it.

        :raises DbopsError: the server refuses.
        """
        self.forget()
        self._tables.empty(self._looker.catalog(schema), table)

    def _generate(self, catalog: Catalog, only: tuple[TableName, ...], seed: int) -> None:
        from dbops.seeding.generate.filling import generate
        from dbops.seeding.generate.model import Request
        from dbops.seeding.generate.planner import plan

        self.forget()
        with self._tables.seeding() as engine:
            request = Request(rows=_ROWS, seed=seed, only=only)
            outcome = generate(engine, plan(catalog, request, engine.probe()))
        self._refused |= {catalog.by_id[one.table].label: one.reason for one in outcome.unfilled}


def _changed(before: Catalog, after: Catalog) -> set[str]:
    def described(catalog: Catalog) -> dict[TableName, Table]:
        return {table.id: dataclasses.replace(table, oid=0, rows=0) for table in catalog.tables}

    there = described(before)
    return {table.label for name, table in described(after).items() if there.get(name) != table}


def lost(before: Contents, after: Contents, way: Way, gone: Collection[str] = ()) -> tuple[Lost, ...]:
    """The columns that had values and do not have these values any more, or whose sequence begins anew.

    :param gone: tables that are not there, which is told elsewhere.
    """
    found = []
    for (table, column), values in before.items():
        if not values.count or table in gone:
            continue
        there = after.get((table, column), Values(0, 0))
        if (there.count, there.sum) != (values.count, values.sum):
            found.append(Lost(table, column, values.count, way))
        elif values.position is not None and (there.position is None or there.position < values.position):
            found.append(Lost(table, column, values.count, way, of_sequence=True))
    return tuple(found)
