"""Reading a database's schema out of PostgreSQL's catalog.

Sources: the manual's chapter on system catalogs (pg_class, pg_attribute, pg_type, pg_index, pg_constraint,
pg_partitioned_table, pg_trigger).  Columns that only newer versions have are read through `to_jsonb`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import (
    TRACKING,
    Catalog,
    Check,
    Column,
    DataType,
    Exclusion,
    ForeignKey,
    Identity,
    Key,
    Partitioning,
    Table,
    TableName,
    Trigger,
    TypeKind,
    named,
)

if TYPE_CHECKING:
    import psycopg

_TABLES = """
select c.oid::bigint, n.nspname::text, c.relname::text, c.relkind::text, c.relispartition, c.reltuples::bigint,
    pg_catalog.has_schema_privilege(n.oid, 'USAGE') and pg_catalog.has_table_privilege(c.oid, 'INSERT'),
    pg_catalog.pg_has_role(c.relowner, 'USAGE'),
    pg_catalog.obj_description(c.oid, 'pg_class'),
    p.partstrat::text, p.partattrs::int2[], pg_catalog.pg_get_partkeydef(c.oid)
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_partitioned_table as p on p.partrelid = c.oid
where c.relkind in ('r', 'p') and c.relpersistence <> 't'
    and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%%'
    and c.relname <> all (%(tracking)s)
    and not exists (select from pg_catalog.pg_depend as d where d.classid = 'pg_catalog.pg_class'::regclass
        and d.objid = c.oid and d.objsubid = 0 and d.deptype = 'e')
order by n.nspname, c.relname
"""

_COLUMNS = """
select a.attrelid::bigint, a.attnum, a.attname::text, a.atttypid::bigint, a.atttypmod, a.attnotnull,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text, a.attidentity::text,
    s.schema, s.name, pg_catalog.col_description(a.attrelid, a.attnum)
from pg_catalog.pg_attribute as a
left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
left join lateral (
    select n.nspname::text as schema, c.relname::text as name
    from pg_catalog.pg_depend as o
    join pg_catalog.pg_class as c on c.oid = o.objid and c.relkind = 'S'
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where o.classid = 'pg_catalog.pg_class'::regclass and o.refclassid = 'pg_catalog.pg_class'::regclass
        and o.refobjid = a.attrelid and o.refobjsubid = a.attnum and o.deptype in ('a', 'i')
    limit 1
) as s on true
where a.attrelid = any (%(tables)s) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
"""

# A type and what it is made of, to the bottom; the modifier of a domain's base and of a field come with them.
_TYPES = """
with recursive used(oid, typmod) as (
    select atttypid, atttypmod from pg_catalog.pg_attribute
    where attrelid = any (%(tables)s) and attnum > 0 and not attisdropped
    union
    select part.oid, part.typmod
    from used
    join pg_catalog.pg_type as t on t.oid = used.oid
    left join pg_catalog.pg_range as r on t.oid in (r.rngtypid, r.rngmultitypid)
    cross join lateral (
        select t.typbasetype, t.typtypmod where t.typtype = 'd'
        union all select t.typelem, used.typmod where t.typcategory = 'A' and t.typelem <> 0
        union all select r.rngsubtype, -1 where t.typtype = 'r'
        union all select r.rngtypid, -1 where t.typtype = 'm'
        union all select f.atttypid, f.atttypmod from pg_catalog.pg_attribute as f
            where t.typtype = 'c' and f.attrelid = t.typrelid and f.attnum > 0 and not f.attisdropped
    ) as part(oid, typmod)
)
select used.oid::bigint, used.typmod, n.nspname::text, t.typname::text,
    pg_catalog.format_type(used.oid, used.typmod), t.typtype::text, t.typcategory = 'A' and t.typelem <> 0,
    case t.typtype when 'd' then t.typbasetype when 'r' then r.rngsubtype when 'm' then r.rngtypid
        else t.typelem end::bigint,
    case when t.typtype = 'd' then t.typtypmod when t.typtype in ('r', 'm') then -1 else used.typmod end,
    (select pg_catalog.array_agg(e.enumlabel::text order by e.enumsortorder)
        from pg_catalog.pg_enum as e where e.enumtypid = t.oid),
    (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(f.attname, f.atttypid::bigint, f.atttypmod)
        order by f.attnum) from pg_catalog.pg_attribute as f
        where t.typtype = 'c' and f.attrelid = t.typrelid and f.attnum > 0 and not f.attisdropped),
    (select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(c.conname, pg_catalog.pg_get_expr(c.conbin, 0))
        order by c.conname) from pg_catalog.pg_constraint as c where c.contypid = t.oid and c.contype = 'c'),
    t.typnotnull, pg_catalog.pg_get_expr(t.typdefaultbin, 0)
from used
join pg_catalog.pg_type as t on t.oid = used.oid
join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
left join pg_catalog.pg_range as r on t.oid in (r.rngtypid, r.rngmultitypid)
"""

_KEYS = """
select i.indrelid::bigint, c.relname::text, i.indkey::int2[], i.indnkeyatts,
    array(select pg_catalog.pg_get_indexdef(i.indexrelid, k, true)
        from pg_catalog.generate_series(1, i.indnkeyatts) as k),
    i.indisprimary, pg_catalog.pg_get_expr(i.indpred, i.indrelid),
    coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
    coalesce(o.condeferrable, false), o.oid is not null
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
left join pg_catalog.pg_constraint as o on o.conindid = i.indexrelid and o.contype in ('p', 'u')
    and o.conrelid = i.indrelid
where i.indrelid = any (%(tables)s) and i.indisunique and not i.indisexclusion and i.indisvalid
order by i.indrelid, not i.indisprimary, c.relname
"""

_CONSTRAINTS = """
select c.conrelid::bigint, c.contype::text, c.conname::text, pg_catalog.pg_get_expr(c.conbin, c.conrelid),
    c.conkey, c.confrelid::bigint, c.confkey, c.condeferrable, c.confmatchtype::text, c.convalidated,
    array(select o.oprname::text from pg_catalog.unnest(c.conexclop) with ordinality as x(oid, at)
        join pg_catalog.pg_operator as o on o.oid = x.oid order by x.at),
    i.indkey::int2[], array(select pg_catalog.pg_get_indexdef(i.indexrelid, k, true)
        from pg_catalog.generate_series(1, i.indnkeyatts) as k),
    pg_catalog.pg_get_expr(i.indpred, i.indrelid),
    n.nspname::text, r.relname::text
from pg_catalog.pg_constraint as c
left join pg_catalog.pg_index as i on i.indexrelid = c.conindid and c.contype <> 'f' and i.indisexclusion
left join pg_catalog.pg_class as r on r.oid = c.confrelid
left join pg_catalog.pg_namespace as n on n.oid = r.relnamespace
where c.conrelid = any (%(tables)s) and c.contype in ('c', 'f', 'x', 'p', 'u') and c.conparentid = 0
    and (c.contype in ('c', 'f') or i.indexrelid is not null)
    and coalesce((pg_catalog.to_jsonb(c) ->> 'conenforced')::boolean, true)
order by c.conrelid, c.conname
"""

_LEAVES = """
with recursive below(root, oid) as (
    select oid, oid from pg_catalog.pg_class where oid = any (%(roots)s)
    union all
    select below.root, i.inhrelid from below join pg_catalog.pg_inherits as i on i.inhparent = below.oid
)
select below.root::bigint, n.nspname::text, c.relname::text, pg_catalog.pg_get_partition_constraintdef(c.oid)
from below
join pg_catalog.pg_class as c on c.oid = below.oid and c.relkind in ('r', 'f')
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
order by below.root, n.nspname, c.relname
"""

_TRIGGERS = """
select t.tgrelid::bigint, t.tgname::text, n.nspname::text, p.proname::text, t.tgtype & 1 > 0, t.tgtype & 2 > 0
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as p on p.oid = t.tgfoid
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where t.tgrelid = any (%(tables)s) and not t.tgisinternal and t.tgenabled in ('O', 'A') and t.tgtype & 4 > 0
order by t.tgrelid, t.tgname
"""

_REFERRED_TO = """
with recursive reached(oid) as (
    select unnest(%s::oid[])
    union
    select c.confrelid from reached join pg_catalog.pg_constraint as c on c.conrelid = reached.oid and c.contype = 'f'
)
select oid::bigint from reached
"""

_STRATEGIES = {"l": "list", "r": "range", "h": "hash"}
_HEADER = 4  # bytes of header that the modifier of a type with a length counts, too
_WITH_LENGTH = frozenset({"varchar", "bpchar"})
_BITS = frozenset({"bit", "varbit"})
_TIMES = frozenset({"time", "timetz", "timestamp", "timestamptz"})

_Types = Mapping[tuple[int, int], Sequence[Any]]


def read(
    connection: psycopg.Connection[Any],
    without: Collection[TableName] = (),
    only: Collection[str] | None = None,
) -> Catalog:
    """The schema as the connection's role sees it at this moment; reads only the catalog.

    :param without: tables to leave out besides those in which migration tools keep their records.
    :param only: tables, named as for `Catalog.find`, that are read alone, with all that they refer to.
    """
    listed = connection.execute(_TABLES, {"tracking": sorted(TRACKING)}).fetchall()
    rows = [row for row in listed if not row[4] and (row[1], row[2]) not in without]
    path = connection.execute("select pg_catalog.current_schemas(false)::text[]").fetchone()
    assert path is not None
    others: list[Sequence[Any]] = []
    if only is not None:
        there = {(row[1], row[2]): row[0] for row in rows}
        asked = {named(name, there, path[0]) for name in only}
        reached = connection.execute(_REFERRED_TO, [[there[table] for table in asked if table]]).fetchall()
        others = [row for row in rows if (row[0],) not in reached]
        rows = [row for row in rows if (row[0],) in reached]
    parts = _Parts(connection, [row[0] for row in rows], [row[0] for row in rows if row[3] == "p"])
    unread = frozenset((row[1], row[2]) for row in others)
    return Catalog(tuple(parts.table(row) for row in rows), tuple(path[0]), unread)


class _Parts:
    """What belongs to the tables, each kind read at once and grouped by table."""

    def __init__(
        self, connection: psycopg.Connection[Any], tables: Sequence[int], roots: Sequence[int]
    ) -> None:
        def grouped(query: str) -> Mapping[int, Sequence[Sequence[Any]]]:
            found: dict[int, list[Sequence[Any]]] = defaultdict(list)
            for row in connection.execute(query, {"tables": tables, "roots": roots}).fetchall():
                found[row[0]].append(row[1:])
            return found

        types = connection.execute(_TYPES, {"tables": tables}).fetchall()
        self._types: _Types = {(row[0], row[1]): row[2:] for row in types}
        self._columns = grouped(_COLUMNS)
        self._keys = grouped(_KEYS)
        self._constraints = grouped(_CONSTRAINTS)
        self._leaves = grouped(_LEAVES) if roots else {}
        self._triggers = grouped(_TRIGGERS)
        self._names = {
            oid: {column[0]: column[1] for column in columns} for oid, columns in self._columns.items()
        }
        self._referenced = self._read_referenced(connection)

    def _read_referenced(self, connection: psycopg.Connection[Any]) -> Mapping[int, Mapping[int, str]]:
        """Columns by number of tables that foreign keys refer to, also of those that are not listed."""
        asked = {row[4] for rows in self._constraints.values() for row in rows if row[0] == "f"}
        missing = sorted(asked - self._names.keys())
        found: dict[int, dict[int, str]] = {oid: dict(names) for oid, names in self._names.items()}
        if missing:
            for oid, number, name in connection.execute(
                "select attrelid::bigint, attnum, attname::text from pg_catalog.pg_attribute"
                " where attrelid = any (%s) and attnum > 0",
                [missing],
            ).fetchall():
                found.setdefault(oid, {})[number] = name
        return found

    def table(self, row: Sequence[Any]) -> Table:
        oid, schema, name, _, _, estimate, insertable, owned, comment, strategy, key, definition = row
        names = self._names.get(oid, {})
        constraints = self._constraints.get(oid, ())
        return Table(
            schema, name, oid,
            columns=tuple(self._column(column) for column in self._columns.get(oid, ())),
            keys=tuple(_key(one, names) for one in self._keys.get(oid, ())),
            foreign_keys=tuple(self._foreign_key(one, names) for one in constraints if one[0] == "f"),
            checks=tuple(Check(one[1], one[2]) for one in constraints if one[0] == "c"),
            exclusions=tuple(_exclusion(one, names) for one in constraints if one[0] in "xpu"),
            partitioning=None if strategy is None else Partitioning(
                _STRATEGIES[strategy], _columns_of(key, names), definition,
                tuple(((leaf[0], leaf[1]), leaf[2]) for leaf in self._leaves.get(oid, ())),
            ),
            triggers=tuple(Trigger(one[0], (one[1], one[2]), one[3], one[4]) for one in self._triggers.get(oid, ())),
            rows=estimate, insertable=insertable, owned=owned, comment=comment,
        )  # fmt: skip

    def _column(self, row: Sequence[Any]) -> Column:
        _, name, oid, typmod, not_null, expression, generated, identity, schema, sequence, comment = row
        return Column(
            name, self._type(oid, typmod), not_null,
            default=None if generated else expression,
            generated=expression if generated else None,
            identity=Identity(identity),
            sequence=None if sequence is None else (schema, sequence),
            comment=comment,
        )  # fmt: skip

    def _type(self, oid: int, typmod: int) -> DataType:
        (
            schema, name, text, code, is_array, part, part_typmod, labels, fields, checks, not_null, default,
        ) = self._types[oid, typmod]  # fmt: skip
        kinds = {"b": TypeKind.BASE, "e": TypeKind.ENUM, "d": TypeKind.DOMAIN, "c": TypeKind.COMPOSITE,
                 "r": TypeKind.RANGE, "m": TypeKind.MULTIRANGE, "p": TypeKind.BASE}  # fmt: skip
        kind = TypeKind.ARRAY if is_array and code == "b" else kinds[code]
        has_part = kind in {TypeKind.ARRAY, TypeKind.DOMAIN, TypeKind.RANGE, TypeKind.MULTIRANGE}
        length, precision, scale = _modifiers(name, typmod)
        return DataType(
            schema, name, text, kind, length, precision, scale,
            element=self._type(part, part_typmod) if has_part else None,
            labels=tuple(labels or ()),
            fields=tuple((one[0], self._type(one[1], one[2])) for one in fields or ()),
            checks=tuple(Check(*one) for one in checks or ()),
            not_null=not_null,
            default=default,
        )  # fmt: skip

    def _foreign_key(self, row: Sequence[Any], names: Mapping[int, str]) -> ForeignKey:
        _, name, _, own, table, others, deferrable, match, validated, *_, schema, relation = row
        referenced = self._referenced[table]
        return ForeignKey(
            name, tuple(names[number] for number in own), (schema, relation),
            tuple(referenced[number] for number in others), deferrable, match == "f", validated,
        )  # fmt: skip


def _key(row: Sequence[Any], names: Mapping[int, str]) -> Key:
    name, numbers, count, expressions, primary, predicate, nulls_equal, deferrable, constraint = row
    return Key(
        name, _columns_of(numbers[:count], names), tuple(expressions), primary, predicate, nulls_equal,
        deferrable, constraint,
    )  # fmt: skip


def _exclusion(row: Sequence[Any], names: Mapping[int, str]) -> Exclusion:
    _, name, *_, operators, numbers, expressions, predicate, _, _ = row
    columns = _columns_of(numbers[: len(operators)], names)
    return Exclusion(name, columns, tuple(expressions), tuple(operators), predicate)


def _columns_of(numbers: Iterable[int], names: Mapping[int, str]) -> tuple[str | None, ...]:
    """Columns by their numbers; 0 stands for an expression."""
    return tuple(names.get(number) for number in numbers)


def _modifiers(name: str, typmod: int) -> tuple[int | None, int | None, int | None]:
    """Length, precision and scale out of a type's modifier, as its typmodout function would print it."""
    if typmod < 0:
        return None, None, None
    base = name.lstrip("_")  # an array has the modifier of its elements
    if base in _WITH_LENGTH:
        return typmod - _HEADER, None, None
    if base in _BITS:
        return typmod, None, None
    if base == "numeric":
        packed = typmod - _HEADER
        scale = packed & 0x7FF
        return None, packed >> 16 & 0xFFFF, scale - 0x800 if scale & 0x400 else scale
    return None, typmod if base in _TIMES else None, None
