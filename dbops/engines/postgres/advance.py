"""Sequences set past the values that a column has got without them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import TableName
from dbops.engines.postgres.bulk import quoted
from dbops.events import Listener, Warned, ignore

if TYPE_CHECKING:
    import psycopg

# Identities and serial columns own their sequence; other defaults only use it.
_SEQUENCES = """
select sn.nspname, s.relname, q.seqincrement, q.seqmin, q.seqmax,
    pg_catalog.has_sequence_privilege(s.oid, 'SELECT') and pg_catalog.has_sequence_privilege(s.oid, 'UPDATE'),
    n.nspname, c.relname, a.attname
from (
    select refobjid as tab, refobjsubid as num, objid as seq from pg_catalog.pg_depend
    where classid = 'pg_catalog.pg_class'::regclass and refclassid = classid and deptype in ('a', 'i')
    union
    select def.adrelid, def.adnum, d.refobjid from pg_catalog.pg_attrdef as def join pg_catalog.pg_depend as d
        on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = def.oid
        and d.refclassid = 'pg_catalog.pg_class'::regclass
) as used
join pg_catalog.pg_sequence as q on q.seqrelid = used.seq
join pg_catalog.pg_class as s on s.oid = used.seq
join pg_catalog.pg_namespace as sn on sn.oid = s.relnamespace
join pg_catalog.pg_class as c on c.oid = used.tab
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_attribute as a on a.attrelid = used.tab and a.attnum = used.num
join pg_catalog.pg_type as t on t.oid = a.atttypid and t.typcategory = 'N'
where used.tab = any(%s::regclass[])
order by sn.nspname, s.relname, n.nspname, c.relname, a.attname
"""


def set_sequences(
    connection: psycopg.Connection[Any], tables: Collection[TableName], listen: Listener = ignore
) -> int:
    """Set the sequences of these tables' columns past the highest value there (the lowest, where they descend).

    None is ever moved backwards; returns how many were moved.  A rollback does not take it back, which harms nobody.
    """
    rows = connection.execute(_SEQUENCES, [list(map(quoted, tables))]).fetchall()
    moved = 0
    for (schema, name, step, least, most, allowed), columns in groupby(rows, itemgetter(slice(6))):
        if not allowed:
            listen(Warned(f"sequence {schema}.{name} is not set past the new values: this role may not"))
            continue
        moved += _set(connection, (schema, name), step, (least, most), [row[6:] for row in columns])
    return moved


def _set(
    connection: psycopg.Connection[Any],
    name: TableName,
    step: int,
    limits: tuple[int, int],
    columns: Sequence[tuple[str, str, str]],
) -> bool:
    """Set one, which may serve several columns; returns whether it was moved."""
    from psycopg import sql

    up = step > 0
    words = {"extreme": sql.SQL("max" if up else "min"), "whole": sql.SQL("ceil" if up else "floor")}
    one = sql.SQL("select pg_catalog.{whole}({extreme}({column})::numeric) from {table}")
    each = [
        one.format(column=sql.Identifier(column), table=sql.Identifier(schema, table), **words)
        for schema, table, column in columns
    ]
    query = sql.SQL("select {extreme}(value) from ({each}) as found (value)")
    row = connection.execute(query.format(each=sql.SQL(" union all ").join(each), **words)).fetchone()
    value = row and row[0]
    least, most = limits
    if value is None or (value < least if up else value > most):
        return False
    to = min(int(value), most) if up else max(int(value), least)
    forward = sql.SQL(
        "select pg_catalog.setval({name}::regclass, {to}) from {sequence}"
        " where last_value {before} {to} or last_value = {to} and not is_called"
    ).format(
        name=sql.Literal(quoted(name)),
        to=sql.Literal(to),
        sequence=sql.Identifier(*name),
        before=sql.SQL("<" if up else ">"),
    )
    return connection.execute(forward).fetchone() is not None
