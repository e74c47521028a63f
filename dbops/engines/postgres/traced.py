"""What a trace tells of relations, and the queries for it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from dbops.engines.postgres.effects.model import LockMode

if TYPE_CHECKING:
    import psycopg

# What a server made itself is numbered below 16384: the system catalogs.
OWN_LOCKS = """
select l.relation::bigint, l.mode, n.nspname::text, c.relname::text, c.relkind::text, c.relfilenode::bigint
from pg_catalog.pg_locks as l
left join pg_catalog.pg_class as c on c.oid = l.relation
left join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where l.locktype = 'relation' and l.granted and l.relation >= 16384 and l.pid = pg_catalog.pg_backend_pid()
"""
RELATIONS = """
select c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, c.relfilenode::bigint
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace where c.oid >= 16384
"""
LEFT_OUT = """
with own as (select pg_catalog.to_regclass(name) as oid from unnest(%s::text[]) as name)
select oid::bigint from own where oid is not null
union all select indexrelid::bigint from pg_catalog.pg_index where indrelid in (select oid from own)
union all select objid::bigint from pg_catalog.pg_depend
    where classid = 'pg_catalog.pg_class'::regclass and refobjid in (select oid from own)
"""
_INVALID = """
select 'index ' || n.nspname || '.' || c.relname
from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not i.indisvalid and i.indexrelid >= 16384 order by 1
"""
KINDS = {
    "r": "table",
    "p": "partitioned table",
    "m": "materialized view",
    "v": "view",
    "i": "index",
    "I": "partitioned index",
    "S": "sequence",
    "f": "foreign table",
}
MODES = {mode.in_catalog: mode for mode in LockMode}


class Relation(NamedTuple):
    """A relation in the catalog; `kind` is its letter, `file` changes when it is written anew."""

    schema: str
    name: str
    kind: str
    file: int


@dataclasses.dataclass
class Lock:
    """A lock that a statement took; the times are those of the watcher's clock.

    :param new: the relation was not there when the watching began.
    """

    relation: str
    kind: str
    mode: LockMode
    began: float
    ended: float
    sampled: bool
    new: bool


@dataclasses.dataclass
class Seen:
    """A statement as it ran; what it did is known where it succeeded.

    :param of: which migration it belongs to, "002 price".
    :param line: of the migration's code that sent it; None for a statement of a file.
    """

    of: str
    text: str
    in_transaction: bool
    line: int | None = None
    began: float = 0.0
    seconds: float = 0.0
    locks: list[Lock] = dataclasses.field(default_factory=list)
    rewritten: tuple[str, ...] = ()
    built: tuple[str, ...] = ()


def invalid(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """The indexes that are not valid, "index public.orders_note"."""
    return tuple(name for (name,) in connection.execute(_INVALID))
