"""What a diagram shows: tables, their columns and what refers to what; made from the catalog, without any layout."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Mapping

from dbops.engines.catalog import Catalog, Column, ForeignKey, Table, TableName
from dbops.errors import UsageError


class Many(enum.Enum):
    """How many rows there can be at one end of a reference."""

    ONE = "one"
    ZERO_OR_ONE = "zero or one"
    ANY = "any number"


@dataclasses.dataclass(frozen=True)
class Line:
    """A column: `marks` are PK, FK and UK; `type` is as SQL writes it, in its short form."""

    name: str
    type: str
    marks: tuple[str, ...]
    not_null: bool


@dataclasses.dataclass(frozen=True)
class Box:
    """A table.

    :param lines: its columns; none where it only is referred to by tables that are shown.
    :param note: how it is partitioned, else empty.
    """

    table: TableName
    label: str
    lines: tuple[Line, ...]
    note: str = ""

    @property
    def schema(self) -> str:
        return self.table[0]


@dataclasses.dataclass(frozen=True)
class Link:
    """A foreign key.

    :param columns: of the table that refers.
    :param referred: of the other table, in the same order.
    :param children: how many rows can refer to one row.
    :param parents: how many rows one row refers to.
    :param identifying: its columns are part of the primary key: the row is nothing without the other one.
    """

    name: str
    child: TableName
    columns: tuple[str, ...]
    parent: TableName
    referred: tuple[str, ...]
    children: Many
    parents: Many
    identifying: bool


@dataclasses.dataclass(frozen=True)
class Diagram:
    """All of it, sorted by names, so that the same schema gives the same text."""

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]

    @property
    def schemas(self) -> tuple[str, ...]:
        """In order."""
        return tuple(sorted({box.schema for box in self.boxes}))


def diagram(catalog: Catalog, schemas: Collection[str] = (), tables: Collection[str] = ()) -> Diagram:
    """A diagram of these schemas and tables; of all where none are named.

    What they refer to is shown, too, by its name alone.

    :raises UsageError: one that is named is not there.
    """
    chosen = _chosen(catalog, schemas, tables)
    parents = {leaf: table.id for table in catalog.tables for leaf in _leaves(table)}
    links = [_link(table, key, parents) for table in chosen for key in table.foreign_keys]
    boxes = {table.id: _box(table) for table in chosen}
    for link in links:
        boxes.setdefault(link.parent, Box(link.parent, label(link.parent), ()))
    return Diagram(
        tuple(box for _, box in sorted(boxes.items())),
        tuple(sorted(links, key=lambda link: (link.child, link.columns, link.name, link.parent))),
    )


def label(table: TableName) -> str:
    """A table's name for people, without the schema `public`; a part in which a dot would mislead is in quotes."""
    parts = table[1:] if table[0] == "public" else table
    return ".".join(f'"{part}"' if "." in part else part for part in parts)


def _chosen(catalog: Catalog, schemas: Collection[str], tables: Collection[str]) -> list[Table]:
    there = {table.schema for table in catalog.tables}
    for schema in schemas:
        if schema not in there:
            raise UsageError(f"there is no schema {schema!r} with tables", hint=_those(there))
    named = set()
    for name in tables:
        found = catalog.find(name)
        if found is None:
            raise UsageError(f"there is no table {name!r}", hint="as name or schema.name, without quotes")
        named.add(found.id)
    if not schemas and not tables:
        return list(catalog.tables)
    return [table for table in catalog.tables if table.schema in schemas or table.id in named]


def _those(schemas: Collection[str]) -> str:
    return f"schemas with tables: {', '.join(sorted(schemas)) or 'none'}"


def _leaves(table: Table) -> list[TableName]:
    return [leaf for leaf, _ in table.partitioning.leaves] if table.partitioning else []


def _box(table: Table) -> Box:
    note = f"partitioned by {table.partitioning.definition}" if table.partitioning else ""
    return Box(table.id, label(table.id), tuple(_line(table, column) for column in table.columns), note)


def _line(table: Table, column: Column) -> Line:
    primary = table.primary_key
    unique = any(key.plain and key.columns == (column.name,) and not key.primary for key in table.keys)
    marks = ["PK"] if primary and column.name in primary.columns else []
    marks += ["FK"] if any(column.name in key.columns for key in table.foreign_keys) else []
    marks += ["UK"] if unique else []
    return Line(column.name, short(column.type.sql), tuple(marks), column.not_null)


def _link(table: Table, key: ForeignKey, partitioned: Mapping[TableName, TableName]) -> Link:
    required = all(column.not_null for name in key.columns if (column := table.column(name)))
    unique = any(one.plain and set(one.columns) <= set(key.columns) for one in table.keys)
    primary = table.primary_key
    return Link(
        name=key.name,
        child=table.id,
        columns=key.columns,
        parent=partitioned.get(key.table, key.table),
        referred=key.referenced,
        children=Many.ZERO_OR_ONE if unique else Many.ANY,
        parents=Many.ONE if required else Many.ZERO_OR_ONE,
        identifying=primary is not None and set(key.columns) <= set(primary.columns),
    )


_SHORT = (
    ("character varying", "varchar"),
    ("timestamp with time zone", "timestamptz"),
    ("timestamp without time zone", "timestamp"),
    ("time with time zone", "timetz"),
    ("time without time zone", "time"),
    ("double precision", "float8"),
    ("bit varying", "varbit"),
)


def short(type_: str) -> str:
    """A type in the short form that people write, `timestamp(3) with time zone` as `timestamptz(3)`."""
    for long, name in _SHORT:
        first, _, rest = long.partition(" ")
        if type_.startswith(long):
            return name + type_.removeprefix(long)
        opening, paren, more = type_.partition("(")
        modifier, closed, after = more.partition(")")
        if opening == first and paren and closed and after.lstrip().startswith(rest):
            return f"{name}({modifier}){after.lstrip().removeprefix(rest)}"
    return type_
