"""What planning asks of the database that is to be filled.  Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dbops.engines.catalog import Check, Table, TableName

Texts = Sequence[str | None]
SAMPLE = 1000
MOST = 100_000


class Probe(Protocol):
    """Questions to a database; one that cannot be answered is answered as if there were no rows."""

    def judge(
        self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Texts], expressions: Sequence[str]
    ) -> list[bool]:
        """Whether each row passes all expressions, as a CHECK would have it; one that raises an error does not.

        :param name: of the table, as expressions may call it.
        :param columns: names and SQL types; a row has a text for each.
        """

    def taken(
        self, table: TableName, columns: Sequence[tuple[str, str]], rows: Sequence[Texts], key: Sequence[str]
    ) -> list[int]:
        """The places of the rows whose key the table has already.

        :param columns: names and SQL types of the columns that the key's expressions speak of.
        """

    def checks_of_partitions(self, table: Table) -> list[Check]:
        """Checks that only some partitions have, each as it holds for the whole table."""

    def count(self, table: TableName) -> int:
        """Rows that the table holds; 0 where they cannot be read."""

    def highest(self, table: TableName, column: str) -> int:
        """The highest value of a column of whole numbers; 0 for none."""

    def lowest(self, table: TableName, column: str) -> int:
        """The lowest value of a column of whole numbers; 0 for none."""

    def downward(self, sequence: tuple[str, str]) -> tuple[int, int, int] | None:
        """Start, step and lowest value of a sequence that counts down; None for one that counts up."""

    def keys(
        self, table: TableName, columns: Sequence[str], limit: int = SAMPLE
    ) -> tuple[tuple[str, ...], ...]:
        """Values of the columns, as text, of some of the table's rows; the same ones as long as these stay."""

    def rows(
        self, table: TableName, columns: Sequence[str], limit: int = MOST
    ) -> tuple[tuple[str | None, ...], ...]:
        """Values of the columns, as text, of the table's rows."""
