"""The tracking table and the event log: where they are, whose a table of that name is, and making them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from psycopg import sql

from dbops.engines.records import JOURNAL
from dbops.engines.tracking import BESIDE_ANOTHER_TOOL, DEFAULT_TABLE, Found, found

if TYPE_CHECKING:
    import psycopg


DEFAULT_SCHEMA = "public"
JOURNAL_ACTIONS = sql.SQL(", ").join(sql.Literal(action.value) for action in JOURNAL)
# What other tools call their tables, where the name is not `schema_migrations`.
OTHERS = (
    *("flyway_schema_history", "goose_db_version", "_sqlx_migrations", "gorp_migrations", "pgmigrations"),
    *("_yoyo_migration", "alembic_version", "atlas_schema_revisions", "schema_version"),
)
_OTHER_SCHEMAS = ("graphile_migrate", "sqitch", "pgroll", "reshape")

_ROWS = sql.SQL("""\
create table {rows} (
    version text primary key,
    name varchar(255) not null,
    description text,
    applied_at timestamptz not null default clock_timestamp(),
    execution_time_ms integer,
    checksum varchar(64),
    sort_key text collate "C" not null unique,
    raw_checksum varchar(64),
    checksum_algorithm text,
    applied_by text,
    down_sql text
)""")
_EVENTS = sql.SQL("""\
create table {events} (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    action text not null,
    version text,
    name text,
    direction text,
    statement_number integer,
    statement_checksum text,
    statement text,
    sqlstate text,
    message text,
    duration_ms integer,
    detail jsonb,
    who text not null,
    role text not null default session_user
)""")


@dataclasses.dataclass(frozen=True)
class Tables:
    """Where the two tables are; always schema-qualified, since a migration may change search_path."""

    schema: str = DEFAULT_SCHEMA
    table: str = DEFAULT_TABLE

    @classmethod
    def named(cls, name: str | None) -> Tables:
        """From `schema.table` or `table` as configured."""
        if name is None:
            return cls()
        schema, dot, table = name.rpartition(".")
        return cls(schema if dot else DEFAULT_SCHEMA, table)

    @property
    def rows(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table)

    @property
    def events(self) -> sql.Identifier:
        return sql.Identifier(self.schema, f"{self.table}_events")

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"


def find(connection: psycopg.Connection[Any], name: str | None) -> Found[Tables]:
    """Look for the tables in the catalog.

    Unless a name is configured, dbops' own tables beside another tool's are found, too.
    """
    wanted = Tables.named(name)
    candidates = [wanted] if name else [wanted, Tables(wanted.schema, BESIDE_ANOTHER_TOOL)]
    there = _columns(connection, candidates)
    return found(
        candidates,
        lambda tables: there.get(tables.table, frozenset()),
        lambda: "ar_internal_metadata" in there,
    )


def _columns(connection: psycopg.Connection[Any], candidates: Sequence[Tables]) -> dict[str, frozenset[str]]:
    names = [tables.table for tables in candidates]
    rows = connection.execute(
        """
        select c.relname::text, array_agg(a.attname::text)
        from pg_catalog.pg_class c
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where n.nspname = %s and c.relname = any(%s) and c.relkind in ('r', 'p', 'v', 'f')
        group by c.relname
        """,
        [candidates[0].schema, [*names, "ar_internal_metadata"]],
    ).fetchall()
    return {name: frozenset(columns) for name, columns in rows}


def elsewhere(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Tables of this database that look like the records of another tool, by their names.

    A `schema_migrations` is one where it is not dbops' own and was written to: that tool's may be in any schema.
    """
    rows = connection.execute(
        """
        select n.nspname || '.' || c.relname
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and (c.relname = any(%s)
            or n.nspname = any(%s) and c.relname in ('migrations', 'changes')
            or c.relname = 'migrations' and 3 = (select count(*) from pg_catalog.pg_attribute as a
                where a.attrelid = c.oid and a.attname in ('version', 'applied_by', 'checksum'))
            or c.relname = 'schema_migrations' and pg_catalog.pg_relation_size(c.oid) > 0
                and not exists (select from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attname = 'sort_key'))
        order by 1
        """,
        [list(OTHERS), list(_OTHER_SCHEMAS)],
    ).fetchall()
    return tuple(name for (name,) in rows)


def create(tables: Tables, connection: psycopg.Connection[Any]) -> list[sql.Composable]:
    """The statements that make both tables, for one transaction; their schema only where it is missing.

    `CREATE SCHEMA IF NOT EXISTS` would ask for the right to create one also where it is there.
    """
    known = connection.execute("select from pg_catalog.pg_namespace where nspname = %s", [tables.schema])
    schema: list[sql.Composable] = []
    if known.rowcount == 0:
        schema = [sql.SQL("create schema {}").format(sql.Identifier(tables.schema))]
    return [
        *schema,
        _ROWS.format(rows=tables.rows),
        sql.SQL("comment on table {} is 'One row per applied migration; written by dbops'").format(
            tables.rows
        ),
        _EVENTS.format(events=tables.events),
        sql.SQL("comment on table {} is 'What was done to the schema, append-only; written by dbops'").format(
            tables.events
        ),
        sql.SQL("create index on {} (version, id) where action in ({})").format(
            tables.events, JOURNAL_ACTIONS
        ),
    ]
