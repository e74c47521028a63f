"""Property: whatever tables are asked for, the server accepts all rows, and as many as were promised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbops.engines.postgres.catalog import read
from dbops.seeding.generate.filling import generate
from dbops.seeding.generate.model import Request
from dbops.seeding.generate.planner import plan
from dbops.seeding.postgres.engine import Postgres
from dbops.seeding.postgres.probe import PostgresProbe
from tests.postgres.generating import counts
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]

TYPES = ("int", "bigint", "smallint", "numeric(8,2)", "text", "varchar(12)", "uuid", "date", "timestamptz", "boolean",
         "jsonb", "int[]", "inet", "bytea", "int4range", "interval", "float8", "char(4)")  # fmt: skip
KEYS = (
    "int",
    "bigint",
    "uuid",
    "text",
    "varchar(12)",
    "date",
    "timestamptz",
    "inet",
    "numeric(8,2)",
    "bytea",
)
CHECKS = {
    "int": ("{0} > 10", "{0} BETWEEN -5 AND 5", "{0} IN (1, 2, 3)", "{0} % 5 = 0", "{0} <> 7"),
    "bigint": ("{0} >= 1000000",),
    "numeric(8,2)": ("{0} > 0 AND {0} < 100", "{0} >= 0.5"),
    "text": (
        "{0} ~ '^[A-Z]{{3}}[0-9]+$'",
        "length({0}) BETWEEN 3 AND 9",
        "{0} LIKE 'x%z'",
        "btrim({0}) <> ''",
    ),
    "varchar(12)": ("{0} = upper({0})", "{0} IN ('one', 'two')"),
    "date": ("{0} >= '2020-01-01'", "extract(year FROM {0}) = 2021"),
    "timestamptz": ("{0} < '2024-06-01'",),
    "jsonb": ("jsonb_typeof({0}) = 'object'", "{0} ? 'name'"),
    "int[]": ("cardinality({0}) > 0",),
}
PAIRS = ("{0} IS NULL OR {1} IS NOT NULL", "num_nonnulls({0}, {1}) >= 1", "({0} IS NULL) = ({1} IS NULL)")
ORDERED = ("int", "bigint", "numeric(8,2)", "date", "timestamptz", "float8")


@st.composite
def tables(draw: st.DrawFn) -> str:
    """One to four CREATE TABLEs that refer to each other."""
    made: list[tuple[str, str]] = []
    statements = []
    for number in range(draw(st.integers(1, 4))):
        key = draw(st.sampled_from(KEYS))
        parts = [f"id {key} PRIMARY KEY"]
        kinds = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=6))
        for place, kind in enumerate(kinds):
            parts.append(_column(draw, f"c{place}", kind))
        parts += _table_checks(draw, kinds)
        parts += [
            _reference(draw, f"r{place}", *parent) for place, parent in enumerate(made) if draw(st.booleans())
        ]
        statements.append(f"CREATE TABLE t{number} ({', '.join(parts)})")
        made.append((f"t{number}", key))
    return ";\n".join(statements)


def _column(draw: st.DrawFn, name: str, kind: str) -> str:
    text = f"{name} {kind}{draw(st.sampled_from(['', ' NOT NULL']))}"
    if kind in CHECKS and draw(st.booleans()):
        return f"{text} CHECK ({draw(st.sampled_from(CHECKS[kind])).format(name)})"
    return text + (" UNIQUE" if kind in KEYS and draw(st.booleans()) else "")


def _table_checks(draw: st.DrawFn, kinds: list[str]) -> list[str]:
    checks = []
    for place, kind in enumerate(kinds[1:], 1):
        names = (f"c{place - 1}", f"c{place}")
        if kind == kinds[place - 1] and kind in ORDERED and draw(st.booleans()):
            checks.append("CHECK ({0} {op} {1})".format(*names, op=draw(st.sampled_from(["<", "<=", ">="]))))
        elif draw(st.integers(0, 4)) == 0:
            checks.append(f"CHECK ({draw(st.sampled_from(PAIRS)).format(*names)})")
    if len(kinds) > 1 and draw(st.booleans()):
        checks.append("UNIQUE (c0, c1)")
    return checks


def _reference(draw: st.DrawFn, name: str, table: str, key: str) -> str:
    return f"{name} {key}{draw(st.sampled_from(['', ' NOT NULL', ' UNIQUE']))} REFERENCES {table}"


@pytest.mark.one_major
def test_random_schemas_are_filled(database: Database, connect: Connect) -> None:
    """Hypothesis makes schemas; each is filled in a transaction that is rolled back."""
    connection = connect(database)

    @settings(
        max_examples=25, deadline=None, derandomize=True, database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(schema=tables())
    def check(schema: str) -> None:
        with connection.transaction(force_rollback=True):
            connection.execute(schema)
            catalog = read(connection)
            made = plan(catalog, Request(rows=25), PostgresProbe(connection))
            outcome = generate(Postgres(connection), made)
            reasons = {one.table: one.reason for one in outcome.unfilled}
            assert all("no values were found" in reason or "no row was found" in reason or "needs rows" in reason
                       for reason in reasons.values()), reasons  # fmt: skip
            there = counts(connection, catalog)
            assert {one.table[1]: one.rows for one in made.tables if one.table not in reasons} == {
                name: rows for name, rows in there.items() if rows
            }

    check()
