"""The roles that a database refers to, with their memberships; never a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbops.engines.inventory import Membership, Role

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

_FIRST_NORMAL_OID = 16384
# Where a dump names an owner, with the column of the privileges.  Dependencies on the bootstrap superuser (oid 10)
# are not in pg_shdepend, since it cannot be dropped.
_OWNED: tuple[tuple[str, str, str | None], ...] = (
    ("pg_class", "relowner", "relacl"),
    ("pg_namespace", "nspowner", "nspacl"),
    ("pg_proc", "proowner", "proacl"),
    ("pg_type", "typowner", "typacl"),
    ("pg_language", "lanowner", "lanacl"),
    ("pg_foreign_data_wrapper", "fdwowner", "fdwacl"),
    ("pg_foreign_server", "srvowner", "srvacl"),
    ("pg_largeobject_metadata", "lomowner", "lomacl"),
    ("pg_operator", "oprowner", None),
    ("pg_opclass", "opcowner", None),
    ("pg_opfamily", "opfowner", None),
    ("pg_collation", "collowner", None),
    ("pg_conversion", "conowner", None),
    ("pg_ts_dict", "dictowner", None),
    ("pg_ts_config", "cfgowner", None),
    ("pg_statistic_ext", "stxowner", None),
    ("pg_event_trigger", "evtowner", None),
    ("pg_publication", "pubowner", None),
)


def roles_of(connection: Connection) -> tuple[Role, ...]:
    """Owners, those with privileges or settings, and of user mappings; every role may read them."""
    rows = connection.execute(
        """
        with this as (
            select oid, datdba from pg_catalog.pg_database where datname = pg_catalog.current_database()
        ), referred as (
            select refobjid as oid from pg_catalog.pg_shdepend
            where refclassid = 'pg_catalog.pg_authid'::regclass
                and (dbid = (select oid from this)
                     or (dbid = 0 and classid = 'pg_catalog.pg_database'::regclass
                         and objid = (select oid from this)))
            union select datdba from this
            union select setrole from pg_catalog.pg_db_role_setting where setdatabase = (select oid from this)
            union select umuser from pg_catalog.pg_user_mappings
            union select unnest(%s::oid[])
        )
        select r.oid, to_jsonb(r) from pg_catalog.pg_roles r join referred using (oid)
        order by r.rolname
        """,
        [[10] if _bootstrap_superuser_counts(connection) else []],
    ).fetchall()
    memberships = _memberships(connection, [oid for oid, _ in rows])
    return tuple(_role(fields, memberships.get(oid, ())) for oid, fields in rows)


def _role(fields: dict[str, Any], member_of: tuple[Membership, ...]) -> Role:
    return Role(
        name=fields["rolname"],
        superuser=fields["rolsuper"],
        inherit=fields["rolinherit"],
        create_role=fields["rolcreaterole"],
        create_database=fields["rolcreatedb"],
        login=fields["rolcanlogin"],
        replication=fields["rolreplication"],
        bypass_row_security=fields["rolbypassrls"],
        connection_limit=fields["rolconnlimit"],
        valid_until=fields["rolvaliduntil"],
        member_of=member_of,
    )


def _memberships(connection: Connection, roles: list[int]) -> dict[int, tuple[Membership, ...]]:
    rows = connection.execute(
        """
        select m.member, r.rolname, bool_or(m.admin_option),
            bool_or((to_jsonb(m) ->> 'inherit_option')::bool), bool_or((to_jsonb(m) ->> 'set_option')::bool)
        from pg_catalog.pg_auth_members m join pg_catalog.pg_roles r on r.oid = m.roleid
        where m.member = any(%s::oid[])
        group by m.member, r.rolname order by m.member, r.rolname
        """,
        [roles],
    ).fetchall()
    found: dict[int, tuple[Membership, ...]] = {}
    for member, *membership in rows:
        found[member] = (*found.get(member, ()), Membership(*membership))
    return found


def _bootstrap_superuser_counts(connection: Connection) -> bool:
    """Whether the first superuser owns something of the users', or has privileges on it from somebody else."""
    from psycopg import sql

    owned = sql.SQL(" union all ").join(
        sql.SQL(
            """
            select {owner} as owner, {acl} as acl from pg_catalog.{catalog} c
            where c.oid >= {first} and not exists (
                select from pg_catalog.pg_depend d
                where d.classid = {name}::regclass and d.objid = c.oid and d.deptype = 'e')
            """
        ).format(
            owner=sql.Identifier(owner),
            acl=sql.Identifier(acl) if acl else sql.SQL("null::aclitem[]"),
            catalog=sql.Identifier(catalog),
            name=sql.Literal(f"pg_catalog.{catalog}"),
            first=sql.Literal(_FIRST_NORMAL_OID),
        )
        for catalog, owner, acl in _OWNED
    )
    counts = sql.SQL(
        """
        select exists (select from ({}) o where o.owner = 10
            or exists (select from pg_catalog.aclexplode(o.acl) a where a.grantee = 10))
        """
    ).format(owned)
    row = connection.execute(counts).fetchone()
    return row is not None and bool(row[0])
