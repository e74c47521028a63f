"""What statements do to tables: the locks they take, their work, what they destroy; whatever the engine."""

from __future__ import annotations

import dataclasses
import enum
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dbops.engines.names import QualifiedName


class Lock(enum.IntEnum):
    """A lock of an engine, the weakest first; each engine has its own."""

    @property
    @abstractmethod
    def words(self) -> str:
        """As the engine's manual spells it."""

    @property
    @abstractmethod
    def is_felt(self) -> bool:
        """Whether those who only write must wait."""

    @property
    @abstractmethod
    def blocks(self) -> str:
        """What others cannot do while it is held."""


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
    mode: Lock
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

    :param kind: `pg_class.relkind`; on every engine r is a table.
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


class Foresight(Protocol):
    """What an engine can tell of statements before they run; holds for one plan, on one session."""

    def foreseen(self, section: Sequence[str]) -> Iterable[tuple[Effect, ...]]:
        """What each statement of a section does to relations; empty for one that the engine's grammar does not know."""

    def created(self, statement: str) -> tuple[QualifiedName, ...]:
        """Take note of what a statement makes of the catalog, for those after it; the new relations, which nobody uses yet."""

    def untold(self, statement: str) -> str:
        """Why it cannot be told what a statement does, in words; empty where it can."""

    def relation(self, name: QualifiedName) -> Relation | None:
        """What there is of that name now; None for nothing."""
