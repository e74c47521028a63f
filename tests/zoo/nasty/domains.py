"""The rules of domains, wherever in the rows a value of one is: below other domains, in arrays, in fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from psycopg import sql

from tests.zoo.nasty.asking import SQL, Connection, Rule, from_tables, name_of, rows_of


@dataclasses.dataclass(frozen=True)
class _Values:
    """Values of one type somewhere in the rows: a query with the single column `value`."""

    type: int
    query: SQL


def of_domains(connection: Connection) -> Iterator[Rule]:
    query = f"""
        SELECT n.nspname, c.relname, a.attname, a.atttypid
        {from_tables("JOIN pg_attribute a ON a.attrelid = c.oid")}
        AND a.attnum > 0 AND NOT a.attisdropped AND NOT c.relispartition
    """
    for row in rows_of(connection, query):
        column = sql.SQL("SELECT {} AS value FROM {}").format(sql.Identifier(row.attname), name_of(row))
        label = f"{row.nspname}.{row.relname}: {row.attname}"
        yield from _of_type(connection, label, _Values(row.atttypid, column))


def _of_type(connection: Connection, label: str, values: _Values) -> Iterator[Rule]:
    """The rules of domains in a type, down to the bottom: domains on domains, elements of arrays, fields."""
    (kind,) = rows_of(
        connection,
        "SELECT t.typtype, t.typnotnull, t.typbasetype, t.typrelid, t.typname, format_type(t.typbasetype, t.typtypmod) AS base,"
        " CASE WHEN t.typcategory = 'A' AND t.typsubscript = 'array_subscript_handler'::regproc THEN t.typelem ELSE 0 END AS element"
        f" FROM pg_type t WHERE t.oid = {values.type}",
    )
    if kind.typtype == "d":
        base = sql.SQL("SELECT value::{} AS value FROM ({}) v").format(sql.SQL(kind.base), values.query)
        yield from _of_domain(connection, label, kind, _Values(values.type, base))
        yield from _of_type(connection, label, _Values(kind.typbasetype, base))
    elif kind.element:
        elements = sql.SQL("SELECT unnest(value) AS value FROM ({}) v").format(values.query)
        yield from _of_type(connection, f"{label}[]", _Values(kind.element, elements))
    elif kind.typtype == "c":
        fields = f"SELECT attname, atttypid FROM pg_attribute WHERE attrelid = {kind.typrelid} AND attnum > 0 AND NOT attisdropped"
        for field in rows_of(connection, fields):
            part = sql.SQL("SELECT (value).{} AS value FROM ({}) v WHERE value IS NOT NULL").format(
                sql.Identifier(field.attname), values.query
            )
            yield from _of_type(connection, f"{label}.{field.attname}", _Values(field.atttypid, part))


def _of_domain(connection: Connection, label: str, kind: Any, values: _Values) -> Iterator[Rule]:
    checks = f"SELECT conname, pg_get_expr(conbin, 0) AS expression FROM pg_constraint WHERE contypid = {values.type} AND contype = 'c'"
    wanted = [(row.conname, row.expression) for row in rows_of(connection, checks)]
    wanted += [("not null", "VALUE IS NOT NULL")] if kind.typnotnull else []
    for name, expression in wanted:
        found = sql.SQL("SELECT value FROM ({}) v WHERE NOT ({})").format(values.query, sql.SQL(expression))
        yield Rule(f"{label}: domain {kind.typname}, {name}", found)
