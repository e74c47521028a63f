"""From one database's properties to another's: the steps, as data, and carrying one out."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, LiteralString

from dbops.engines.postgres.databases import sql_identifier

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.engines.postgres.databases import Connection
from dbops.engines.postgres.properties import Configured, Properties

# Their value is a list of names, each quoted by itself; what else holds a comma is one string.
LISTS_OF_NAMES = frozenset(
    {
        *("local_preload_libraries", "search_path", "session_preload_libraries", "shared_preload_libraries"),
        *("temp_tablespaces", "unix_socket_directories"),
    }
)
PRIVILEGES: dict[str, LiteralString] = {
    "CREATE": "CREATE",
    "TEMPORARY": "TEMPORARY",
    "CONNECT": "CONNECT",
}


class Kind(enum.Enum):
    """What a change is about, and so what helps the role that may not make it."""

    OWNER = "owner"
    PRIVILEGE = "privilege"
    LIMIT = "connection limit"
    DATABASE_SETTING = "setting"
    ROLE_SETTING = "setting of a role"


@dataclasses.dataclass(frozen=True)
class Change:
    """One step towards other properties.

    `what` finishes "may not ..."; `subject` is the role or the setting that it is about; `as_role` the role that
    must make it, None for the session's own.
    """

    kind: Kind
    what: str
    statement: sql.Composed
    subject: str = ""
    as_role: str | None = None


def changes(name: str, has: Properties, wanted: Properties) -> Iterator[Change]:
    """The steps that give database `name`, which `has` these properties, the wanted ones; not its comment.

    To be carried out in one transaction, in order.
    """
    from psycopg import sql

    database = sql_identifier(name)
    if has.owner != wanted.owner:
        yield Change(
            Kind.OWNER,
            f'make "{wanted.owner}" the owner',
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, sql_identifier(wanted.owner)),
            subject=wanted.owner,
        )
    if has.grants != wanted.grants:
        yield from _revoked(database, has, wanted)
        yield from _granted(database, wanted)
    if has.connection_limit != wanted.connection_limit:
        yield Change(
            Kind.LIMIT,
            "set the connection limit",
            sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(
                database, sql.Literal(wanted.connection_limit)
            ),
        )
    yield from _reconfigured(database, has.settings, wanted.settings)


def set_comment(name: str, comment: str | None) -> sql.Composed:
    """The statement that gives a database its comment; None takes it away."""
    from psycopg import sql

    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql_identifier(name), sql.Literal(comment))


def execute(connection: Connection, change: Change) -> None:
    """Carry out one step; the connection must be in a transaction.

    :raises psycopg.Error: the role may not.
    """
    from psycopg import sql

    if change.as_role is None:
        connection.execute(change.statement)
        return
    connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql_identifier(change.as_role)))
    connection.execute(change.statement)
    connection.execute("RESET ROLE")


def split_names(value: str) -> list[str]:
    """The names of a setting that is a list of names: `"$user", public` is two."""
    names: list[str] = []
    rest = value.strip()
    while rest:
        if rest.startswith('"'):
            name, rest = _quoted(rest[1:])
        else:
            name, _, rest = rest.partition(",")
            name, rest = name.strip(), f",{rest}" if _ else ""
        names.append(name)
        rest = rest.lstrip().removeprefix(",").lstrip()
    return names


def _quoted(rest: str) -> tuple[str, str]:
    """The name up to its closing quotation mark, and what follows."""
    name = ""
    while True:
        part, mark, rest = rest.partition('"')
        name += part
        if not mark or not rest.startswith('"'):
            return name, rest
        name, rest = f'{name}"', rest[1:]


def _revoked(database: sql.Identifier, has: Properties, wanted: Properties) -> Iterator[Change]:
    """Everything goes; what others granted goes with the grant option that they had of the owner."""
    from psycopg import sql

    grantees: set[str | None] = {grant.grantee for grant in has.grants} - {has.owner}
    for grantee in sorted(grantees | {wanted.owner, None}, key=str):
        yield Change(
            Kind.PRIVILEGE,
            f"take privileges from {_whom(grantee)}",
            sql.SQL("REVOKE ALL ON DATABASE {} FROM {} CASCADE").format(database, _role(grantee)),
        )


def _granted(database: sql.Identifier, wanted: Properties) -> Iterator[Change]:
    """The owner's grants first, then those of roles that already have the option to grant."""
    from psycopg import sql

    left = sorted(wanted.grants, key=str)
    able = {wanted.owner}
    while left:
        now = [grant for grant in left if grant.grantor in able] or left
        for grant in now:
            option = sql.SQL("WITH GRANT OPTION" if grant.grantable else "")
            words = sql.SQL(PRIVILEGES[grant.privilege])
            yield Change(
                Kind.PRIVILEGE,
                f"repeat the grant of {grant.privilege} to {_whom(grant.grantee)}",
                sql.SQL("GRANT {} ON DATABASE {} TO {} {}").format(
                    words, database, _role(grant.grantee), option
                ),
                as_role=grant.grantor if grant.grantor != wanted.owner else None,
                subject=grant.grantor,
            )
        able |= {grant.grantee for grant in now if grant.grantable and grant.grantee}
        left = [grant for grant in left if grant not in now]


def _reconfigured(
    database: sql.Identifier, has: Iterable[Configured], wanted: Iterable[Configured]
) -> Iterator[Change]:
    from psycopg import sql

    there, asked = {one.key: one for one in has}, {one.key: one for one in wanted}
    for key in sorted(there.keys() - asked.keys(), key=str):
        yield _configuring(database, there[key], sql.SQL("RESET {}").format(sql.Identifier(key[1])))
    for key in sorted(asked, key=str):
        if there.get(key) != asked[key]:
            setting = sql.SQL("SET {} TO {}").format(sql.Identifier(key[1]), _value(asked[key]))
            yield _configuring(database, asked[key], setting)


def _configuring(database: sql.Identifier, setting: Configured, action: sql.Composed) -> Change:
    from psycopg import sql

    if setting.role is None:
        return Change(
            Kind.DATABASE_SETTING,
            f"set {setting.name} for the database",
            sql.SQL("ALTER DATABASE {} {}").format(database, action),
            subject=setting.name,
        )
    return Change(
        Kind.ROLE_SETTING,
        f'set {setting.name} for role "{setting.role}" in the database',
        sql.SQL("ALTER ROLE {} IN DATABASE {} {}").format(sql_identifier(setting.role), database, action),
        subject=setting.role,
    )


def _value(setting: Configured) -> sql.Composable:
    from psycopg import sql

    if setting.name.lower() not in LISTS_OF_NAMES:
        return sql.Literal(setting.value)
    names = split_names(setting.value) or [""]
    return sql.SQL(", ").join(map(sql.Literal, names))


def _role(name: str | None) -> sql.Composable:
    from psycopg import sql

    return sql.SQL("PUBLIC") if name is None else sql_identifier(name)


def _whom(name: str | None) -> str:
    return "everybody" if name is None else f'"{name}"'
