"""Enums whose values are others: values are added where that is enough, else the type is made anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    import psycopg

Name = tuple[str, str]
Enums = Mapping[Name, Sequence[str]]

_ENUMS: LiteralString = """
select n.nspname::text, t.typname::text,
    array(select enumlabel::text from pg_enum where enumtypid = t.oid order by enumsortorder)
from pg_type as t join pg_namespace as n on n.oid = t.typnamespace
where t.typtype = 'e' and n.nspname !~ '^pg_' and not exists (
    select from pg_depend where classid = 'pg_type'::regclass and objid = t.oid and deptype = 'e')
"""

# Columns of the type, and of arrays of it; a partition's, and what is inherited, changes with its parent's.
_COLUMNS: LiteralString = """
select a.attrelid::regclass::text, quote_ident(a.attname), case when a.atttypid <> t.oid then '[]' else '' end,
    (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = a.attrelid and adnum = a.attnum)
from pg_type as t join pg_namespace as n on n.oid = t.typnamespace
join pg_attribute as a on a.atttypid in (t.oid, t.typarray) join pg_class as c on c.oid = a.attrelid
where n.nspname = %s and t.typname = %s and c.relkind in ('r', 'p') and not a.attisdropped and a.attinhcount = 0
order by 1, 2
"""
_OLD = "__before"


def read(connection: psycopg.Connection[Any]) -> Enums:
    """The values of each enum that is no extension's."""
    return {(schema, name): values for schema, name, values in connection.execute(_ENUMS)}


def changed(here: Enums, there: Enums) -> list[Name]:
    """The enums that are in both, with other values."""
    return sorted(name for name in here.keys() & there.keys() if list(here[name]) != list(there[name]))


def added(name: Name, before: Sequence[str], after: Sequence[str]) -> list[str] | None:
    """The statements that add values; None where one goes, or the order is another."""
    from psycopg import sql

    if [value for value in after if value in before] != list(before):
        return None
    found: list[str] = []
    for index, value in enumerate(after):
        if value in before:
            continue
        place = (
            sql.SQL("AFTER {}").format(after[index - 1]) if index else sql.SQL("BEFORE {}").format(before[0])
        )
        found.append(
            sql.SQL("ALTER TYPE {} ADD VALUE {} {}")
            .format(sql.Identifier(*name), value, place if before else sql.SQL(""))
            .as_string()
            .strip()
        )
    return found


def anew(connection: psycopg.Connection[Any], name: Name, values: Sequence[str]) -> Iterator[str]:
    """The statements that put another type in its place; values of rows stay by their names, and have to be among these.

    Views, functions, indexes and conditions that name it are to be dropped before.
    """
    from psycopg import sql

    schema, was = name[0], name[1] + _OLD
    new, old = sql.Identifier(*name), sql.Identifier(schema, was)
    yield sql.SQL("ALTER TYPE {} RENAME TO {}").format(new, sql.Identifier(was)).as_string()
    labels = sql.SQL(", ").join(map(sql.Literal, values))
    yield sql.SQL("CREATE TYPE {} AS ENUM ({})").format(new, labels).as_string()
    for table, column, array, default in connection.execute(_COLUMNS, name).fetchall():
        alter, to = f"ALTER TABLE {table} ALTER {column}", new.as_string() + array
        if default is not None:
            yield f"{alter} DROP DEFAULT"
        yield f"{alter} TYPE {to} USING {column}::text{array}::{to}"
        if default is not None:
            yield f"{alter} SET DEFAULT {default}"
    yield sql.SQL("DROP TYPE {}").format(old).as_string()
