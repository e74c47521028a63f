"""What the rules of a database are made of: their class, and how the catalogs are asked."""

from __future__ import annotations

import dataclasses
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

Connection = psycopg.Connection[Any]
SQL = sql.Composable


@dataclasses.dataclass(frozen=True)
class Rule:
    """What holds, in words with the table's name first, and a query that returns a row for what breaks it."""

    label: str
    query: SQL


def from_tables(joins: str = "") -> str:
    """FROM and WHERE of a query for tables `c` in namespaces `n`, with further joins."""
    return f"""
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace {joins}
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    AND c.relname NOT LIKE 'schema\\_migrations%'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    """


def rows_of(connection: Connection, query: str) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


def name_of(row: Any) -> SQL:
    return sql.Identifier(row.nspname, row.relname)
