"""The checks that read tables: rows without the parent they name, and rows that a coming unique index would hit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from psycopg import sql

from dbops.events import plural
from dbops.safety.checkup.model import Finding, Level

if TYPE_CHECKING:
    import psycopg

# Keys that do not hold for every row: not validated, not enforced (PostgreSQL 18), or with their triggers disabled.
_KEYS = """
select k.conname::text, n.nspname::text, c.relname::text, pn.nspname::text, p.relname::text,
    (select array_agg(a.attname::text order by u.number) from unnest(k.conkey) with ordinality as u (attnum, number)
        join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = u.attnum),
    (select array_agg(a.attname::text order by u.number) from unnest(k.confkey) with ordinality as u (attnum, number)
        join pg_catalog.pg_attribute as a on a.attrelid = k.confrelid and a.attnum = u.attnum)
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_class as p on p.oid = k.confrelid join pg_catalog.pg_namespace as pn on pn.oid = p.relnamespace
where k.contype = 'f' and k.conparentid = 0 and (not k.convalidated or exists (
    select from pg_catalog.pg_trigger as t where t.tgconstraint = k.oid and t.tgenabled = 'D'))
order by n.nspname, c.relname, k.conname
"""


def orphans(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    """Rows whose foreign key names nothing, of keys that are not enforced for every row.

    :raises psycopg.Error: a table may not be read.
    """
    for name, schema, table, of_schema, of_table, columns, keys in connection.execute(_KEYS).fetchall():
        child, parent = sql.Identifier(schema, table), sql.Identifier(of_schema, of_table)
        pairs = list(zip(columns, keys, strict=True))
        broken = sql.SQL(
            "from {} as child where {} and not exists (select from {} as parent where {})"
        ).format(
            child,
            sql.SQL(" and ").join(
                sql.SQL("child.{} is not null").format(sql.Identifier(column)) for column in columns
            ),
            parent,
            sql.SQL(" and ").join(
                sql.SQL("parent.{} = child.{}").format(sql.Identifier(key), sql.Identifier(column))
                for column, key in pairs
            ),
        )
        row = connection.execute(sql.SQL("select count(*) {}").format(broken)).fetchone()
        if row and row[0]:
            shown = sql.SQL("select child.* {}").format(broken).as_string(connection)
            yield Finding(
                "orphans",
                Level.PROBLEM,
                f"{name} on {schema}.{table}",
                f"{plural(row[0], 'row')} name a {of_schema}.{of_table} that is not there",
                shown,
                "delete them, or bring back what they name; then VALIDATE CONSTRAINT",
            )
