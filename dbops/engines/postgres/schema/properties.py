"""Queries for what every kind of object has: an owner, privileges, a comment; prefix, class, object, sub-object, text."""

from __future__ import annotations

from typing import LiteralString

# Owners that own the database are not told, and privileges are told of "owner": a copy in another role's database is
# the same schema.
_OWNED: LiteralString = """
owned(classid, objid, subid, owner, acl, kind) as materialized (
    select 'pg_class'::regclass, oid, 0, relowner, relacl, case relkind when 'S' then 's' else 'r' end::"char"
    from relation where relkind in ('r', 'p', 'f', 'v', 'm', 'S')
    union all
    select 'pg_class'::regclass, oid, 0, relowner, null, null from relation where relkind = 'c'
    union all
    select 'pg_class'::regclass, attrelid, attnum, relowner, attacl, 'c'::"char"
    from pg_attribute join relation on relation.oid = attrelid where attacl is not null and not attisdropped
    union all
    select 'pg_proc'::regclass, oid, 0, proowner, proacl, 'f'::"char"
    from pg_proc where pronamespace in (select oid from own_schema)
    union all
    select 'pg_namespace'::regclass, oid, 0, nspowner, nspacl, 'n'::"char" from own_schema
    union all
    select 'pg_type'::regclass, oid, 0, typowner, typacl, 'T'::"char" from own_type
    union all
    select 'pg_language'::regclass, oid, 0, lanowner, lanacl, 'l'::"char" from pg_language where oid >= 16384
    union all
    select 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwowner, fdwacl, 'F'::"char" from pg_foreign_data_wrapper
    union all
    select 'pg_foreign_server'::regclass, oid, 0, srvowner, srvacl, 'S'::"char" from pg_foreign_server
)
"""

_OWNERS: LiteralString = """
select 'owner of ', classid, objid, subid, pg_get_userbyid(owner)::text
from owned where subid = 0 and owner <> (select datdba from pg_database where datname = current_database())
"""

_PRIVILEGES: LiteralString = """
select 'privileges of ', classid, objid, subid, coalesce((
    select string_agg(line, E'\\n' order by line) from (
        select concat(case when grantee = 0 then 'PUBLIC' when grantee = owner then 'owner'
                else quote_ident(pg_get_userbyid(grantee)) end, ': ',
            string_agg(privilege_type || case when is_grantable then ' WITH GRANT OPTION' else '' end, ', '
                order by privilege_type)) as line
        from (select distinct grantee, privilege_type, is_grantable from aclexplode(acl)) as entry
        group by grantee) as granted), 'none')
from owned
where acl is not null and not (acl @> acldefault(kind, owner) and acl <@ acldefault(kind, owner))
"""

# Of what the server made itself only the schema public is ours to comment on; it comes with a comment.
_COMMENTS: LiteralString = """
select 'comment on ', classoid, objoid, objsubid, description
from pg_description
where (objoid >= 16384 or classoid = 'pg_namespace'::regclass and description <> 'standard public schema'
        and objoid in (select oid from own_schema)) and classoid <> 'pg_largeobject'::regclass and not (classoid = 'pg_class'::regclass and objoid in (select oid from left_out))
"""

_LABELS: LiteralString = """
select 'security label of ' || provider || ' on ', classoid, objoid, objsubid, label from pg_seclabel
"""

TABLES = (_OWNED,)
"""Common tables that the queries read."""
QUERIES = (_OWNERS, _PRIVILEGES, _COMMENTS, _LABELS)
