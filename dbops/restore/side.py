"""The side database: made beside the live one, marked as ours, dropped whatever becomes of the restore.

It is made under a name that only dbops uses and gets its own name with its
mark, so that a killed run leaves nothing that the next one does not know as
its own.  A database of that name without the mark is somebody else's.
"""

from __future__ import annotations

import dataclasses
import shlex
from typing import TYPE_CHECKING, Any

from dbops.config.model import Target
from dbops.engines.postgres import databases, properties
from dbops.engines.postgres.databases import sql_identifier
from dbops.errors import CannotConnect, Refused
from dbops.events import Listener, Note
from dbops.restore import names
from dbops.restore.holding import COMMAND
from dbops.restore.preflight import Problem

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.engines.postgres.databases import Connection

LIBC, ICU, BUILTIN = "c", "i", "b"
"""Locale providers, as `pg_database.datlocprovider` spells them."""


@dataclasses.dataclass(frozen=True)
class Making:
    """What can only be chosen when a database is made; None leaves it to the server.

    `locale` and `rules` are those of the ICU or built-in provider.
    """

    encoding: str | None = None
    collate: str | None = None
    ctype: str | None = None
    provider: str | None = None
    locale: str | None = None
    rules: str | None = None
    tablespace: str | None = None
    owner: str | None = None


def like(connection: Connection, live: str) -> Making | None:
    """How a database was made; None where there is none of that name.  Its tablespace is None where it is the usual one."""
    row = connection.execute(
        """
        select pg_catalog.to_jsonb(d), pg_catalog.pg_encoding_to_char(d.encoding),
            pg_catalog.pg_get_userbyid(d.datdba),
            (select spcname from pg_catalog.pg_tablespace as t where t.oid = d.dattablespace
                and t.oid <> (select dattablespace from pg_catalog.pg_database where datname = 'template0'))
        from pg_catalog.pg_database as d where d.datname = %s
        """,
        [live],
    ).fetchone()
    if row is None:
        return None
    # Which columns there are depends on the version: daticulocale became datlocale in 17.
    columns: dict[str, Any] = row[0]
    return Making(
        encoding=row[1],
        collate=columns["datcollate"],
        ctype=columns["datctype"],
        provider=columns.get("datlocprovider", LIBC),
        locale=columns.get("datlocale") or columns.get("daticulocale"),
        rules=columns.get("daticurules"),
        tablespace=row[3],
        owner=row[2],
    )


def sweep(connection: Connection, live: str, listen: Listener) -> None:
    """Drop what a killed restore of this database left; its lock must be held.

    :raises Refused: a database of the side database's name has no mark of ours.
    """
    ours, unnamed = names.side(live), names.unnamed(live)
    found = databases.existing(connection, [ours, unnamed])
    if ours in found and not names.is_restoring(found[ours].comment, live):
        raise Refused(
            f"a database {ours} is there that no restore of {live} has made",
            hint=f"rename or drop it: its name is needed (it has no comment {names.mark_restoring(live)!r})",
        )
    for name in found:
        databases.drop(connection, name)
        listen(Note(f"dropped {name}, which an interrupted restore had left"))


def create(connection: Connection, live: str, making: Making) -> str:
    """Make the side database, empty; returns its name.  Killed in between: see `sweep`.

    :raises psycopg.Error: the server refused; nothing is left.
    """
    unnamed, name = names.unnamed(live), names.side(live)
    connection.execute(_statement(unnamed, making))
    connection.execute(properties.set_comment(unnamed, names.mark_restoring(live)))
    databases.rename(connection, unnamed, name)
    return name


def closed_to_us(target: Target, live: str, listen: Listener) -> list[Problem]:
    """See that the role is let into the side database, which pg_hba.conf may know nothing of."""
    name = names.side(live)
    try:
        with databases.session(target.replace("the restore", dbname=name), COMMAND, listen):
            return []
    except CannotConnect as error:
        return [
            Problem(
                f"the server does not let this role into the side database {name}: {error.message}",
                f"give pg_hba.conf a line for {shlex.quote(name)} like the one for {shlex.quote(live)} "
                "(then SELECT pg_reload_conf()), or add --in-place",
            )
        ]


def drop(target: Target, live: str, listen: Listener) -> None:
    """Drop the side database if it is there and ours, on a session of its own: the former one may be broken."""
    from dbops.restore.holding import outside

    with outside(target, live, listen, 10.0) as connection:
        found = databases.existing(connection, [names.side(live), names.unnamed(live)])
        for name, database in found.items():
            if name == names.unnamed(live) or names.is_restoring(database.comment, live):
                databases.drop(connection, name)


def _statement(name: str, making: Making) -> sql.Composed:
    from psycopg import sql

    provider = {ICU: "icu", BUILTIN: "builtin"}.get(making.provider or "")
    texts = {
        "ENCODING": making.encoding,
        "LOCALE_PROVIDER": provider,
        "LC_COLLATE": making.collate,
        "LC_CTYPE": making.ctype,
        "ICU_LOCALE": making.locale if making.provider == ICU else None,
        "ICU_RULES": making.rules if making.provider == ICU else None,
        "BUILTIN_LOCALE": making.locale if making.provider == BUILTIN else None,
    }
    parts: list[sql.Composable] = [
        sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql_identifier(name))
    ]
    parts += [
        sql.SQL(word + " {}").format(sql.Literal(text)) for word, text in texts.items() if text is not None
    ]
    for option, value in (("TABLESPACE", making.tablespace), ("OWNER", making.owner)):
        if value is not None:
            parts.append(sql.SQL(option + " {}").format(sql_identifier(value)))
    return sql.SQL(" ").join(parts)
