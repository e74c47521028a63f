"""Privileges: granted and revoked entry by entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.postgres.schema import properties
from dbops.engines.postgres.schema.reader import over_common

if TYPE_CHECKING:
    import psycopg

Entry = tuple[str, str, str, str, bool]
"""Of default privileges whose ("" for none), on what, to whom, which privilege, whether it may be passed on."""

# The owner of the database stands for itself: a copy may have another one.
_QUERY: LiteralString = """
me(oid) as (select datdba from pg_database where datname = current_database()),
entry(prefix, target, columns, acl) as (
    select '', 'ON ' || case when o.subid > 0 or named.type ~ 'table|view' then 'TABLE'
            when named.type = 'composite type' then 'TYPE' when named.type = 'foreign-data wrapper'
            then 'FOREIGN DATA WRAPPER' when named.type = 'server' then 'FOREIGN SERVER'
            when named.type in ('aggregate', 'procedure') then 'ROUTINE' else upper(named.type) end
        || ' ' || case when o.subid > 0 then o.objid::regclass::text else named.identity end,
        (select format(' (%I)', attname) from pg_attribute where attrelid = o.objid and attnum = o.subid
            and o.classid = 'pg_class'::regclass),
        coalesce(o.acl, acldefault(o.kind, o.owner))
    from owned as o cross join lateral pg_identify_object(o.classid, o.objid, o.subid) as named
    where o.kind is not null and named.identity is not null and not exists (
        select from of_extension as e where e.classid = o.classid and e.objid = o.objid)
    union all
    select concat_ws(' ', 'ALTER DEFAULT PRIVILEGES',
            case when d.role <> (select oid from me) then 'FOR ROLE ' || d.role::regrole end,
            'IN SCHEMA ' || quote_ident(n.nspname), ''),
        'ON ' || case d.of when 'r' then 'TABLES' when 'S' then 'SEQUENCES' when 'f' then 'FUNCTIONS'
            when 'T' then 'TYPES' else 'SCHEMAS' end, null, d.acl
    from (
        select defaclrole, defaclnamespace, defaclobjtype, defaclacl from pg_default_acl
        union all
        select me.oid, 0, kind, acldefault(lower(kind::text)::"char", me.oid)
        from me, unnest('{r,S,f,n}'::"char"[]) as kind where not exists (select from pg_default_acl
            where defaclrole = me.oid and defaclnamespace = 0 and defaclobjtype = kind)
        union all
        select me.oid, 0, 'T', acldefault('T', me.oid) from me where not exists (select from pg_default_acl
            where defaclrole = me.oid and defaclnamespace = 0 and defaclobjtype = 'T')
    ) as d(role, namespace, of, acl) left join pg_namespace as n on n.oid = d.namespace
)
select prefix, target, case when a.grantee is null then '' when a.grantee = 0 then 'PUBLIC' when a.grantee = (select oid from me) then 'CURRENT_USER'
    else quote_ident(pg_get_userbyid(a.grantee)) end, coalesce(a.privilege_type, '') || coalesce(columns, ''),
    coalesce(a.is_grantable, false)
from entry left join lateral aclexplode(acl) as a on true
"""


def read(connection: psycopg.Connection[Any]) -> frozenset[Entry]:
    """Every privilege that somebody has, those that come with an object included; of nobody where nobody has any."""
    return frozenset(connection.execute(over_common(*properties.TABLES, _QUERY)).fetchall())


def steps(here: frozenset[Entry], there: frozenset[Entry]) -> Iterator[str]:
    """What is to be run; what is on objects of only one of the two is left out."""
    common = {entry[:2] for entry in here} & {entry[:2] for entry in there}
    fresh = {
        entry[:2] for entry in there if entry[0]
    }  # default privileges have no object that is there before
    for (prefix, target, whom, _), names in _grouped(here - there, common | {e[:2] for e in here if e[0]}):
        yield f"{prefix}REVOKE {names} {target} FROM {whom}"
    for (prefix, target, whom, grantable), names in _grouped(there - here, common | fresh):
        yield f"{prefix}GRANT {names} {target} TO {whom}{' WITH GRANT OPTION' if grantable else ''}"


def _grouped(
    entries: frozenset[Entry], of: set[tuple[str, str]]
) -> Iterator[tuple[tuple[str, str, str, bool], str]]:
    groups: dict[tuple[str, str, str, bool], list[str]] = defaultdict(list)
    for prefix, target, whom, privilege, grantable in sorted(entries):
        if whom and (prefix, target) in of:
            groups[prefix, target, whom, grantable].append(privilege)
    for key, names in groups.items():
        yield key, ", ".join(names)
