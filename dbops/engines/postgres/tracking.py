"""The tracking table and the event log: their SQL, and whose a table of that name is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import sql

from dbops.engines.records import (
    CHANGING,
    JOURNAL,
    SETTLING,
    UNTOLD,
    Action,
    Applied,
    Direction,
    ForeignTable,
    JournalLine,
    Recorded,
)
from dbops.engines.tracking import BESIDE_ANOTHER_TOOL, DEFAULT_TABLE, OURS, tool_of

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.log import LoggedEvent
    from dbops.engines.schema import Left

DEFAULT_SCHEMA = "public"

ROW_COLUMNS: LiteralString = (
    "version, sort_key, name, description, applied_at, execution_time_ms, "
    "checksum, raw_checksum, checksum_algorithm, applied_by"
)
# The driver cannot read times as text where a database, a role or a file says `SET datestyle = 'German'`.
_WHATEVER_DATESTYLE = True
_JOURNAL = sql.SQL(", ").join(sql.Literal(action.value) for action in JOURNAL)
# What other tools call their tables, where the name is not `schema_migrations`.
OTHERS = (
    *("flyway_schema_history", "goose_db_version", "_sqlx_migrations", "gorp_migrations", "pgmigrations"),
    *("_yoyo_migration", "alembic_version", "atlas_schema_revisions", "schema_version"),
)
_OTHER_SCHEMAS = ("graphile_migrate", "sqitch", "pgroll", "reshape")


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


@dataclasses.dataclass(frozen=True)
class Found:
    """Which tables to use, whether they are there, and the other tool's table of that name, if there is one."""

    tables: Tables
    exist: bool
    foreign: ForeignTable | None = None


def find(connection: psycopg.Connection[Any], name: str | None) -> Found:
    """Look for the tables in the catalog.

    Unless a name is configured, dbops' own tables beside another tool's are found, too.
    """
    wanted = Tables.named(name)
    candidates = [wanted] if name else [wanted, Tables(wanted.schema, BESIDE_ANOTHER_TOOL)]
    found = _columns(connection, candidates)
    for tables in candidates:
        if found.get(tables.table, frozenset()) >= OURS:
            return Found(tables, exist=True)
    columns = found.get(wanted.table)
    if columns is None:
        return Found(wanted, exist=False)
    tool = tool_of(columns, rails="ar_internal_metadata" in found)
    return Found(wanted, exist=False, foreign=ForeignTable(str(wanted), tool))


def read_if_ours(connection: psycopg.Connection[Any], tables: Tables) -> Recorded | None:
    """`read`, or None where there are no tables with our columns: quicker than to look into the catalog first."""
    from psycopg import errors

    try:
        return read(connection, tables)
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.WrongObjectType):
        return None


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
        sql.SQL(
            """
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
            )
            """
        ).format(rows=tables.rows),
        sql.SQL("comment on table {} is 'One row per applied migration; written by dbops'").format(
            tables.rows
        ),
        sql.SQL(
            """
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
            )
            """
        ).format(events=tables.events),
        sql.SQL("comment on table {} is 'What was done to the schema, append-only; written by dbops'").format(
            tables.events
        ),
        sql.SQL("create index on {} (version, id) where action in ({})").format(tables.events, _JOURNAL),
    ]


def read(connection: psycopg.Connection[Any], tables: Tables) -> Recorded:
    """Everything that planning needs, except the down SQL."""
    rows = connection.execute(
        sql.SQL("select {} from {} order by sort_key").format(sql.SQL(ROW_COLUMNS), tables.rows),
        binary=_WHATEVER_DATESTYLE,
    ).fetchall()
    journal = connection.execute(
        sql.SQL(
            """
            select distinct on (version, statement_number)
                version, direction, statement_number, statement_checksum, action
            from {events} as event
            where action in ({journal}) and id > coalesce((
                select max(later.id) from {events} as later
                where later.version = event.version and later.action = any({settling})), 0)
            order by version, statement_number, id desc
            """
        ).format(
            events=tables.events,
            journal=_JOURNAL,
            settling=[action.value for action in SETTLING],
        )
    ).fetchall()
    told = connection.execute(
        sql.SQL(
            "select detail from {} where action = {} and version is null order by id desc limit 1"
        ).format(tables.events, Action.ADOPTED.value)
    ).fetchone()
    return Recorded(
        initialised=True,
        mirror=ForeignTable(told[0]["table"], told[0]["tool"]) if told and told[0].get("mirror") else None,
        rows=tuple(Applied(*row) for row in rows),
        journal=tuple(
            JournalLine(version, Direction(direction), number, checksum, Action(action))
            for version, direction, number, checksum, action in journal
        ),
    )


def read_down_sql(connection: psycopg.Connection[Any], tables: Tables, version: str) -> str | None:
    """The down section that was stored when the version was applied."""
    row = connection.execute(
        sql.SQL("select down_sql from {} where version = %s").format(tables.rows), [version]
    ).fetchone()
    return None if row is None else row[0]


def read_positions(
    connection: psycopg.Connection[Any], tables: Tables, version: str, direction: Direction
) -> dict[str, dict[str, Any]]:
    """How far each batched statement of a version has come since it last settled, by checksum."""
    rows = connection.execute(
        sql.SQL(
            """
            select distinct on (statement_checksum) statement_checksum, detail
            from {events} as event
            where action = {action} and version = {version} and direction = {direction} and id > coalesce((
                select max(later.id) from {events} as later
                where later.version = event.version and later.action = any({settling})), 0)
            order by statement_checksum, id desc
            """
        ).format(
            events=tables.events,
            action=Action.BATCH_DONE.value,
            version=version,
            direction=direction.value,
            settling=[action.value for action in SETTLING],
        )
    ).fetchall()
    return dict(rows)


def read_schema(connection: psycopg.Connection[Any], tables: Tables) -> Left | None:
    """The schema that was stored last; None where none ever was."""
    from dbops.engines.schema import Left, Schema

    row = connection.execute(
        sql.SQL(
            """
            select at, detail, not exists (
                select from {events} as later where later.id > event.id and later.action = any({changing}))
            from {events} as event where action = {stored} order by id desc limit 1
            """
        ).format(
            events=tables.events,
            changing=[action.value for action in CHANGING],
            stored=Action.SCHEMA_STORED.value,
        ),
        binary=_WHATEVER_DATESTYLE,
    ).fetchone()
    if row is None:
        return None
    at, detail, newest = row
    return Left(Schema.unpacked(detail["schema"]), at, detail["version"], newest)


def read_events(connection: psycopg.Connection[Any], tables: Tables) -> list[LoggedEvent]:
    """The event log, oldest first, without the journal's lines."""
    from dbops.engines.log import LogEntry, LoggedEvent

    rows = connection.execute(
        sql.SQL(
            """
            select id, at, who, role, action, version, name, direction, statement_number, statement_checksum,
                statement, sqlstate, message, duration_ms, detail
            from {} where action <> all({}) order by id
            """
        ).format(tables.events, [action.value for action in UNTOLD]),
        binary=_WHATEVER_DATESTYLE,
    ).fetchall()
    return [
        LoggedEvent(
            event_id,
            at,
            who,
            role,
            LogEntry(Action(action), version, name, direction and Direction(direction), *rest),
        )
        for event_id, at, who, role, action, version, name, direction, *rest in rows
    ]
