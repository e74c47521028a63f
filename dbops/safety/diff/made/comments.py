"""Comments as statements; a query as those of `tables`."""

from __future__ import annotations

from typing import LiteralString

_COMMENTS: LiteralString = """
select d.classoid, d.objoid, d.objsubid, 'comment', 'set',
    format('COMMENT ON %s IS %L', named.what, d.description),
    format('COMMENT ON %s IS %s', named.what, case when d.objoid < 16384 then '''standard public schema''' else 'NULL' end)
from pg_description as d
cross join lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) as o
cross join lateral (values (case
    when o.type like '% column' then 'COLUMN ' || o.identity
    when o.type = 'table constraint' then 'CONSTRAINT ' || o.identity
    when o.type = 'domain constraint' then (
        select format('CONSTRAINT %I ON DOMAIN %s', conname, contypid::regtype) from pg_constraint where oid = d.objoid)
    when o.type = 'composite type' then 'TYPE ' || o.identity
    when o.type = 'statistics object' then 'STATISTICS ' || o.identity
    else upper(o.type) || ' ' || o.identity end)) as named(what)
where (d.objoid >= 16384 or d.classoid = 'pg_namespace'::regclass and d.description <> 'standard public schema'
        and d.objoid in (select oid from own_schema)) and d.classoid <> 'pg_largeobject'::regclass and o.identity is not null
    and coalesce(o.schema, '') !~ '^pg_' and not exists (
        select from of_extension as e where e.classid = d.classoid and e.objid = d.objoid)
"""

UNKNOWN = (_COMMENTS,)
"""What the library does not see, or not well."""
