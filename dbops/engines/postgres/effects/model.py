"""Effects of statements, and what of the live catalog they depend on."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Protocol

from dbops.engines.postgres.targets import QualifiedName


class LockMode(enum.IntEnum):
    """The modes of a table's lock, weakest first (PostgreSQL manual, "Explicit Locking")."""

    ACCESS_SHARE = 1
    ROW_SHARE = 2
    ROW_EXCLUSIVE = 3
    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def words(self) -> str:
        """As the manual spells it."""
        return self.name.replace("_", " ")

    @property
    def in_catalog(self) -> str:
        """As `pg_locks.mode` spells it."""
        return self.name.title().replace("_", "") + "Lock"

    @property
    def blocks(self) -> str:
        """What others cannot do while it is held."""
        if self is LockMode.ACCESS_EXCLUSIVE:
            return "reads and writes"
        if self >= LockMode.SHARE:
            return "writes"
        if self is LockMode.SHARE_UPDATE_EXCLUSIVE:
            return "schema changes and VACUUM"
        return "schema changes"


class Cost(enum.Enum):
    """How much work is done under the lock; the words are part of the JSON contract."""

    CATALOG = "catalog"
    ROWS = "rows"
    """As many rows as the statement meets."""
    SCAN = "scan"
    BUILD = "index build"
    REWRITE = "rewrite"


@dataclasses.dataclass(frozen=True)
class Effect:
    """What a statement does to one relation.

    :param advice: the key of the safer way, empty where there is none.
    :param destroys: what is gone for good afterwards, in words; empty for nothing.
    :param column: the column that is dropped, where it is one.
    """

    relation: QualifiedName
    mode: LockMode
    cost: Cost = Cost.CATALOG
    advice: str = ""
    destroys: str = ""
    column: str = ""


@dataclasses.dataclass(frozen=True)
class Type:
    """A type by its OID, with the modifier that its column has (-1 for none)."""

    oid: int
    modifier: int


@dataclasses.dataclass(frozen=True)
class Column:
    """`known_not_null`: it is NOT NULL, or a valid CHECK says so."""

    type: Type
    known_not_null: bool


@dataclasses.dataclass(frozen=True)
class Relation:
    """What is known of a live relation.

    :param kind: `pg_class.relkind`.
    :param rows: the planner's estimate; None where nobody has analyzed it.
    :param size: bytes with TOAST, without indexes.
    :param table: of an index its table, else None.
    :param partitions: all below it.
    :param referring: the tables whose foreign keys refer to it.
    :param referred: what its own foreign keys refer to, by the names of the constraints.
    """

    name: QualifiedName
    kind: str
    rows: int | None
    size: int
    columns: Mapping[str, Column] = dataclasses.field(default_factory=dict)
    table: QualifiedName | None = None
    partitions: tuple[QualifiedName, ...] = ()
    referring: tuple[QualifiedName, ...] = ()
    referred: Mapping[str, QualifiedName] = dataclasses.field(default_factory=dict)


class Live(Protocol):
    """The live catalog, as far as effects depend on it."""

    def relation(self, name: QualifiedName) -> Relation | None:
        """What there is of that name now; None for nothing."""

    def type_of(self, text: str) -> Type | None:
        """The type of that spelling; None where there is none yet."""

    def keeps_values(self, old: Type, new: Type) -> bool:
        """Whether values of one type are values of the other as they are stored, so that nothing is rewritten."""

    def volatile(self, functions: frozenset[str]) -> bool:
        """Whether one of the functions of these names may give another value in every row."""
