"""What could be taken away while tables are filled: their indexes, keys and foreign keys, read from the catalog.

Each with all that makes it again exactly as it was, or with the reason why it has to stay: because that is not
possible, because something depends on it, or because another role or an extension owns it.  A foreign key that is not
valid would come back without a look at the new rows, and an index that calls a user's function is built under another
search_path (since 17) than rows are inserted under: both stay.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import TableName

if TYPE_CHECKING:
    import psycopg

# Partitions belong to their table; the children of plain inheritance are tables of their own.
_FILLED = """
with recursive filled (oid, root) as (
    select c.oid, c.oid from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join unnest(%(schemas)s::text[], %(names)s::text[]) as given(schema, name)
        on given.schema = n.nspname and given.name = c.relname
    union
    select i.inhrelid, filled.root from filled join pg_catalog.pg_inherits as i on i.inhparent = filled.oid
    join pg_catalog.pg_class as c on c.oid = i.inhrelid and c.relispartition
)"""

# The statistics do not know yet that this transaction has emptied a table; its file does.
_ROWS = """(select coalesce(sum(case when pg_catalog.pg_relation_size(part.oid) > 0
        then greatest(part.reltuples, pg_catalog.pg_stat_get_live_tuples(part.oid), 0) end), 0)::bigint
    from pg_catalog.pg_class as part where part.oid = {oid}
        or part.oid in (select relid from pg_catalog.pg_partition_tree({oid}) where isleaf))"""

_OF_EXTENSION = """exists (select from pg_catalog.pg_depend as d where d.deptype in ('e', 'x')
        and (d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid
            or d.classid = '{catalog}'::regclass and d.objid = {oid}))"""

# Not what is a part of it: internal, or its counterpart in a partition.  Foreign keys on an index are told apart.
_NEEDED = """exists (select from pg_catalog.pg_depend as d
        where d.refclassid = '{catalog}'::regclass and d.refobjid = {oid} and d.deptype not in ('i', 'P', 'S')
        and not d.objid = any(needed.foreign_keys))"""

_FOREIGN_KEYS = f"""{_FILLED}, parts (root, oid) as (
    select con.oid, con.oid from pg_catalog.pg_constraint as con
    where con.contype = 'f' and con.conparentid = 0 and con.conrelid in (select oid from filled)
    union all
    select parts.root, con.oid from parts join pg_catalog.pg_constraint as con on con.conparentid = parts.oid
)
select n.nspname, c.relname, con.conname, pg_catalog.pg_get_constraintdef(con.oid),
    pg_catalog.obj_description(con.oid, 'pg_constraint'), array[rn.nspname, r.relname]::text[],
    array(select parts.oid from parts where parts.root = con.oid)::bigint[],
    array[root_schema.nspname, root.relname]::text[], {_ROWS.format(oid="filled.root")}, {_ROWS.format(oid="con.confrelid")},
    case when not con.convalidated then 'it is not valid'
    when not pg_catalog.pg_has_role(c.relowner, 'USAGE') or not pg_catalog.pg_has_role(r.relowner, 'USAGE')
        then 'another role owns one of its tables'
    when {_OF_EXTENSION.format(catalog="pg_catalog.pg_constraint", oid="con.oid")} then 'it belongs to an extension'
    when exists (select from parts join pg_catalog.pg_trigger as t on t.tgconstraint = parts.oid
        where parts.root = con.oid and t.tgenabled <> 'O') then 'its triggers are not enabled as usual'
    when exists (select from parts join pg_catalog.pg_constraint as part on part.oid = parts.oid
        where parts.root = con.oid and part.oid <> con.oid and (not part.convalidated
            or part.confrelid = con.confrelid and part.conname <> con.conname
            or pg_catalog.obj_description(part.oid, 'pg_constraint') is not null))
        then 'it differs between partitions'
    when {_NEEDED.format(catalog="pg_catalog.pg_constraint", oid="con.oid")} then 'something depends on it' end
from pg_catalog.pg_constraint as con
join filled on filled.oid = con.conrelid
join pg_catalog.pg_class as root on root.oid = filled.root
join pg_catalog.pg_namespace as root_schema on root_schema.oid = root.relnamespace
join pg_catalog.pg_class as c on c.oid = con.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_class as r on r.oid = con.confrelid
join pg_catalog.pg_namespace as rn on rn.oid = r.relnamespace
cross join (select '{{}}'::oid[] as foreign_keys) as needed
where con.oid in (select root from parts)
order by n.nspname, c.relname, con.conname
"""  # noqa: S608  # texts of this file

_INDEXES = f"""{_FILLED}
select n.nspname, c.relname, i.relname, pg_catalog.pg_get_indexdef(x.indexrelid),
    pg_catalog.obj_description(x.indexrelid, 'pg_class'), coalesce(space.spcname, ''),
    x.indexrelid::bigint, parent.inhparent::bigint, x.indisclustered, x.indisreplident,
    con.contype::text, coalesce(con.condeferrable, false), coalesce(con.condeferred, false),
    pg_catalog.obj_description(con.oid, 'pg_constraint'),
    array(select array[a.attnum, a.attstattarget]::int[] from pg_catalog.pg_attribute as a
        where a.attrelid = i.oid and a.attstattarget >= 0 order by a.attnum),
    needed.foreign_keys::bigint[], array[root_schema.nspname, root.relname]::text[], {_ROWS.format(oid="filled.root")},
    case when not (x.indisvalid and x.indisready and x.indislive) then 'it is not valid'
    when not pg_catalog.pg_has_role(c.relowner, 'USAGE') then 'another role owns its table'
    when not pg_catalog.has_schema_privilege(n.oid, 'CREATE') then 'nothing may be created in its schema'
    when space.oid is not null and not pg_catalog.has_tablespace_privilege(space.oid, 'CREATE')
        then 'nothing may be created in its tablespace'
    when con.oid is not null and (con.contype = 'x' or method.amname <> 'btree') then 'it excludes overlaps'
    when con.oid is not null and (i.relkind = 'I' or i.relispartition) then 'it is the key of a partitioned table'
    when {_OF_EXTENSION.format(catalog="pg_catalog.pg_class", oid="i.oid")} then 'it belongs to an extension'
    when exists (select from pg_catalog.pg_depend as d where d.classid = 'pg_catalog.pg_class'::regclass
        and d.objid = i.oid
        and d.refclassid in ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass))
        then 'it calls functions'
    when exists (select from pg_catalog.pg_attribute as a where a.attrelid = i.oid and a.attoptions is not null)
        then 'a column of it has options'
    when {_NEEDED.format(catalog="pg_catalog.pg_class", oid="i.oid")}
        or {_NEEDED.format(catalog="pg_catalog.pg_constraint", oid="con.oid")} then 'something depends on it' end
from pg_catalog.pg_index as x
join filled on filled.oid = x.indrelid
join pg_catalog.pg_class as root on root.oid = filled.root
join pg_catalog.pg_namespace as root_schema on root_schema.oid = root.relnamespace
join pg_catalog.pg_class as i on i.oid = x.indexrelid
join pg_catalog.pg_am as method on method.oid = i.relam
join pg_catalog.pg_class as c on c.oid = x.indrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_inherits as parent on parent.inhrelid = x.indexrelid
left join pg_catalog.pg_tablespace as space on space.oid = i.reltablespace
left join pg_catalog.pg_constraint as con on con.conindid = x.indexrelid and con.contype in ('p', 'u', 'x')
cross join lateral (select array(
    select d.objid from pg_catalog.pg_depend as d join pg_catalog.pg_constraint as fk on fk.oid = d.objid
    where d.classid = 'pg_catalog.pg_constraint'::regclass and d.refclassid = 'pg_catalog.pg_class'::regclass
        and d.refobjid = x.indexrelid and fk.contype = 'f') as foreign_keys) as needed
order by n.nspname, c.relname, i.relname
"""  # noqa: S608  # texts of this file


@dataclasses.dataclass(frozen=True)
class _Removable:
    schema: str
    table: str
    name: str
    definition: str
    comment: str | None

    @property
    def label(self) -> str:
        return f"{self.name} of {self.schema}.{self.table}"


@dataclasses.dataclass(frozen=True)
class ForeignKey(_Removable):
    """A foreign key of a table that is filled, or of a partition of it.

    :param referenced: schema and name of the other table.
    :param parts: the oids of its entry in the catalog and of those below it.
    :param root: the table that is filled.
    :param rows: that `root` holds, and `referenced_rows` the other table; estimates.
    :param stays: why it cannot be taken away; None where it can.
    """

    referenced: TableName
    parts: tuple[int, ...]
    root: TableName
    rows: int
    referenced_rows: int
    stays: str | None


@dataclasses.dataclass(frozen=True)
class Index(_Removable):
    """An index of a table that is filled, or of a partition of it; with its constraint where it is of one.

    :param parent: the oid of the index of the partitioned table that it is a part of.
    :param tablespace: its name; empty for the database's own.
    :param targets: columns by number with their statistics targets.
    :param constraint: `p` or `u` where it is that of a primary key or a unique constraint.
    :param needed_by: oids of the foreign keys that stand on it.
    :param root: the table that is filled, which holds so many `rows` by an estimate.
    :param stays: why it cannot be taken away; None where it can.
    """

    tablespace: str
    oid: int
    parent: int | None
    clustered: bool
    replica_identity: bool
    constraint: str | None
    deferrable: bool
    deferred: bool
    constraint_comment: str | None
    targets: tuple[tuple[int, int], ...]
    needed_by: tuple[int, ...]
    root: TableName
    rows: int
    stays: str | None


def foreign_keys(connection: psycopg.Connection[Any], tables: Collection[TableName]) -> list[ForeignKey]:
    """All of these tables and their partitions; names in definitions as the session's search_path needs them."""
    return [ForeignKey(*map(_frozen, row)) for row in _read(connection, _FOREIGN_KEYS, tables)]


def indexes(connection: psycopg.Connection[Any], tables: Collection[TableName]) -> list[Index]:
    """All of these tables and their partitions; names in definitions as the session's search_path needs them."""
    return [Index(*map(_frozen, row)) for row in _read(connection, _INDEXES, tables)]


def _read(
    connection: psycopg.Connection[Any], query: str, tables: Collection[TableName]
) -> list[tuple[Any, ...]]:
    given = {"schemas": [schema for schema, _ in tables], "names": [name for _, name in tables]}
    return connection.execute(query.encode(), given).fetchall()


def _frozen(value: Any) -> Any:
    """Arrays as tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
