"""Which relations of a database a dump holds, and which of them this role may not read."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.contents import Name
from dbops.errors import DbopsError

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

TABLE, PARTITIONED, MATERIALIZED, FOREIGN, SEQUENCE = "r", "p", "m", "f", "S"
_NAMED_IN_ERRORS = 10

# Members of an extension come with the extension, but for those whose rows its script declared as configuration.
# `locked` is asked of this very session; sizes only then, since pg_table_size would wait for the lock.
_LIST = """
select c.oid, n.nspname, c.relname, c.relkind::text, c.relispopulated,
    coalesce(config.condition, ''), coalesce(owner.refobjid, 0), held.relation is not null,
    case when held.relation is not null then pg_catalog.pg_table_size(c.oid) else 0 end,
    c.relkind = 'f' or (pg_catalog.has_schema_privilege(n.oid, 'USAGE') and case c.relkind
        when 'S' then pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
        else pg_catalog.has_table_privilege(c.oid, 'SELECT') end) is not false,
    case when c.relrowsecurity then pg_catalog.row_security_active(c.oid) else false end
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_depend as member on member.classid = 'pg_catalog.pg_class'::regclass
    and member.objid = c.oid and member.objsubid = 0 and member.deptype = 'e'
left join lateral (
    select x.extcondition[i] as condition
    from pg_catalog.pg_extension as x, pg_catalog.generate_subscripts(x.extconfig, 1) as i
    where x.oid = member.refobjid and x.extconfig[i] = c.oid
) as config on true
left join pg_catalog.pg_depend as owner on c.relkind = 'S' and owner.classid = 'pg_catalog.pg_class'::regclass
    and owner.objid = c.oid and owner.refclassid = 'pg_catalog.pg_class'::regclass
    and owner.deptype in ('a', 'i')
left join (
    select distinct relation from pg_catalog.pg_locks
    where pid = pg_catalog.pg_backend_pid() and locktype = 'relation' and granted
        and database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
) as held on held.relation = c.oid
where c.relkind in ('r', 'p', 'm', 'f', 'S') and c.relpersistence <> 't'
    and not (c.relpersistence = 'u' and pg_catalog.pg_is_in_recovery())
    and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%%'
    and (member.objid is null or config.condition is not null)
order by n.nspname, c.relname
"""

# In one statement, the list is what the exported snapshot shows.
_EXPORT = """
with exported as materialized (select pg_catalog.pg_export_snapshot() as id)
select exported.id, listed.* from exported left join ({listing}) as listed on true
"""


@dataclasses.dataclass(frozen=True)
class TableInfo:
    """A relation that a dump holds.

    :param kind: its `relkind`: r, p, m, f or S.
    :param populated: for a materialized view: whether it has been filled.
    :param condition: for a configuration table of an extension: the WHERE of the rows that a dump holds, or empty.
    :param owner: for a sequence: the oid of the table whose column owns it, or 0.
    :param locked: whether the session that listed it holds a lock on it.
    :param bytes: its size with TOAST, known once it is locked.
    """

    oid: int
    schema: str
    name: str
    kind: str
    populated: bool
    condition: str
    owner: int
    locked: bool
    bytes: int
    readable: bool
    hides_rows: bool

    @property
    def key(self) -> Name:
        return self.schema, self.name

    @property
    def label(self) -> str:
        """`schema.name`, for people."""
        return f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        from psycopg import sql

        return sql.Identifier(self.schema, self.name)


def listed(
    connection: psycopg.Connection[Any], only: Collection[Name] | None = None
) -> tuple[TableInfo, ...]:
    """The relations that this session sees now (or in its snapshot); of `only`, these and the sequences they own."""
    rows = connection.execute(_LIST, []).fetchall()
    return _selected((TableInfo(*row) for row in rows), only)


def listed_and_exported(
    connection: psycopg.Connection[Any], only: Collection[Name] | None = None
) -> tuple[str, tuple[TableInfo, ...]]:
    """Export a snapshot; returns its id, and the relations that it shows."""
    from psycopg import sql

    query = sql.SQL(_EXPORT).format(listing=sql.SQL(_LIST))
    rows = connection.execute(query, []).fetchall()
    infos = (TableInfo(*row[1:]) for row in rows if row[1] is not None)
    return str(rows[0][0]), _selected(infos, only)


def _selected(infos: Iterable[TableInfo], only: Collection[Name] | None) -> tuple[TableInfo, ...]:
    found = tuple(infos)
    if only is None:
        return found
    wanted = frozenset(only)
    tables = {info.oid for info in found if info.key in wanted}
    return tuple(info for info in found if info.oid in tables or info.owner in tables)


def check_readable(connection: psycopg.Connection[Any], infos: Sequence[TableInfo]) -> None:
    """A dump must see every row.

    :raises DbopsError: naming what this role may not read, or what row security hides from it, with the remedy.
    """
    row = connection.execute("select current_user, pg_catalog.quote_ident(current_user)").fetchone()
    role, quoted = row or (connection.info.user, connection.info.user)
    if closed := [info.label for info in infos if not info.readable]:
        raise DbopsError(
            f"role {role} may not read {_named(closed)}",
            hint=f"a superuser runs: GRANT pg_read_all_data TO {quoted}",
        )
    if hidden := [info.label for info in infos if info.hides_rows]:
        raise DbopsError(
            f"row security hides rows from role {role} in {_named(hidden)}",
            hint=f"a superuser runs: ALTER ROLE {quoted} BYPASSRLS",
        )


def _named(labels: Sequence[str]) -> str:
    text = ", ".join(labels[:_NAMED_IN_ERRORS])
    more = len(labels) - _NAMED_IN_ERRORS
    return f"{text} and {more} more" if more > 0 else text
