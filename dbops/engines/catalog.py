"""What a schema is made of, as the seeding reads it: tables, columns, types, keys, checks, partitions, triggers.

Data only; an engine fills it.  Names are as the catalog has them, not quoted.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property

TableName = tuple[str, str]
"""Schema and table.  An engine without schemas gives `public`, which people and files leave out."""

# Tables in which migration tools, dbops too, keep what they have applied: no place for anybody's data.
TRACKING = frozenset(
    [
        "schema_migrations",
        "schema_migrations_events",
        "dbops_migrations",
        "dbops_migrations_events",
        "schema_version",
        "goose_db_version",
        "alembic_version",
        "flyway_schema_history",
        "gorp_migrations",
        "_sqlx_migrations",
        "pgmigrations",
        "_yoyo_migration",
        "_yoyo_log",
        "_yoyo_version",
        "yoyo_lock",
        "__diesel_schema_migrations",
        "ar_internal_metadata",
        "django_migrations",
        "knex_migrations",
        "knex_migrations_lock",
        "_prisma_migrations",
    ]
)


class TypeKind(enum.Enum):
    """What a type is built as."""

    BASE = "base"
    ENUM = "enum"
    DOMAIN = "domain"
    ARRAY = "array"
    COMPOSITE = "composite"
    RANGE = "range"
    MULTIRANGE = "multirange"


@dataclasses.dataclass(frozen=True)
class Check:
    """A CHECK constraint: its name and its expression as the server prints it, without the word CHECK."""

    name: str
    expression: str


@dataclasses.dataclass(frozen=True)
class DataType:
    """A type with its modifiers.

    :param name: as in `pg_type` (`int4`, `varchar`, `numeric`); for an array that of the array type (`_int4`).  `epoch` is
        a whole number that counts the seconds since 1970.
    :param sql: as SQL writes it, modifiers included: `numeric(20,8)`, `public.mood[]`.
    :param length: characters of char(n), varchar(n); bits of bit(n); None where unlimited.
    :param precision: digits of a numeric, or fractional digits of a time; None where unlimited.
    :param scale: digits of a numeric behind the point, may be negative; None where unlimited.
    :param element: of an array its element, of a domain its base, of a range its subtype, of a multirange its range.
    :param labels: of an enum, in its order.
    :param fields: of a composite type.
    :param checks: of a domain: its own; those of a domain below it stand at `element`.
    :param default: of a domain: the expression that a column without a default of its own takes.
    """

    schema: str
    name: str
    sql: str
    kind: TypeKind = TypeKind.BASE
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    element: DataType | None = None
    labels: tuple[str, ...] = ()
    fields: tuple[tuple[str, DataType], ...] = ()
    checks: tuple[Check, ...] = ()
    not_null: bool = False
    default: str | None = None

    @property
    def base(self) -> DataType:
        """The type below all domains."""
        return self.element.base if self.kind is TypeKind.DOMAIN and self.element else self


class Identity(enum.Enum):
    """GENERATED ... AS IDENTITY."""

    NO = ""
    ALWAYS = "a"
    BY_DEFAULT = "d"


@dataclasses.dataclass(frozen=True)
class Column:
    """A column.

    :param default: the expression of its default, as the server prints it.
    :param generated: the expression of a generated column: no value can be written to it.
    :param sequence: schema and name of the sequence that its default or identity takes from and that it owns.
    :param comment: COMMENT ON COLUMN.
    """

    name: str
    type: DataType
    not_null: bool
    default: str | None = None
    generated: str | None = None
    identity: Identity = Identity.NO
    sequence: tuple[str, str] | None = None
    comment: str | None = None

    @property
    def writable(self) -> bool:
        """Whether a value may be written (GENERATED ALWAYS AS IDENTITY takes one with OVERRIDING and by COPY)."""
        return self.generated is None


@dataclasses.dataclass(frozen=True)
class Key:
    """A primary key, a unique constraint or a unique index.

    :param columns: plain columns in their order; an expression has the entry None.
    :param expressions: the text of each entry, columns too, as the server prints it.
    :param predicate: of a partial unique index.
    :param constraint: whether it is a constraint; else an index alone.
    """

    name: str
    columns: tuple[str | None, ...]
    expressions: tuple[str, ...]
    primary: bool = False
    predicate: str | None = None
    nulls_equal: bool = False
    deferrable: bool = False
    constraint: bool = True

    @property
    def plain(self) -> bool:
        """Whether it tells all rows apart by columns alone."""
        return self.predicate is None and None not in self.columns


@dataclasses.dataclass(frozen=True)
class ForeignKey:
    """A foreign key; `columns` and `referenced` go together pair by pair."""

    name: str
    columns: tuple[str, ...]
    table: TableName
    referenced: tuple[str, ...]
    deferrable: bool = False
    match_full: bool = False
    validated: bool = True


@dataclasses.dataclass(frozen=True)
class Exclusion:
    """An exclusion constraint: entries (column or None, its expression) and the operator of each."""

    name: str
    columns: tuple[str | None, ...]
    expressions: tuple[str, ...]
    operators: tuple[str, ...]
    predicate: str | None = None


@dataclasses.dataclass(frozen=True)
class Partitioning:
    """Of a partitioned table.

    :param strategy: `list`, `range` or `hash`.
    :param key: columns, None for an expression.
    :param definition: as the server prints it: `RANGE (placed_at)`.
    :param leaves: the partitions at the bottom that take rows, each with its whole partition constraint as
        an expression over the columns (None for a hash partition or where there is none to print).
    """

    strategy: str
    key: tuple[str | None, ...]
    definition: str
    leaves: tuple[tuple[TableName, str | None], ...] = ()


@dataclasses.dataclass(frozen=True)
class Trigger:
    """A user's trigger that is enabled and acts on INSERT.  `function` is its schema and name."""

    name: str
    function: tuple[str, str]
    row: bool
    before: bool


@dataclasses.dataclass(frozen=True)
class Table:
    """An ordinary or partitioned table that takes rows by itself; a partition belongs to its parent.

    :param rows: the planner's estimate, -1 where never analysed.
    :param insertable: whether this role may insert.
    :param owned: whether this role may alter it.
    """

    schema: str
    name: str
    oid: int
    columns: tuple[Column, ...]
    keys: tuple[Key, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    partitioning: Partitioning | None = None
    triggers: tuple[Trigger, ...] = ()
    rows: int = -1
    insertable: bool = True
    owned: bool = True
    comment: str | None = None

    @property
    def id(self) -> TableName:
        return (self.schema, self.name)

    @property
    def label(self) -> str:
        """Its name for people, without the schema `public`."""
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    @property
    def primary_key(self) -> Key | None:
        return next((key for key in self.keys if key.primary), None)

    def column(self, name: str) -> Column | None:
        """A column by its name."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}


class NotRead(LookupError):
    """A table is there, but only others were read."""


@dataclasses.dataclass(frozen=True)
class Catalog:
    """All tables of a database but the system's, an extension's and dbops' own; sorted by schema and name.

    :param others: tables that are there, too, and were not read, since only some were asked for.
    """

    tables: tuple[Table, ...]
    search_path: tuple[str, ...] = ("public",)
    others: frozenset[TableName] = frozenset()

    @cached_property
    def by_id(self) -> Mapping[TableName, Table]:
        return {table.id: table for table in self.tables}

    @cached_property
    def _there(self) -> frozenset[TableName]:
        return self.others.union(self.by_id)

    def find(self, name: str) -> Table | None:
        """A table by `name` (looked up along the search path, then if only one schema has it) or `schema.name`.

        :raises NotRead: it is one of `others`.
        """
        found = named(name, self._there, self.search_path)
        if found in self.others:
            raise NotRead(name)
        return self.by_id[found] if found else None


def named(name: str, tables: Collection[TableName], search_path: Sequence[str]) -> TableName | None:
    """Which of these tables is meant by `name` (see `Catalog.find`)."""
    for schema in search_path:
        if (schema, name) in tables:
            return schema, name
    found = [table for table in tables if name in {table[1], ".".join(table)}]
    return found[0] if len(found) == 1 else None
