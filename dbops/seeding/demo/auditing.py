"""The audit trail of the fixture sets' rows, where triggers are left out."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.postgres.quiet import Trigger

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

# Bits of tgtype: for each row 1, on INSERT 4.  The arguments are columns whose values must not be copied.
_AUDITED = """
SELECT c.relname::text, t.tgargs
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid AND p.pronamespace = n.oid AND p.proname = 'audit_change'
JOIN unnest(%s::text[], %s::text[]) AS given (name, trigger) ON given.name = c.relname AND given.trigger = t.tgname
WHERE n.nspname = 'public' AND t.tgtype & 5 = 5
"""
_NEW: LiteralString = """
SELECT {name} AS name, t.id::text AS id, to_jsonb(t.*) - {secret}::text[] AS row, t.created_at AS at
FROM {table} AS t WHERE NOT EXISTS (SELECT FROM public.audit_log AS a
    WHERE a.table_name = {name} AND a.row_id = t.id::text AND a.operation = 'INSERT')
"""
# Of no transaction and no client, as of the demo data's own rows: else two runs would differ.
_INSERT: LiteralString = """
INSERT INTO public.audit_log (table_name, row_id, operation, new_row, changed_at, transaction_id, database_user,
    application_name, client_address)
SELECT name, id, 'INSERT', row, at, 0, 'dbops', 'dbops seed-test-data', NULL FROM ({new}) AS new
ORDER BY at, name COLLATE "C", id COLLATE "C"
"""


def audit_new_rows(connection: psycopg.Connection[Any], triggers: Collection[Trigger]) -> None:
    """Write what the triggers of the audit trail would have written of every row that it does not have yet.

    To be called in the transaction, after the sets are loaded and before other rows come.

    :param triggers: those of the tables with the states that they had (`quiet.user_triggers`), disabled now.
    """
    from psycopg import sql

    firing = [
        (table, name) for schema, table, name, state in triggers if schema == "public" and state in "OA"
    ]
    names = [[table for table, _ in firing], [name for _, name in firing]]
    audited = connection.execute(_AUDITED, names).fetchall()
    if audited:
        new = sql.SQL(" UNION ALL ").join(_new(table, arguments) for table, arguments in audited)
        connection.execute(sql.SQL(_INSERT).format(new=new))


def _new(table: str, arguments: bytes) -> sql.Composed:
    from psycopg import sql

    secret = [argument.decode() for argument in arguments.split(b"\0")[:-1]]
    return sql.SQL(_NEW).format(
        name=sql.Literal(table), table=sql.Identifier("public", table), secret=sql.Literal(secret)
    )
