"""A table while it is being planned: what is known of its columns so far."""

from __future__ import annotations

import dataclasses

from dbops.engines.catalog import Column, Table, TypeKind
from dbops.seeding.generate.model import After, Combinations, How, Key, Own, Reference, SievedKey
from dbops.seeding.generate.planning.rules import Bound, Order, Rule


class CannotFill(Exception):
    """A table cannot be filled; the message says why."""


@dataclasses.dataclass
class Draft:
    """The parts of a `TablePlan` to be.

    :param singles: rules by the one column that each speaks of.
    :param ties: rules that tie columns together, solved by combinations.
    :param residual: rules that only made rows can be held against.
    :param unique: columns that must differ from row to row by themselves.
    :param apart: exclusion constraints' columns: ranges that must not overlap.
    """

    table: Table
    rows: int
    first: int = 0
    references: list[Reference] = dataclasses.field(default_factory=list)
    singles: dict[str, list[Rule]] = dataclasses.field(default_factory=dict)
    ties: list[Rule] = dataclasses.field(default_factory=list)
    residual: list[Rule] = dataclasses.field(default_factory=list)
    orders: list[Order] = dataclasses.field(default_factory=list)
    bounds: list[Bound] = dataclasses.field(default_factory=list)
    concrete: set[str] = dataclasses.field(default_factory=set)
    never_null: set[str] = dataclasses.field(default_factory=set)
    always_null: set[str] = dataclasses.field(default_factory=set)
    left_out: set[str] = dataclasses.field(default_factory=set)
    unique: set[str] = dataclasses.field(default_factory=set)
    makers: dict[str, Own | After] = dataclasses.field(default_factory=dict)
    combinations: list[Combinations] = dataclasses.field(default_factory=list)
    keys: list[Key] = dataclasses.field(default_factory=list)
    sieved: list[SievedKey] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    @property
    def stretched(self) -> bool:
        """Whether more rows are made than are wanted, as some will not pass."""
        return bool(self.sieved or self.residual or any(one.linked for one in self.references))

    @property
    def referring(self) -> set[str]:
        """Columns of the references."""
        return {column for one in self.references for column in (one.decides if one.late else one.columns)}

    def reference(self, name: str) -> Reference | None:
        """A reference by its name."""
        return next((one for one in self.references if one.name == name), None)

    def reference_with(self, column: str) -> Reference | None:
        """The reference that decides a column."""
        return next(
            (one for one in self.references if column in (one.decides if one.late else one.columns)), None
        )

    def nullable(self, column: Column) -> bool:
        """Whether a column takes NULL."""
        kind = column.type
        while kind.kind is TypeKind.DOMAIN and kind.element:
            if kind.not_null:
                return False
            kind = kind.element
        primary = self.table.primary_key
        return not column.not_null and not (primary and column.name in primary.columns)

    def change(self, name: str, how: How) -> None:
        """Choose the rows of a reference in another way."""
        self.references = [
            dataclasses.replace(one, how=how, nulls=0) if one.name == name else one for one in self.references
        ]
