"""What a database holds, as data: rows and fingerprints of tables, ranges of sequences, large objects."""

from __future__ import annotations

import dataclasses

Name = tuple[str, str]
"""The schema and the name of a relation, as they are in the catalog: unquoted."""

Position = tuple[int, bool]
"""What a sequence holds: `last_value` and `is_called`."""


@dataclasses.dataclass(frozen=True)
class TableContent:
    """One table without its children; each partition is a table of its own, a partitioned table is none.

    :param fingerprint: a hash of all rows that does not depend on their order; None where rows were only counted.
    :param columns: the names of the columns that the fingerprint covers, sorted; generated ones are not among them.
    """

    schema: str
    name: str
    rows: int
    fingerprint: str | None
    columns: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class SequenceRange:
    """A sequence, read before and after: its values are no part of a snapshot, and a dump's lies between the two."""

    schema: str
    name: str
    before: Position
    after: Position
    increment: int
    cycles: bool


@dataclasses.dataclass(frozen=True)
class LargeObjects:
    """All large objects of a database.  `fingerprint` covers their numbers and bytes; None where only counted."""

    count: int
    fingerprint: str | None


@dataclasses.dataclass(frozen=True)
class Contents:
    """What was found in one snapshot of a database.

    :param large_objects: None where they were not looked at, as with a selection of tables.
    :param materialized_views: schema, name, number of rows; None for one that is not populated.
    :param foreign_tables: named only; what stands behind them is not the database's own.
    """

    tables: tuple[TableContent, ...]
    sequences: tuple[SequenceRange, ...] = ()
    large_objects: LargeObjects | None = None
    materialized_views: tuple[tuple[str, str, int | None], ...] = ()
    foreign_tables: tuple[Name, ...] = ()

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)
