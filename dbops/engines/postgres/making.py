"""How a database is made: what can only be chosen when it is, read from one that is there, and the statement."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.databases import sql_identifier
from dbops.events import Listener, Warned

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


def statement(name: str, making: Making) -> sql.Composed:
    """CREATE DATABASE from template0."""
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


def anywhere(create: Callable[[Making], object], wanted: Making, listen: Listener) -> None:
    """Make a database on a server that may not have the locale: then with the server's own, which is told.

    :param create: makes it in the way that it is given.
    :raises psycopg.Error: the server refuses for another reason.
    """
    from psycopg import errors

    try:
        create(wanted)
    except (errors.InvalidParameterValue, errors.WrongObjectType, errors.FeatureNotSupported) as error:
        create(Making(encoding=wanted.encoding))
        listen(
            Warned(f"the server's own locale is used: {error.diag.message_primary}; texts may sort otherwise")
        )
