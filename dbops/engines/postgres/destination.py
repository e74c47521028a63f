"""What a server and a database that an archive is to be loaded into are like, and the roles that it may lack."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.errors import first_line
from dbops.errors import Refused

if TYPE_CHECKING:
    import psycopg

# In one statement, so that it is one look.  From version 16 on a member may lack the right to act as the role.
_READ = """
    select current_setting('server_version_num')::int, session_user::text, r.rolsuper,
        array(select rolname::text from pg_catalog.pg_roles),
        array(select o.rolname::text from pg_catalog.pg_roles o
            where pg_catalog.pg_has_role(session_user, o.oid, {membership})),
        (select coalesce(pg_catalog.json_object_agg(a.name, a.allowed), '{{}}') from (
            select v.name, pg_catalog.bool_or(not v.superuser or v.trusted or r.rolsuper) as allowed
            from pg_catalog.pg_available_extension_versions v group by v.name) a),
        (select coalesce(pg_catalog.json_object_agg(e.extname, pg_catalog.pg_has_role(session_user, e.extowner, 'USAGE')),
            '{{}}') from pg_catalog.pg_extension e),
        (select pg_catalog.pg_has_role(session_user, n.nspowner, 'USAGE') from pg_catalog.pg_namespace n
            where n.nspname = 'public'),
        array(select spcname::text from pg_catalog.pg_tablespace)
    from pg_catalog.pg_roles r where r.rolname = session_user
"""
_WITH_OWNED_PUBLIC = 150000  # from here on the owner of a database owns its schema "public"


@dataclasses.dataclass(frozen=True)
class ServerFacts:
    """What decides about the entries of an archive.

    :param version: as `server_version_num`, 150018 for 15.18.
    :param role: whom we are logged in as.
    :param roles: all roles of the server.
    :param own_roles: the roles that `role` may make owners (itself, those it is a member of).
    :param extensions: those that can be created here, each with whether `role` may do it.
    :param installed: extensions that the database has already, each with whether `role` owns it.
    :param has_public: whether there is a schema `public`.
    :param owns_public: whether `role` may change it.
    """

    version: int
    role: str
    is_superuser: bool
    roles: frozenset[str]
    own_roles: frozenset[str]
    extensions: Mapping[str, bool]
    installed: Mapping[str, bool]
    has_public: bool
    owns_public: bool
    tablespaces: frozenset[str]

    @property
    def major(self) -> int:
        return self.version // 10000


def read(connection: psycopg.Connection[Any], *, fresh: bool = False) -> ServerFacts:
    """Look at the server, and at the database of the connection.

    :param fresh: tell what a new database would be like that this role makes from template0, not this one.
    """
    newer = connection.info.server_version >= 160000
    row = connection.execute(_READ.format(membership="'SET'" if newer else "'MEMBER'").encode()).fetchone()
    assert row is not None
    version, role, is_superuser, roles, own_roles, extensions, installed, owns_public, tablespaces = row
    has_public = owns_public is not None
    if fresh:
        own_roles = [*own_roles, "pg_database_owner"]  # who makes a database is a member of it there
        installed = {"plpgsql": is_superuser}
        has_public, owns_public = True, is_superuser or version >= _WITH_OWNED_PUBLIC
    return ServerFacts(
        version, role, is_superuser, frozenset(roles), frozenset(own_roles), extensions, installed, has_public,
        bool(owns_public), frozenset(tablespaces),
    )  # fmt: skip


def create_roles(connection: psycopg.Connection[Any], names: Iterable[str]) -> None:
    """Create roles that may not log in, and become a member of each, so that this role can make them owners.

    All or none.

    :raises Refused: this role may not create roles.
    """
    import psycopg
    from psycopg import sql

    try:
        with connection.transaction():
            for name in names:
                role = sql.Identifier(name)
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(
            f"{connection.info.user} may not create roles: {first_line(error)}",
            hint=f'ALTER ROLE "{connection.info.user}" CREATEROLE, or restore with --no-owner',
        ) from error


def drop_roles(connection: psycopg.Connection[Any], names: Iterable[str]) -> dict[str, str]:
    """Drop roles that own nothing and have no privileges; those that stay, each with the server's reason."""
    import psycopg
    from psycopg import sql

    stay = {}
    for name in names:
        try:
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
        except (psycopg.errors.DependentObjectsStillExist, psycopg.errors.InsufficientPrivilege) as error:
            stay[name] = first_line(error)
    return stay
