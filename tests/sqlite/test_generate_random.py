"""Property: whatever tables are asked for, SQLite accepts all rows, and as many as were promised."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbops.seeding.generate.filling import generate
from dbops.seeding.generate.model import Request
from dbops.seeding.generate.planner import plan
from dbops.seeding.sqlite.engine import Sqlite

TYPES = ("INTEGER", "INT", "SMALLINT", "DECIMAL(8,2)", "TEXT", "VARCHAR(12)", "UUID", "DATE", "DATETIME", "BOOLEAN",
         "JSON", "BLOB", "REAL", "CHAR(4)", "")  # fmt: skip
KEYS = ("INTEGER", "INT", "UUID", "TEXT", "VARCHAR(12)", "DATE", "DATETIME", "DECIMAL(8,2)", "BLOB")
CHECKS = {
    "INTEGER": (
        "{0} > 10",
        "{0} BETWEEN -5 AND 5",
        "{0} IN (1, 2, 3)",
        "{0} % 5 == 0",
        "{0} IS NOT 7",
        "typeof({0}) = 'integer'",
    ),
    "DECIMAL(8,2)": ("{0} > 0 AND {0} < 100", "{0} >= 0.5", "round({0}, 2) = {0}"),
    "TEXT": (
        "{0} GLOB '[A-Z][A-Z][0-9]*'",
        "length({0}) BETWEEN 3 AND 9",
        "{0} LIKE 'x%z'",
        "trim({0}) <> ''",
        "{0} = lower({0})",
        '{0} IN ("one", "two")',
        "{0} NOT GLOB '*[^a-z]*'",
    ),
    "VARCHAR(12)": ("{0} = upper({0})", "instr({0}, ' ') = 0", "substr({0}, 1, 1) <> 'q'"),
    "DATE": ("{0} >= '2020-01-01'", "date({0}) IS {0}", "strftime('%Y', {0}) >= '2000'"),
    "DATETIME": ("datetime({0}) IS NOT NULL",),
    "BOOLEAN": ("{0} IN (0, 1)", "{0} = 1 OR {0} = 0"),
    "JSON": ("json_valid({0})", "json_type({0}) = 'object'"),
    "": ("{0} IN (1, 2)", "{0} IN ('a', 'b')", "typeof({0}) = 'text'"),
}
PAIRS = (
    "{0} IS NULL OR {1} IS NOT NULL",
    "({0} IS NULL) + ({1} IS NULL) < 2",
    "({0} IS NULL) = ({1} IS NULL)",
)
ORDERED = ("INTEGER", "INT", "DECIMAL(8,2)", "DATE", "DATETIME", "REAL")


@st.composite
def tables(draw: st.DrawFn) -> str:
    """One to four CREATE TABLEs that refer to each other and to themselves."""
    made: list[tuple[str, str]] = []
    statements = []
    for number in range(draw(st.integers(1, 4))):
        key = draw(st.sampled_from(KEYS))
        made.append((f"t{number}", key))
        parts = [f"id {key} PRIMARY KEY"]
        kinds = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=6))
        parts += [_column(draw, f"c{place}", kind) for place, kind in enumerate(kinds)]
        parts += [
            _reference(draw, f"r{place}", *parent) for place, parent in enumerate(made) if draw(st.booleans())
        ]
        parts += _table_checks(draw, kinds)
        ending = draw(st.sampled_from(["", "", " WITHOUT ROWID"]))
        statements.append(f"CREATE TABLE t{number} ({', '.join(parts)}){ending}")
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
    return f"{name} {key}{draw(st.sampled_from(['', ' NOT NULL', ' UNIQUE']))} REFERENCES {table} (id)"


@settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(schema=tables())
def test_random_schemas_are_filled(schema: str) -> None:
    """Hypothesis makes schemas; each is filled twice, and only what no value can satisfy is left out."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.executescript(schema)
    engine = Sqlite(connection, Path("none.db"))
    for _ in range(2):
        with engine.transaction():
            catalog = engine.catalog()
            before = {table.id: engine.probe().count(table.id) for table in catalog.tables}
            made = plan(catalog, Request(rows=25), engine.probe())
            outcome = generate(engine, made)
        reasons = {one.table: one.reason for one in outcome.unfilled}
        assert all("no values" in reason or "all taken" in reason or "no row was found" in reason or "needs rows" in reason or "circle" in reason
                   for reason in reasons.values()), reasons  # fmt: skip
        there = {name: engine.probe().count(name) - rows for name, rows in before.items()}
        assert {one.table: one.rows for one in made.tables if one.table not in reasons} == {
            name: rows for name, rows in there.items() if rows
        }
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
