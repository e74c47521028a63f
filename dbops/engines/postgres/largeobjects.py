"""Large objects of a database, hashed without reading their table, which only superusers may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.contents import LargeObjects
from dbops.errors import DbopsError

if TYPE_CHECKING:
    import psycopg

CHUNK = 262144
_AT_ONCE = 10_000  # objects
_CHUNKS_AT_ONCE = 16  # of each object that goes on

_READABLE = """
select oid::bigint from pg_catalog.pg_largeobject_metadata as lo
where not (select rolsuper from pg_catalog.pg_roles where rolname = current_user)
    and pg_catalog.current_setting('lo_compat_privileges') = 'off'
    and not pg_catalog.pg_has_role(current_user, lo.lomowner, 'USAGE')
    and not exists (
        select from pg_catalog.aclexplode(lo.lomacl) as acl
        where acl.privilege_type = 'SELECT'
            and (acl.grantee = 0 or pg_catalog.pg_has_role(current_user, acl.grantee, 'USAGE')))
order by oid limit 1
"""

# Each object's first chunk, empty ones too: so its number is part of the sum.
_FIRST = """
select count(*), coalesce(sum(hash_record_extended(row(int8send(hash_record_extended(
        row(oid, int8send(0), chunk), 0))), 0)), 0)::text,
    max(oid)::bigint, coalesce(array_agg(oid::bigint) filter (where length(chunk) = %(chunk)s), '{}')
from (
    select oid, lo_get(oid, 0, %(chunk)s) as chunk
    from (
        select oid from pg_catalog.pg_largeobject_metadata
        where oid > %(last)s::bigint::oid order by oid limit %(objects)s
    ) as batch
    offset 0
) as chunks
"""

# The holes of a sparse object read as zeros, which is what its restored copy holds.
_NEXT = """
select coalesce(sum(hash_record_extended(row(int8send(hash_record_extended(
        row(oid, int8send(number), chunk), 0))), 0)) filter (where length(chunk) > 0), 0)::text,
    coalesce(array_agg(oid::bigint) filter (
        where number = %(last)s::bigint and length(chunk) = %(chunk)s), '{}')
from (
    select oid, number, lo_get(oid, number * %(chunk)s, %(chunk)s) as chunk
    from unnest(%(oids)s::bigint[]::oid[]) as oid, generate_series(%(first)s::bigint, %(last)s::bigint) as number
    offset 0
) as chunks
"""


def count(connection: psycopg.Connection[Any]) -> int:
    """How many there are."""
    row = connection.execute("select count(*) from pg_catalog.pg_largeobject_metadata").fetchone()
    return int(row[0]) if row else 0


def check_readable(connection: psycopg.Connection[Any]) -> None:
    """A dump must read every one.

    :raises DbopsError: naming the first that this role may not read.
    """
    row = connection.execute(_READABLE).fetchone()
    if row is not None:
        who = connection.execute("select quote_ident(current_user)").fetchone()
        role = who[0] if who else ""
        raise DbopsError(
            f"role {role} may not read large object {row[0]}",
            hint=f"its owner or a superuser runs: GRANT SELECT ON LARGE OBJECT {row[0]} TO {role}",
        )


def fingerprint(connection: psycopg.Connection[Any]) -> LargeObjects:
    """Hash all of them in the connection's snapshot, so many at a time, each in chunks: memory stays bounded."""
    counted, total, last = 0, 0, 0
    while True:
        bounds = {"last": last, "chunk": CHUNK, "objects": _AT_ONCE}
        row = connection.execute(_FIRST, bounds).fetchone()
        if row is None or row[0] == 0:
            return LargeObjects(counted, str(total))
        found, first_sum, last, going_on = row
        counted += found
        total += int(first_sum) + _rest(connection, going_on)


def _rest(connection: psycopg.Connection[Any], oids: Sequence[int]) -> int:
    """The sum over all chunks but the first of these objects."""
    total, first = 0, 1
    while oids:
        bounds = {"first": first, "last": first + _CHUNKS_AT_ONCE - 1, "chunk": CHUNK, "oids": list(oids)}
        row = connection.execute(_NEXT, bounds).fetchone()
        assert row is not None
        total += int(row[0])
        oids = row[1]
        first += _CHUNKS_AT_ONCE
    return total
