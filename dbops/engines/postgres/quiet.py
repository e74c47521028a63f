"""Users' triggers, disabled for a while within a transaction."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.catalog import TableName
from dbops.engines.postgres.bulk import quoted
from dbops.engines.postgres.catalog_queries import USERS_TRIGGER
from dbops.errors import DbopsError

if TYPE_CHECKING:
    import psycopg

# What is done to a trigger of a partitioned table is done to its copies in the partitions, which may differ: so all
# of them are listed, the outer ones first.
_TRIGGERS: LiteralString = f"""
select n.nspname, c.relname, t.tgname, t.tgenabled::text, pg_catalog.pg_has_role(c.relowner, 'USAGE')
from unnest(%s::regclass[]) as given(oid)
cross join lateral (
    select relid, level from pg_catalog.pg_partition_tree(given.oid) union select given.oid, 0
) as part
join pg_catalog.pg_class as c on c.oid = part.relid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_trigger as t on t.tgrelid = c.oid and {USERS_TRIGGER}
order by part.level, n.nspname, c.relname, t.tgname
"""  # noqa: S608  # constants
_STATES = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}
_FIRING = ("O", "A")

Trigger = tuple[str, str, str, str]
"""Schema, table, name, and its state as `pg_trigger.tgenabled` has it."""


def user_triggers(connection: psycopg.Connection[Any], tables: Collection[TableName]) -> tuple[Trigger, ...]:
    """The users' triggers of these tables and their partitions where any of them fires; else none.

    :raises DbopsError: one fires that cannot be disabled, since another role owns its table.
    """
    rows = connection.execute(_TRIGGERS, [list(map(quoted, tables))]).fetchall()
    firing = [row for row in rows if row[3] in _FIRING]
    for schema, table, name, _, owned in firing:
        if not owned:
            raise DbopsError(
                f"trigger {name} of {schema}.{table} cannot be disabled: another role owns the table",
                hint="leave --fast out, or run it as the owner",
            )
    return tuple(row[:4] for row in rows) if firing else ()


def disable_triggers(connection: psycopg.Connection[Any], triggers: Collection[Trigger]) -> None:
    """Disable those that fire; the triggers of foreign keys go on."""
    for schema, table, name, state in triggers:
        if state in _FIRING:
            _set(connection, (schema, table, name, "D"))


def enable_triggers(connection: psycopg.Connection[Any], triggers: Collection[Trigger]) -> None:
    """Give each the state that it had."""
    for trigger in triggers:
        _set(connection, trigger)


def _set(connection: psycopg.Connection[Any], trigger: Trigger) -> None:
    from psycopg import sql

    schema, table, name, state = trigger
    statement = sql.SQL("ALTER TABLE {} {} TRIGGER {}")
    connection.execute(
        statement.format(sql.Identifier(schema, table), sql.SQL(_STATES[state]), sql.Identifier(name))
    )
