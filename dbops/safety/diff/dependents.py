"""What depends on objects that change: it is dropped before, and made again by the comparison."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.safety.diff import pieces
from dbops.safety.diff.made import others, tables

if TYPE_CHECKING:
    import psycopg

# A view depends through its rule, a default is a thing of its own, a type has its array: each stands for another.
_QUERY: LiteralString = """
with recursive
thing(classid, objid, subid, of_class, of_object, of_sub) as (
    select 'pg_rewrite'::regclass, oid, 0, 'pg_class'::regclass, ev_class, 0 from pg_rewrite where rulename = '_RETURN'
    union all select 'pg_attrdef'::regclass, oid, 0, 'pg_class'::regclass, adrelid, adnum from pg_attrdef),
edge(classid, objid, subid, on_class, on_object) as (
    select coalesce(of_class, d.classid), coalesce(of_object, d.objid), coalesce(of_sub, d.objsubid),
        d.refclassid, d.refobjid
    from pg_depend as d left join thing on thing.classid = d.classid and thing.objid = d.objid
    where d.deptype in ('n', 'a') and d.refobjid >= 16384
    union all
    select 'pg_type'::regclass, typarray, 0, 'pg_type'::regclass, oid from pg_type where typarray >= 16384
    union all
    select 'pg_type'::regclass, reltype, 0, 'pg_class'::regclass, oid from pg_class where reltype >= 16384),
found(classid, objid, subid, depth) as (
    select e.classid, e.objid, e.subid, 1 from edge as e
    join (select distinct on_class, on_object from edge) as target using (on_class, on_object)
    cross join lateral pg_identify_object(on_class, on_object, 0) as named
    where named.type || ' ' || named.identity = any(%s)
    union
    select e.classid, e.objid, e.subid, found.depth + 1 from found
    join edge as e on e.on_class = found.classid and e.on_object = found.objid
    where found.depth < 50 and (found.classid <> 'pg_class'::regclass or exists (
        select from pg_class where oid = found.objid and relkind in ('v', 'm'))))
select named.type || ' ' || named.identity from (
    select classid, objid, subid, max(depth) as depth from found group by classid, objid, subid) as found
cross join lateral pg_identify_object(classid, objid, subid) as named
where named.identity is not null order by depth desc, 1
"""

_DROPPED = (*others.KNOWN, *tables.KNOWN)


def drops(connection: psycopg.Connection[Any], objects: Collection[str]) -> Iterator[str]:
    """The statements that drop what stands in the way of changing objects; no table, no column.

    :param objects: their names, as in a `Schema`.
    """
    there = pieces.read(connection, _DROPPED)
    for (name,) in connection.execute(_QUERY, [sorted(objects)]).fetchall():
        piece = there.get((name, "")) or there.get((name, "default"))
        if piece is not None and piece.undo is not None:
            yield piece.undo
