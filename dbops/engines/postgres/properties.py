"""What belongs to a database's name and not to its content: owner, privileges, limit, settings, comment.

A dump of one database has none of it, and neither has a database that is
renamed into another's place.  Read here as data, compared, and made so.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection


@dataclasses.dataclass(frozen=True)
class Grant:
    """One privilege on a database.  `grantee` None is everybody (PUBLIC)."""

    grantor: str
    grantee: str | None
    privilege: str
    grantable: bool


@dataclasses.dataclass(frozen=True)
class Configured:
    """One setting of a database, of one role in it where `role` is given; `value` as the catalog has it."""

    role: str | None
    name: str
    value: str

    @property
    def key(self) -> tuple[str | None, str]:
        return self.role, self.name


@dataclasses.dataclass(frozen=True)
class Properties:
    """What belongs to the name.  `connection_limit` -1 is none; default privileges are in `grants`, too."""

    owner: str
    grants: frozenset[Grant]
    connection_limit: int
    settings: frozenset[Configured]
    comment: str | None


def read(connection: Connection, name: str) -> Properties | None:
    """A database's properties, None where there is none of that name; every role may read them."""
    row = connection.execute(
        """
        SELECT pg_catalog.pg_get_userbyid(datdba), datconnlimit, oid,
            pg_catalog.shobj_description(oid, 'pg_database')
        FROM pg_catalog.pg_database WHERE datname = %s
        """,
        [name],
    ).fetchone()
    if row is None:
        return None
    owner, limit, oid, comment = row
    return Properties(owner, _grants(connection, oid), limit, _settings(connection, oid), comment)


def _grants(connection: Connection, oid: int) -> frozenset[Grant]:
    rows = connection.execute(
        """
        SELECT pg_catalog.pg_get_userbyid(grantor),
            CASE WHEN grantee <> 0 THEN pg_catalog.pg_get_userbyid(grantee) END, privilege_type, is_grantable
        FROM pg_catalog.pg_database,
            LATERAL pg_catalog.aclexplode(coalesce(datacl, pg_catalog.acldefault('d', datdba)))
        WHERE pg_database.oid = %s
        """,
        [oid],
    ).fetchall()
    return frozenset(Grant(*row) for row in rows)


def _settings(connection: Connection, oid: int) -> frozenset[Configured]:
    rows = connection.execute(
        """
        SELECT CASE WHEN setrole <> 0 THEN pg_catalog.pg_get_userbyid(setrole) END, setting
        FROM pg_catalog.pg_db_role_setting, LATERAL pg_catalog.unnest(setconfig) AS setting
        WHERE setdatabase = %s
        """,
        [oid],
    ).fetchall()
    found = []
    for role, setting in rows:
        name, _, value = setting.partition("=")
        found.append(Configured(role, name, value))
    return frozenset(found)
