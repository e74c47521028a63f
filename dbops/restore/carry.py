"""Carrying over, from the live database alone, what belongs to its name and what no dump has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.engines.postgres import properties, property_changes
from dbops.engines.postgres.databases import sql_identifier
from dbops.engines.postgres.properties import Properties
from dbops.engines.postgres.property_changes import Change, Kind
from dbops.errors import DbopsError
from dbops.restore.preflight import Problem

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.postgres.databases import Connection


def rehearse(connection: Connection, live: str, name: str) -> list[Problem]:
    """Try every step on database `name` and take it back; what the role may not do, with what would let it.

    Trying is the only way to know: what a role may set differs from version to version and from host to host.
    """
    import psycopg

    wanted, has = _read(connection, live), _read(connection, name)
    found = []
    with connection.transaction(force_rollback=True):
        for change in property_changes.changes(name, has, wanted):
            try:
                with connection.transaction():
                    property_changes.execute(connection, change)
            except psycopg.Error as error:
                found.append(_problem(connection, change, error))
    return list(dict.fromkeys(found))


def carry(connection: Connection, live: str, name: str) -> int:
    """Give database `name` the owner, privileges, connection limit and settings of `live`; how many steps it took.

    All or nothing, and read back; the comment stays, since it says until the swap that the database is ours.

    :raises DbopsError: they still differ.
    :raises psycopg.Error: the role may not.
    """
    wanted = _read(connection, live)
    with connection.transaction():
        steps = list(property_changes.changes(name, _read(connection, name), wanted))
        for change in steps:
            property_changes.execute(connection, change)
        left = list(property_changes.changes(name, _read(connection, name), wanted))
    if left:
        raise DbopsError(
            f"{name} did not take over from {live}: could not {left[0].what}",
            hint="run bin/restore as a superuser, or as the owner of the database",
        )
    return len(steps)


def _read(connection: Connection, name: str) -> Properties:
    found = properties.read(connection, name)
    if found is None:
        raise DbopsError(f"database {name} is no longer there")
    return found


def _problem(connection: Connection, change: Change, error: psycopg.Error) -> Problem:
    role = sql_identifier(connection.info.user).as_string(connection)
    subject = sql_identifier(change.subject).as_string(connection)
    version = connection.info.server_version
    remedy = {
        Kind.OWNER: f"GRANT {subject} TO {role}",
        Kind.PRIVILEGE: f"GRANT {subject} TO {role}",
        Kind.LIMIT: "run bin/restore as the owner of the database",
        Kind.DATABASE_SETTING: f"GRANT SET ON PARAMETER {change.subject} TO {role}",
        Kind.ROLE_SETTING: f"ALTER ROLE {role} CREATEROLE"
        + (f"; GRANT {subject} TO {role} WITH ADMIN OPTION" if version >= 160000 else ""),
    }[change.kind]
    superuser = "run bin/restore as a superuser"
    nothing_to_grant = change.kind is Kind.DATABASE_SETTING and version < 150000
    return Problem(
        f'role "{connection.info.user}" may not {change.what}, as the live database has it: '
        f"{error.diag.message_primary or error}",
        superuser if nothing_to_grant else f"as a superuser: {remedy}; or {superuser}",
    )
