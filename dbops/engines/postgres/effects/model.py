"""The locks of PostgreSQL, and what of the live catalog the effects of statements depend on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from dbops.engines.effects import Column, Cost, Effect, Lock, Relation, Type
from dbops.engines.names import QualifiedName
from dbops.engines.postgres.nodes import Node

__all__ = ["Column", "Cost", "Effect", "Live", "LockMode", "Relation", "Rule", "Type"]


class LockMode(Lock):
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
    def is_felt(self) -> bool:
        """Whether those who only write must wait."""
        return self >= LockMode.SHARE

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


class Live(Protocol):
    """The live catalog, as far as effects depend on it."""

    def relation(self, name: QualifiedName) -> Relation | None:
        """What there is of that name now; None for nothing."""

    def inside(self, schema: str) -> tuple[QualifiedName, ...]:
        """The tables, and materialized views, of a schema."""

    def having(self, type_name: QualifiedName) -> tuple[QualifiedName, ...]:
        """The tables, and materialized views, that have a column of a type."""

    def type_of(self, text: str) -> Type | None:
        """The type of that spelling; None where there is none yet."""

    def keeps_values(self, old: Type, new: Type) -> bool:
        """Whether values of one type are values of the other as they are stored, so that nothing is rewritten."""

    def volatile(self, functions: frozenset[str]) -> bool:
        """Whether one of the functions of these names may give another value in every row."""


Rule = Callable[[Node, Live], Iterator[Effect]]
"""What a statement does, by the inner part of its node."""
