"""The checks that read tables: rows without the parent they name, of keys that do not hold for every row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from dbops.engines.names import QualifiedName
from dbops.events import plural
from dbops.safety.checkup.asking import Asker, NotKnown, not_known
from dbops.safety.checkup.model import Finding, Level

KEY_COLUMNS = """
    (select array_agg(a.attname::text order by u.number) from unnest(k.conkey) with ordinality as u (attnum, number)
        join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = u.attnum),
    (select array_agg(a.attname::text order by u.number) from unnest(k.confkey) with ordinality as u (attnum, number)
        join pg_catalog.pg_attribute as a on a.attrelid = k.confrelid and a.attnum = u.attnum)
"""
"""The columns of a foreign key `k` and those that they refer to, for a SELECT."""

# Keys that do not hold for every row: not validated, not enforced (PostgreSQL 18), or with their triggers disabled.
_KEYS = f"""
select k.conname::text, n.nspname::text, c.relname::text, pn.nspname::text, p.relname::text, {KEY_COLUMNS}
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_class as p on p.oid = k.confrelid join pg_catalog.pg_namespace as pn on pn.oid = p.relnamespace
where k.contype = 'f' and k.conparentid = 0 and (not k.convalidated or exists (
    select from pg_catalog.pg_trigger as t where t.tgconstraint = k.oid and t.tgenabled = 'D'))
order by n.nspname, c.relname, k.conname
"""  # noqa: S608  # our own words


def orphans(ask: Asker) -> Iterator[Finding]:
    """Rows whose foreign key names nothing, of keys that are not enforced for every row."""
    for name, schema, table, of_schema, of_table, columns, keys in ask.rows(_KEYS):
        about = f"{name} on {schema}.{table}"
        broken = childless(QualifiedName(schema, table), columns, QualifiedName(of_schema, of_table), keys)
        shown = sql.SQL("select child.* {}").format(broken).as_string(ask.connection)
        try:
            ((count,),) = ask.rows(sql.SQL("select count(*) {}").format(broken))
        except NotKnown as reason:
            yield not_known("orphans", about, reason, shown)
            continue
        if count:
            yield Finding(
                "orphans",
                Level.PROBLEM,
                about,
                f"{plural(count, 'row')} name a {of_schema}.{of_table} that is not there",
                shown,
                delete_childless(broken).as_string(ask.connection),
            )


def childless(
    table: QualifiedName, columns: Sequence[str], parent: QualifiedName, keys: Sequence[str]
) -> sql.Composed:
    """What follows SELECT to find the rows of a table, called `child`, whose key names no row of its parent."""
    pairs = list(zip(columns, keys, strict=True))
    given = (sql.SQL("child.{} is not null").format(sql.Identifier(column)) for column in columns)
    equal = (
        sql.SQL("parent.{} = child.{}").format(sql.Identifier(key), sql.Identifier(column))
        for column, key in pairs
    )
    return sql.SQL("from {} as child where {} and not exists (select from {} as parent where {})").format(
        identifier(table), sql.SQL(" and ").join(given), identifier(parent), sql.SQL(" and ").join(equal)
    )


def delete_childless(broken: sql.Composed) -> sql.Composed:
    """The statement that takes away the rows of `childless`."""
    return sql.SQL("/* or bring back what they name */ delete {};").format(broken)


def identifier(name: QualifiedName) -> sql.Identifier:
    """A name as SQL spells it."""
    return sql.Identifier(*(part for part in (name.schema, name.name) if part is not None))
