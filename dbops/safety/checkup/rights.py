"""What the role would need for a migration and does not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.effects.model import LockMode
from dbops.engines.postgres.effects.pending import created
from dbops.safety.checkup.model import Finding, Level
from dbops.safety.risk import Judged

if TYPE_CHECKING:
    import psycopg

# Who refers to a table need not own it.
_NOT_OWNED = """
select c.oid::regclass::text, pg_catalog.pg_get_userbyid(c.relowner)::text from pg_catalog.pg_class as c
where c.oid = any(%s::regclass[]::oid[]) and not pg_catalog.pg_has_role(c.relowner, 'USAGE')
    and not (c.oid = any(%s::regclass[]::oid[]) and pg_catalog.has_table_privilege(c.oid, 'REFERENCES'))
"""
_NOT_WRITABLE = """
select c.oid::regclass::text, pg_catalog.pg_get_userbyid(c.relowner)::text from pg_catalog.pg_class as c
where c.oid = any(%s::regclass[]::oid[]) and not pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE')
    and not pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE')
"""
_NO_ROOM = """
select name, pg_catalog.pg_get_userbyid(n.nspowner)::text from unnest(%s::text[]) as name
join pg_catalog.pg_namespace as n on n.nspname = name
where not pg_catalog.has_schema_privilege(n.oid, 'CREATE')
"""


def look(
    connection: psycopg.Connection[Any], touched: Sequence[Judged], statements: Iterable[str]
) -> Iterator[Finding]:
    """To alter and to write the tables that are there, and to make new ones.

    :param statements: those of the migration, as text.
    """
    yield from _privileges(connection, touched)
    yield from _schemas(connection, statements)


def _privileges(connection: psycopg.Connection[Any], touched: Sequence[Judged]) -> Iterator[Finding]:
    altered = [one for one in touched if one.effect.mode >= LockMode.SHARE_UPDATE_EXCLUSIVE]
    referred = [
        one for one in altered if one.effect.mode is LockMode.SHARE_ROW_EXCLUSIVE and not one.effect.advice
    ]
    for table, owner in connection.execute(_NOT_OWNED, [_names(altered), _names(referred)]).fetchall():
        yield Finding(
            "not-owner",
            Level.PROBLEM,
            table,
            f"belongs to {owner}, whose rights this role does not have",
            "",
            f"migrate as {owner}, or GRANT {owner} TO this role",
        )
    written = [one for one in touched if one.effect.mode is LockMode.ROW_EXCLUSIVE]
    for table, owner in connection.execute(_NOT_WRITABLE, [_names(written)]).fetchall():
        said = f"belongs to {owner}, and this role may not write to it"
        mend = f"GRANT INSERT, UPDATE, DELETE ON {table} TO this role"
        yield Finding("not-allowed", Level.PROBLEM, table, said, "", mend)


def _schemas(connection: psycopg.Connection[Any], statements: Iterable[str]) -> Iterator[Finding]:
    """Where this role may not make what the statements make; a schema that comes with them is its own."""
    names = {name.schema for text in statements for name in created(text)}
    if None in names:
        names.add(connection.execute("select current_schema()::text").fetchone()[0])  # type: ignore[index]  # one row
    for schema, owner in connection.execute(_NO_ROOM, [[name for name in names if name]]).fetchall():
        said = f"belongs to {owner}, and this role may make nothing in it"
        yield Finding(
            "not-allowed",
            Level.PROBLEM,
            f"schema {schema}",
            said,
            "",
            f"GRANT CREATE ON SCHEMA {schema} TO this role",
        )


def _names(touched: Iterable[Judged]) -> list[str]:
    return sorted({quoted_name(one) for one in touched})


def quoted_name(one: Judged) -> str:
    """The relation as SQL spells it."""
    assert one.live is not None  # only what is there is looked at
    schema, name = (part.replace('"', '""') for part in (one.live.name.schema or "", one.live.name.name))
    return f'"{schema}"."{name}"'
