"""Rows for rounds: a few in every table, and which of their values are there again afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbops.engines.postgres.pinned import told
from dbops.engines.postgres.tracking import Tables
from dbops.safety.rounds.model import Lost

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.engines.catalog import Catalog, Table
    from dbops.engines.postgres.session import Session
    from dbops.seeding.postgres.engine import Postgres

_ROWS = 20


@dataclasses.dataclass(frozen=True)
class Values:
    """Of a column: how many there are, and a sum over them in which their order does not count."""

    count: int
    sum: int


Contents = Mapping[tuple[str, str], Values]
"""Of columns, by table and column."""


def fill(session: Session, seed: int) -> None:
    """Add generated rows to all tables that have a column without any value, if they take any.

    :raises DbopsError: the server refuses what is not about a table's rows.
    """
    from dbops.seeding.generate.filling import generate
    from dbops.seeding.generate.model import Request
    from dbops.seeding.generate.planner import plan

    with told():
        engine = _engine(session)
        catalog = engine.catalog(_own(session.tables))
        found = _contents(session, catalog)
        bare = {table for (table, _), values in found.items() if not values.count}
        only = tuple(table.id for table in catalog.tables if table.label in bare)
        if only:
            with engine.transaction():
                request = Request(rows=_ROWS, seed=seed, only=only)
                generate(engine, plan(catalog, request, engine.probe()))


def contents(session: Session) -> Contents:
    """What is in each column of each table now.

    :raises DbopsError: it cannot be read.
    """
    with told():
        return _contents(session, _engine(session).catalog(_own(session.tables)))


def _engine(session: Session) -> Postgres:
    from dbops.seeding.postgres.engine import Postgres

    session.connection.execute("set jit = off")  # compiling the catalog's queries takes longer than they do
    return Postgres(session.connection)


def _contents(session: Session, catalog: Catalog) -> Contents:
    """In one round trip, whatever the number of tables."""
    tables = [table for table in catalog.tables if table.columns]
    with session.connection.pipeline():
        cursors = [session.connection.execute(_query(table)) for table in tables]
    found = {}
    for table, cursor in zip(tables, cursors, strict=True):
        row = cursor.fetchone()
        assert row is not None  # an aggregate has one row
        for at, column in enumerate(table.columns):
            found[table.label, column.name] = Values(row[2 * at], int(row[2 * at + 1]))
    return found


def _query(table: Table) -> sql.Composed:
    from psycopg import sql

    each = sql.SQL(
        "pg_catalog.count({0}), coalesce(pg_catalog.sum(pg_catalog.hashtextextended({0}::text, 0)), 0)"
    )
    columns = sql.SQL(", ").join(each.format(sql.Identifier(column.name)) for column in table.columns)
    return sql.SQL("select {} from {}").format(columns, sql.Identifier(*table.id))


def lost(before: Contents, after: Contents) -> tuple[Lost, ...]:
    """The columns that had values and do not have these values any more."""
    return tuple(
        Lost(table, column, values.count)
        for (table, column), values in before.items()
        if values.count and after.get((table, column)) != values
    )


def _own(tables: Tables) -> list[tuple[str, str]]:
    return [(tables.schema, tables.table), (tables.schema, f"{tables.table}_events")]
