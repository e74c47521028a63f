"""What a backup records of a PostgreSQL database and its server, read on a connection that is given.

Works as an ordinary role: roles are read from `pg_roles`, which shows no password.  Rows of catalogs whose columns
differ between versions are read as JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.inventory import DatabaseProperties, DatabaseSetting, Extension, Inventory, MigrationState

if TYPE_CHECKING:
    import psycopg
    from psycopg.sql import Composed

    from dbops.engines.postgres.tracking import Tables

    Connection = psycopg.Connection[tuple[Any, ...]]
from dbops.engines.postgres.roles import roles_of

_PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin", "d": "default"}


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
        roles=roles_of(connection),
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
    from dbops.engines.postgres import recorded, tracking

    found = tracking.find(connection, tracking_table)
    if found.foreign is not None:
        return MigrationState(found.foreign.table, found.foreign.tool)
    if not found.exist:
        return None
    if not _may_read(connection, found.tables):
        return MigrationState(str(found.tables), readable=False)
    return MigrationState.of(str(found.tables), recorded.read(connection, found.tables))


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
