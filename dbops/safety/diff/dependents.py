"""What depends on objects that change: it is dropped before, and made again by the comparison."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.safety.diff import pieces
from dbops.safety.diff.made import others, tables

if TYPE_CHECKING:
    import psycopg

# A view depends through its rule, a default is a thing of its own, a type has its array: each stands for another.
# What holds a column fast is what keeps its type from being changed; all else follows by itself.
_QUERY: LiteralString = """
with recursive
thing(classid, objid, subid, of_class, of_object, of_sub, computed) as (
    select 'pg_rewrite'::regclass, oid, 0, 'pg_class'::regclass, ev_class, 0, false
    from pg_rewrite where rulename = '_RETURN'
    union all
    select 'pg_attrdef'::regclass, d.oid, 0, 'pg_class'::regclass, adrelid, adnum, attgenerated <> ''
    from pg_attrdef as d join pg_attribute on attrelid = adrelid and attnum = adnum),
edge(classid, objid, subid, on_class, on_object, on_sub, own, holds) as (
    select coalesce(of_class, d.classid), coalesce(of_object, d.objid), coalesce(of_sub, d.objsubid),
        d.refclassid, d.refobjid, d.refobjsubid, computed and d.refobjid = of_object,
        computed or d.classid in ('pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
            'pg_publication_rel'::regclass)
    from pg_depend as d left join thing on thing.classid = d.classid and thing.objid = d.objid
    where d.deptype in ('n', 'a') and d.refobjid >= 16384
    union all
    select 'pg_type'::regclass, typarray, 0, 'pg_type'::regclass, oid, 0, false, false from pg_type where typarray >= 16384
    union all
    select 'pg_type'::regclass, reltype, 0, 'pg_class'::regclass, oid, 0, false, false from pg_class where reltype >= 16384),
found(classid, objid, subid, depth) as (
    select e.classid, e.objid, e.subid, 1 from edge as e
    join (select distinct on_class, on_object from edge) as target using (on_class, on_object)
    cross join lateral pg_identify_object(on_class, on_object, 0) as named
    where named.type || ' ' || named.identity = any(%s) and own is not true -- see `generated`
    union
    select e.classid, e.objid, e.subid, found.depth + 1 from found
    join edge as e on e.on_class = found.classid and e.on_object = found.objid
    where found.depth < 50 and (found.classid <> 'pg_class'::regclass or e.holds and e.on_sub = found.subid or exists (
        select from pg_class where oid = found.objid and relkind in ('v', 'm'))))
select named.type || ' ' || named.identity from (
    select classid, objid, subid, max(depth) as depth from found group by classid, objid, subid) as found
cross join lateral pg_identify_object(classid, objid, subid) as named
where named.identity is not null order by depth desc, 1
"""

_DROPPED = (*others.KNOWN, *others.IN_THE_WAY, *tables.KNOWN, *tables.IN_THE_WAY)


def drops(connection: psycopg.Connection[Any], objects: Collection[str]) -> Iterator[str]:
    """The statements that drop what stands in the way of changing objects; no table, no column.

    :param objects: their names, as in a `Schema`.
    """
    there = pieces.read(connection, _DROPPED)
    for (name,) in connection.execute(_QUERY, [sorted(objects)]).fetchall():
        aspects = (there.get((name, aspect)) for aspect in ("", "default", "computed"))
        piece = next((one for one in aspects if one is not None), None)
        if piece is not None and piece.undo is not None:
            yield piece.undo


# Up to PostgreSQL 14 the column depends on those that it is made of, later its expression does.
_GENERATED: LiteralString = """
select format('ALTER TABLE %s DROP COLUMN %I', d.adrelid::regclass, g.attname), b.attname,
    format('ALTER TABLE %s ALTER %I TYPE %s USING %2$I::%3$s', d.adrelid::regclass, b.attname,
        format_type(b.atttypid, b.atttypmod))
from pg_attrdef as d
join pg_attribute as g on g.attrelid = d.adrelid and g.attnum = d.adnum and g.attgenerated <> ''
join pg_depend as e on e.classid = 'pg_attrdef'::regclass and e.objid = d.oid
    or e.classid = 'pg_class'::regclass and e.objid = d.adrelid and e.objsubid = d.adnum
join pg_attribute as b on b.attrelid = d.adrelid and b.attnum = e.refobjsubid and b.attnum <> d.adnum
where e.refclassid = 'pg_class'::regclass and e.refobjid = d.adrelid and not exists (
    select from pg_inherits where inhrelid = d.adrelid)
order by 1, 2
"""


def generated(here: psycopg.Connection[Any], there: psycopg.Connection[Any]) -> Iterator[str]:
    """The statements that drop computed columns, and change the types of the columns that they were made of."""
    before, after = (
        {(drop, column): change for drop, column, change in one.execute(_GENERATED).fetchall()}
        for one in (here, there)
    )
    changed = [key for key, change in before.items() if after.get(key, change) != change]
    yield from dict.fromkeys(drop for drop, _ in changed)
    yield from dict.fromkeys(after[key] for key in changed)


# `CREATE OR REPLACE` changes neither names of parameters nor what comes back, and takes no default away.
_SIGNATURES: LiteralString = """
select format('DROP ROUTINE %s', p.oid::regprocedure), array[p.prokind::text, pg_get_function_result(p.oid),
    array_to_string(p.proargnames, ','), array_to_string(p.proargmodes, ',')], p.pronargdefaults
from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
where p.prokind <> 'a' and p.oid >= 16384 and n.nspname !~ '^(pg_|information_schema)' and not exists (
    select from pg_depend where classid = 'pg_proc'::regclass and objid = p.oid and deptype in ('e', 'i'))
"""


def replaced(here: psycopg.Connection[Any], there: psycopg.Connection[Any]) -> list[str]:
    """The statements that drop routines over which what is there cannot be made."""
    before, after = (
        {drop: (signature, defaults) for drop, signature, defaults in one.execute(_SIGNATURES).fetchall()}
        for one in (here, there)
    )
    return [
        drop
        for drop, (signature, defaults) in before.items()
        if drop in after and (after[drop][0] != signature or after[drop][1] < defaults)
    ]
