"""Rows for rounds: a few in every table, and which of their values are there again afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dbops.engines.postgres.pinned import told
from dbops.engines.postgres.tracking import Tables
from dbops.events import ignore
from dbops.safety.rounds.model import Lost

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session

_ROWS = 20


@dataclasses.dataclass(frozen=True)
class Values:
    """Of a column: how many there are, and a sum over them in which their order does not count."""

    count: int
    sum: int


Contents = Mapping[tuple[str, str], Values]
"""Of columns, by table and column."""


def fill(session: Session, seed: int) -> None:
    """Add generated rows to all tables that take any.

    :raises DbopsError: the server refuses what is not about a table's rows.
    """
    from dbops.seeding.generate.filling import generate
    from dbops.seeding.generate.model import Request
    from dbops.seeding.generate.planner import plan
    from dbops.seeding.postgres.engine import Postgres

    engine = Postgres(session.connection)
    with told(), engine.transaction():
        session.connection.execute("set local jit = off")
        catalog = engine.catalog(_own(session.tables))
        if catalog.tables:
            generate(engine, plan(catalog, Request(rows=_ROWS, seed=seed), engine.probe()), listen=ignore)


def contents(session: Session) -> Contents:
    """What is in each column of each table now.

    :raises DbopsError: it cannot be read.
    """
    from psycopg import sql

    from dbops.seeding.postgres.engine import Postgres

    found = {}
    with told():
        for table in Postgres(session.connection).catalog(_own(session.tables)).tables:
            names = [column.name for column in table.columns]
            if not names:
                continue
            each = sql.SQL(
                "pg_catalog.count({0}), coalesce(pg_catalog.sum(pg_catalog.hashtextextended({0}::text, 0)), 0)"
            )
            query = sql.SQL("select {} from {}").format(
                sql.SQL(", ").join(each.format(sql.Identifier(name)) for name in names),
                sql.Identifier(*table.id),
            )
            row = session.connection.execute(query).fetchone()
            assert row is not None  # an aggregate has one row
            for at, name in enumerate(names):
                found[table.label, name] = Values(row[2 * at], int(row[2 * at + 1]))
    return found


def lost(before: Contents, after: Contents) -> tuple[Lost, ...]:
    """The columns that had values and do not have these values any more."""
    return tuple(
        Lost(table, column, values.count)
        for (table, column), values in before.items()
        if values.count and after.get((table, column)) != values
    )


def _own(tables: Tables) -> list[tuple[str, str]]:
    return [(tables.schema, tables.table), (tables.schema, f"{tables.table}_events")]
