"""Sequences set past the values that a column has got without them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.catalog import TableName
from dbops.engines.postgres.bulk import quoted
from dbops.events import Listener, Warned, ignore

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

# Identities and serial columns own their sequence; other defaults only use it.
_SEQUENCES = """
select sn.nspname, s.relname,
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

# Of a sequence that goes down, what counts is the lowest value; none is set beyond its own bounds.
_FORWARD: LiteralString = """
select pg_catalog.setval(s.seqrelid::regclass, v.last::bigint) from pg_catalog.pg_sequence as s
cross join (select pg_catalog.ceil(max(highest)), pg_catalog.floor(min(lowest)) from ({bounds}) as given (highest, lowest))
    as c (highest, lowest)
cross join {sequence} as q
cross join lateral (select case when s.seqincrement > 0 then least(c.highest, s.seqmax)
    else greatest(c.lowest, s.seqmin) end as last) as v
where s.seqrelid = {name}::regclass and v.last between s.seqmin and s.seqmax
    and ((v.last - q.last_value) * sign(s.seqincrement) > 0 or (v.last = q.last_value and not q.is_called))
"""

Move = tuple[TableName, "sql.Composable"]
"""A sequence, and a query for the highest and the lowest value that it is to be set past, in one row or several."""


def set_sequences(
    connection: psycopg.Connection[Any], tables: Collection[TableName], listen: Listener = ignore
) -> int:
    """Set the sequences of these tables' columns past the highest value there (the lowest, where they descend).

    None is ever moved backwards; returns how many were moved.  A rollback does not take it back, which harms nobody.
    """
    from psycopg import sql

    moves: list[Move] = []
    rows = connection.execute(_SEQUENCES, [list(map(quoted, tables))]).fetchall()
    for (schema, name, allowed), columns in groupby(rows, itemgetter(slice(3))):
        if allowed:
            each = [bounds(column, sql.Identifier(*table)) for *table, column in (row[3:] for row in columns)]
            moves.append(((schema, name), sql.SQL(" union all ").join(each)))
        else:
            listen(Warned(f"sequence {schema}.{name} is not set past the new values: this role may not"))
    return forward(connection, moves)


def bounds(column: str, rows: sql.Composable) -> sql.Composed:
    """A query for the highest and the lowest value of a column."""
    from psycopg import sql

    query = sql.SQL("select max({column})::numeric, min({column})::numeric from {rows}")
    return query.format(column=sql.Identifier(column), rows=rows)


def forward(connection: psycopg.Connection[Any], moves: Sequence[Move]) -> int:
    """Set sequences past values, never backwards, in one statement; returns how many were moved."""
    from psycopg import sql

    statements = [
        sql.SQL(_FORWARD).format(
            bounds=values, sequence=sql.Identifier(*name), name=sql.Literal(quoted(name))
        )
        for name, values in moves
    ]
    return connection.execute(sql.SQL(" union all ").join(statements)).rowcount if statements else 0
