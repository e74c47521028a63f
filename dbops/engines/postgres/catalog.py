"""Reading a database's schema out of PostgreSQL's catalog."""

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
from dbops.engines.postgres import catalog_queries

if TYPE_CHECKING:
    import psycopg

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
    listed = connection.execute(catalog_queries.TABLES, {"tracking": sorted(TRACKING)}).fetchall()
    rows = [row for row in listed if not row[4] and (row[1], row[2]) not in without]
    path = connection.execute("select pg_catalog.current_schemas(false)::text[]").fetchone()
    assert path is not None
    others: list[Sequence[Any]] = []
    if only is not None:
        there = {(row[1], row[2]): row[0] for row in rows}
        asked = {named(name, there, path[0]) for name in only}
        reached = connection.execute(
            catalog_queries.REFERRED_TO, [[there[table] for table in asked if table]]
        ).fetchall()
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

        types = connection.execute(catalog_queries.TYPES, {"tables": tables}).fetchall()
        self._types: _Types = {(row[0], row[1]): row[2:] for row in types}
        self._columns = grouped(catalog_queries.COLUMNS)
        self._keys = grouped(catalog_queries.KEYS)
        self._constraints = grouped(catalog_queries.CONSTRAINTS)
        self._leaves = grouped(catalog_queries.LEAVES) if roots else {}
        self._triggers = grouped(catalog_queries.TRIGGERS)
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
