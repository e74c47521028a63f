"""What is asked of PostgreSQL's catalog about tables.

Sources: the manual's chapter on system catalogs (pg_class, pg_attribute, pg_type, pg_index, pg_constraint,
pg_partitioned_table, pg_trigger).  Columns that only newer versions have are read through `to_jsonb`.
"""

from __future__ import annotations

from typing import LiteralString

USERS_TRIGGER: LiteralString = "(not t.tgisinternal or t.tgparentid <> 0 and t.tgconstrrelid = 0)"
"""That `pg_trigger as t` is not a key's: before PostgreSQL 15 a partition's copy of one is called internal, too."""

TABLES = """
select c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, c.relispartition, c.reltuples::bigint,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'INSERT'),
    pg_catalog.pg_has_role(c.relowner, 'USAGE'),
    pg_catalog.obj_description(c.oid, 'pg_class'),
    p.partstrat::text, p.partattrs::int2[], pg_catalog.pg_get_partkeydef(c.oid)
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_partitioned_table as p on p.partrelid = c.oid
where c.relkind in ('r', 'p') and c.relpersistence <> 't'
    and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%%'
    and c.relname <> all (%(tracking)s)
    and not exists (select from pg_catalog.pg_depend as d where d.classid = 'pg_catalog.pg_class'::regclass
        and d.objid = c.oid and d.objsubid = 0 and d.deptype = 'e')
order by n.nspname, c.relname
"""

COLUMNS = """
select a.attrelid::bigint, a.attnum, a.attname::text, a.atttypid::bigint, a.atttypmod, a.attnotnull,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text, a.attidentity::text,
    s.schema, s.name, pg_catalog.col_description(a.attrelid, a.attnum)
from pg_catalog.pg_attribute as a
left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join lateral (
    select n.nspname::text as schema, c.relname::text as name
    from pg_catalog.pg_depend as o
    join pg_catalog.pg_class as c on c.oid = o.objid and c.relkind = 'S'
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where o.classid = 'pg_catalog.pg_class'::regclass and o.refclassid = 'pg_catalog.pg_class'::regclass
        and o.refobjid = a.attrelid and o.refobjsubid = a.attnum and o.deptype in ('a', 'i')
    limit 1
) as s on true
where a.attrelid = any (%(tables)s) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
"""

# A type and what it is made of, to the bottom; the modifier of a domain's base and of a field come with them.
TYPES = """
with recursive used(oid, typmod) as (
    select atttypid, atttypmod from pg_catalog.pg_attribute
    where attrelid = any (%(tables)s) and attnum > 0 and not attisdropped
    union
    select part.oid, part.typmod
    from used
    join pg_catalog.pg_type as t on t.oid = used.oid
    left join pg_catalog.pg_range as r on t.oid in (r.rngtypid, r.rngmultitypid)
    cross join lateral (
        select t.typbasetype, t.typtypmod where t.typtype = 'd'
        union all select t.typelem, used.typmod where t.typcategory = 'A' and t.typelem <> 0
        union all select r.rngsubtype, -1 where t.typtype = 'r'
        union all select r.rngtypid, -1 where t.typtype = 'm'
        union all select f.atttypid, f.atttypmod from pg_catalog.pg_attribute as f
            where t.typtype = 'c' and f.attrelid = t.typrelid and f.attnum > 0 and not f.attisdropped
    ) as part(oid, typmod)
)
select used.oid::bigint, used.typmod, n.nspname::text, t.typname::text,
    pg_catalog.format_type(used.oid, used.typmod), t.typtype::text, t.typcategory = 'A' and t.typelem <> 0,
    case t.typtype when 'd' then t.typbasetype when 'r' then r.rngsubtype when 'm' then r.rngtypid
        else t.typelem end::bigint,
    case when t.typtype = 'd' then t.typtypmod when t.typtype in ('r', 'm') then -1 else used.typmod end,
    (select pg_catalog.array_agg(e.enumlabel::text order by e.enumsortorder)
        from pg_catalog.pg_enum as e where e.enumtypid = t.oid),
    (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(f.attname, f.atttypid::bigint, f.atttypmod)
        order by f.attnum) from pg_catalog.pg_attribute as f
        where t.typtype = 'c' and f.attrelid = t.typrelid and f.attnum > 0 and not f.attisdropped),
    (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(c.conname, pg_catalog.pg_get_expr(c.conbin, 0))
        order by c.conname) from pg_catalog.pg_constraint as c where c.contypid = t.oid and c.contype = 'c'),
    t.typnotnull, pg_catalog.pg_get_expr(t.typdefaultbin, 0)
from used
join pg_catalog.pg_type as t on t.oid = used.oid
join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
left join pg_catalog.pg_range as r on t.oid in (r.rngtypid, r.rngmultitypid)
"""

KEYS = """
select i.indrelid::bigint, c.relname::text, i.indkey::int2[], i.indnkeyatts,
    array(select pg_catalog.pg_get_indexdef(i.indexrelid, k, true)
        from pg_catalog.generate_series(1, i.indnkeyatts) as k),
    i.indisprimary, pg_catalog.pg_get_expr(i.indpred, i.indrelid),
    coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
    coalesce(o.condeferrable, false), o.oid is not null
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
left join pg_catalog.pg_constraint as o on o.conindid = i.indexrelid and o.contype in ('p', 'u')
    and o.conrelid = i.indrelid
where i.indrelid = any (%(tables)s) and i.indisunique and not i.indisexclusion and i.indisvalid
order by i.indrelid, not i.indisprimary, c.relname
"""

CONSTRAINTS = """
select c.conrelid::bigint, c.contype::text, c.conname::text, pg_catalog.pg_get_expr(c.conbin, c.conrelid),
    c.conkey, c.confrelid::bigint, c.confkey, c.condeferrable, c.confmatchtype::text, c.convalidated,
    array(select o.oprname::text from pg_catalog.unnest(c.conexclop) with ordinality as x(oid, at)
        join pg_catalog.pg_operator as o on o.oid = x.oid order by x.at),
    i.indkey::int2[], array(select pg_catalog.pg_get_indexdef(i.indexrelid, k, true)
        from pg_catalog.generate_series(1, i.indnkeyatts) as k),
    pg_catalog.pg_get_expr(i.indpred, i.indrelid),
    n.nspname::text, r.relname::text
from pg_catalog.pg_constraint as c
left join pg_catalog.pg_index as i on i.indexrelid = c.conindid and c.contype <> 'f' and i.indisexclusion
left join pg_catalog.pg_class as r on r.oid = c.confrelid
left join pg_catalog.pg_namespace as n on n.oid = r.relnamespace
where c.conrelid = any (%(tables)s) and c.contype in ('c', 'f', 'x', 'p', 'u') and c.conparentid = 0
    and (c.contype in ('c', 'f') or i.indexrelid is not null)
    and coalesce((pg_catalog.to_jsonb(c) ->> 'conenforced')::boolean, true)
order by c.conrelid, c.conname
"""

LEAVES = """
with recursive below(root, oid) as (
    select oid, oid from pg_catalog.pg_class where oid = any (%(roots)s)
    union all
    select below.root, i.inhrelid from below join pg_catalog.pg_inherits as i on i.inhparent = below.oid
)
select below.root::bigint, n.nspname::text, c.relname::text, pg_catalog.pg_get_partition_constraintdef(c.oid)
from below
join pg_catalog.pg_class as c on c.oid = below.oid and c.relkind in ('r', 'f')
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
order by below.root, n.nspname, c.relname
"""

TRIGGERS = """
select t.tgrelid::bigint, t.tgname::text, n.nspname::text, p.proname::text, t.tgtype & 1 > 0, t.tgtype & 2 > 0
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as p on p.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where t.tgrelid = any (%(tables)s) and not t.tgisinternal and t.tgenabled in ('O', 'A') and t.tgtype & 4 > 0
order by t.tgrelid, t.tgname
"""

REFERRED_TO = """
with recursive reached(oid) as (
    select unnest(%s::oid[])
    union
    select c.confrelid from reached join pg_catalog.pg_constraint as c on c.conrelid = reached.oid and c.contype = 'f'
)
select oid::bigint from reached
"""
