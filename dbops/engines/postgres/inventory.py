"""What a backup records of a PostgreSQL database and its server, read on a connection that is given.

Works as an ordinary role: roles are read from `pg_roles`, which shows no password.  Rows of catalogs whose columns
differ between versions are read as JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.inventory import (
    DatabaseProperties,
    DatabaseSetting,
    Extension,
    Inventory,
    Membership,
    MigrationState,
    Role,
)

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composed

    from dbops.engines.postgres.tracking import Tables

    Connection = psycopg.Connection[tuple[Any, ...]]

_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin", "d": "default"}
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


def read(connection: Connection, tracking_table: str | None = None) -> Inventory:
    """Everything, within the transaction that is open (a snapshot's, for instance), or statement by statement.

    No statement fails for a lack of privilege, since that would end the transaction.

    :param tracking_table: as configured; None for the usual ones.
    """
    version, number = _one(
        connection,
        "select current_setting('server_version'), current_setting('server_version_num')::int",
    )
    return Inventory(
        server_version=version,
        server_version_num=number,
        system_identifier=_system_identifier(connection),
        database=read_properties(connection),
        extensions=_extensions(connection),
        roles=_roles(connection, number),
        tablespaces=_tablespaces(connection),
        migrations=_migrations(connection, tracking_table),
    )


def read_properties(connection: Connection, database: str | None = None) -> DatabaseProperties:
    """What stands on a database object, of this database or another of the server.

    :raises LookupError: there is no database of that name.
    """
    row = connection.execute(
        """
        select to_jsonb(d) || jsonb_build_object(
            'owner', pg_catalog.pg_get_userbyid(d.datdba),
            'encoding', pg_catalog.pg_encoding_to_char(d.encoding),
            'tablespace', (select t.spcname from pg_catalog.pg_tablespace t where t.oid = d.dattablespace),
            'acl', d.datacl::text[],
            'comment', pg_catalog.shobj_description(d.oid, 'pg_database'),
            'bytes', case when pg_catalog.has_database_privilege(d.oid, 'CONNECT')
                          then pg_catalog.pg_database_size(d.oid) else 0 end)
        from pg_catalog.pg_database d where d.datname = coalesce(%s, pg_catalog.current_database())
        """,
        [database],
    ).fetchone()
    if row is None:
        raise LookupError(database)
    fields: dict[str, Any] = row[0]
    return DatabaseProperties(
        name=fields["datname"],
        owner=fields["owner"],
        encoding=fields["encoding"],
        collate=fields["datcollate"],
        ctype=fields["datctype"],
        locale_provider=_PROVIDERS.get(fields.get("datlocprovider", "c"), "libc"),
        locale=fields.get("datlocale") or fields.get("daticulocale"),  # the name until PostgreSQL 16
        icu_rules=fields.get("daticurules"),
        collation_version=fields.get("datcollversion"),
        tablespace=fields["tablespace"],
        connection_limit=fields["datconnlimit"],
        acl=None if fields["acl"] is None else tuple(fields["acl"]),
        comment=fields["comment"],
        settings=_settings(connection, fields["datname"]),
        bytes=fields["bytes"],
    )


def _settings(connection: Connection, database: str) -> tuple[DatabaseSetting, ...]:
    rows = connection.execute(
        """
        select c.setting, r.rolname
        from pg_catalog.pg_db_role_setting s
        join pg_catalog.pg_database d on d.oid = s.setdatabase
        left join pg_catalog.pg_roles r on r.oid = s.setrole
        cross join lateral unnest(s.setconfig) as c(setting)
        where d.datname = %s
        order by r.rolname nulls first, c.setting
        """,
        [database],
    ).fetchall()
    return tuple(_setting(text, role) for text, role in rows)


def _setting(text: str, role: str | None) -> DatabaseSetting:
    name, _, value = text.partition("=")
    return DatabaseSetting(name, value, role)


def _extensions(connection: Connection) -> tuple[Extension, ...]:
    rows = connection.execute(
        """
        select e.extname, e.extversion, n.nspname
        from pg_catalog.pg_extension e join pg_catalog.pg_namespace n on n.oid = e.extnamespace
        order by e.extname
        """
    ).fetchall()
    return tuple(Extension(*row) for row in rows)


def _tablespaces(connection: Connection) -> tuple[str, ...]:
    rows = connection.execute(
        """
        select t.spcname from pg_catalog.pg_tablespace t
        where t.spcname not in ('pg_default', 'pg_global')
            and (t.oid in (select c.reltablespace from pg_catalog.pg_class c)
                 or t.oid = (select d.dattablespace from pg_catalog.pg_database d
                             where d.datname = pg_catalog.current_database()))
        order by t.spcname
        """
    ).fetchall()
    return tuple(name for (name,) in rows)


def _roles(connection: Connection, server_version_num: int) -> tuple[Role, ...]:
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
    memberships = _memberships(connection, [oid for oid, _ in rows], server_version_num)
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


def _memberships(
    connection: Connection, roles: list[int], server_version_num: int
) -> dict[int, tuple[Membership, ...]]:
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
    return bool(_one(connection, counts)[0])


def _system_identifier(connection: Connection) -> str | None:
    """Asked for the right first: a refused function would end the transaction."""
    (allowed,) = _one(
        connection, "select pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')"
    )
    if not allowed:
        return None
    (identifier,) = _one(connection, "select system_identifier::text from pg_catalog.pg_control_system()")
    return str(identifier)


def _migrations(connection: Connection, tracking_table: str | None) -> MigrationState | None:
    from dbops.engines.postgres import tracking

    found = tracking.find(connection, tracking_table)
    if found.foreign is not None:
        return MigrationState(found.foreign.table, found.foreign.tool)
    if not found.exist:
        return None
    if not _may_read(connection, found.tables):
        return MigrationState(str(found.tables), readable=False)
    recorded = tracking.read(connection, found.tables)
    newest = recorded.rows[-1] if recorded.rows else None
    return MigrationState(
        table=str(found.tables),
        version=newest.version if newest else None,
        name=newest.name if newest else None,
        applied=len(recorded.rows),
        partial=tuple(dict.fromkeys(line.version for line in recorded.journal)),
    )


def _may_read(connection: Connection, tables: Tables) -> bool:
    """The privileges on schema, rows and events; a table that is missing counts as one that may not be read."""
    (allowed,) = _one(
        connection,
        """
        select count(*) = 2 and bool_and(
            pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'SELECT'))
        from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
        where n.nspname = %s and c.relname = any(%s)
        """,
        [tables.schema, [tables.table, f"{tables.table}_events"]],
    )
    return bool(allowed)


def _one(
    connection: Connection, query: LiteralString | Composed, parameters: list[Any] | None = None
) -> tuple[Any, ...]:
    row = connection.execute(query, parameters).fetchone()
    assert row is not None
    return row
