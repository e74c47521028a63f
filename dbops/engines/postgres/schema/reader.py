"""Reads the schema of a database as data, in one query: each object by its name, with its definition."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.postgres.pinned import pin_transaction
from dbops.engines.postgres.schema import others, properties, relations
from dbops.engines.schema import Schema

if TYPE_CHECKING:
    import psycopg

_FORM = 2
"""How definitions are spelled here.  Another number: what was stored before cannot be compared."""

# What the server made itself is numbered below 16384.
_COMMON: LiteralString = """
of_extension as materialized (select classid, objid from pg_depend where deptype = 'e'),
own_schema as materialized (
    select * from pg_namespace as n where (n.oid >= 16384 or n.nspname = 'public') and n.nspname !~ '^pg_'
        and not exists (select from of_extension as e where e.classid = 'pg_namespace'::regclass and e.objid = n.oid)),
left_out as materialized (
    select oid from pg_class where oid = any(%(left_out)s::text[]::regclass[])
    union all select objid from pg_depend where classid = 'pg_class'::regclass and deptype in ('a', 'i')
        and refclassid = 'pg_class'::regclass and refobjid = any(%(left_out)s::text[]::regclass[])),
relation as materialized (
    select c.* from pg_class as c
    where c.relnamespace in (select oid from own_schema) and c.oid not in (select oid from left_out)
        and not exists (select from of_extension as e where e.classid = 'pg_class'::regclass and e.objid = c.oid)),
own_type as materialized (
    select t.* from pg_type as t
    where t.typnamespace in (select oid from own_schema) and t.typtype not in ('c', 'm')
        and not exists (select from pg_type as element where element.typarray = t.oid)),
own_family as materialized (
    select * from pg_opfamily as f where f.opfnamespace in (select oid from own_schema)
        and not exists (select from of_extension as e where e.classid = 'pg_opfamily'::regclass and e.objid = f.oid))
"""


def read(connection: psycopg.Connection[Any], left_out: Collection[str]) -> Schema:
    """All objects that are no extension's and not dbops' own, as `Schema`.

    In a transaction of its own; what the session has set does not count.

    :param left_out: the tables that hold dbops' records, qualified and quoted; those that are there.
    """
    with connection.transaction():
        pin_transaction(connection)
        query = _query(connection.info.server_version)
        rows = connection.execute(query, {"left_out": list(left_out)}).fetchall()
    return Schema(dict(sorted(rows)), f"PostgreSQL {connection.info.server_version // 10000}, {_FORM}")


def over_common(*tables_and_query: LiteralString) -> LiteralString:
    """A query that reads the common tables, with nothing left out; it has no parameters."""
    return "with " + ",\n".join([_COMMON.replace("%(left_out)s", "'{}'"), *tables_and_query])


def _query(version: int) -> LiteralString:
    """One query of all: one round trip, one snapshot."""
    objects = [
        f"select ''::text as prefix, * from ({query}) as object(classid, objid, subid, definition)"  # noqa: S608  # our own words
        for query in (*relations.QUERIES, *others.QUERIES, *([others.SINCE_15] if version >= 150000 else []))
    ]
    every = "\nunion all\n".join([*objects, *properties.QUERIES]).replace(
        "%", "%%"
    )  # format('%s') is the server's
    common = ",\n".join([_COMMON, *properties.TABLES])
    return f"""
        with {common}, every(prefix, classid, objid, subid, definition) as ({every})
        select prefix || named.type || ' ' || named.identity, coalesce(definition, '')
        from every cross join lateral pg_identify_object(classid, objid, subid) as named
        where named.identity is not null -- dropped just now
            and coalesce(named.schema, '') !~ '^pg_(temp|toast)' and not exists (
            select from of_extension as e where e.classid = every.classid and e.objid = every.objid)
    """  # noqa: S608  # our own words
