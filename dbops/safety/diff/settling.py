"""Conditions are spelled as the server spells them when it reads its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    import psycopg

# Most say the same then; `s IN ('a', 'b')` of a varchar does not, and could never be reached by a statement.
# One with a comment stays as it is, so that the comment does.
_CONDITIONS: LiteralString = """
select pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I %s', k.conrelid::pg_catalog.regclass,
    k.conname, k.conname, pg_catalog.pg_get_constraintdef(k.oid))
from pg_catalog.pg_constraint as k join pg_catalog.pg_class as c on c.oid = k.conrelid
where k.contype = 'c' and k.conislocal and k.coninhcount = 0 and k.oid >= 16384 and c.relkind in ('r', 'p')
    and pg_catalog.pg_get_constraintdef(k.oid) like '%::text = ANY %'
    and not exists (select from pg_catalog.pg_description as d
        where d.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and d.objoid = k.oid)
    and not exists (select from pg_catalog.pg_depend as e
        where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and e.objid = c.oid and e.deptype = 'e')
"""


def settle(connection: psycopg.Connection[Any]) -> None:
    """Make the conditions of a copy anew, those that would be spelled in another way: they mean the same."""
    with connection.transaction():
        for (statement,) in connection.execute(_CONDITIONS).fetchall():
            connection.execute(statement.encode())
