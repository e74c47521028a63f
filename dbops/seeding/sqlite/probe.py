"""What planning asks of a SQLite database (`dbops.seeding.generate.probing.Probe`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import Catalog, Check, Table, TableName
from dbops.engines.sqlite.types import data_type
from dbops.seeding.generate.probing import MOST, SAMPLE, Texts
from dbops.seeding.sqlite import sql
from dbops.seeding.sqlite.refusal import is_of_rows
from dbops.seeding.sqlite.values import Value, stored, text_of

if TYPE_CHECKING:
    import sqlite3


class SqliteProbe:
    """Questions to the database, each row by itself: there is no server to travel to.

    :param written: by an expression as the catalog has it what SQLite calls it.
    """

    def __init__(self, connection: sqlite3.Connection, catalog: Catalog, written: Mapping[str, str]) -> None:
        self._connection, self._catalog, self._written = connection, catalog, written

    def judge(
        self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Texts], expressions: Sequence[str]
    ) -> list[bool]:
        if not expressions:
            return [True] * len(rows)
        tests = " and ".join(f"(({self._written.get(one, one)}) is not false)" for one in expressions)
        found = self._of_rows(name, columns, rows, tests)
        return [answer is not None and bool(answer[0]) for answer in found]

    def taken(
        self, table: TableName, columns: Sequence[tuple[str, str]], rows: Sequence[Texts], key: Sequence[str]
    ) -> list[int]:
        entries = ", ".join(f"({self._written.get(one, one)})" for one in key)
        there = {tuple(row) for row in self._ask(sql.select(entries, table[1]))}
        made = self._of_rows(table[1], columns, rows, entries)
        return [
            place for place, one in enumerate(made) if one is not None and None not in one and one in there
        ]

    def checks_of_partitions(self, table: Table) -> list[Check]:
        return []

    def count(self, table: TableName) -> int:
        found = self._ask(sql.select("count(*)", table[1]))
        return int(found[0][0]) if found else 0

    def highest(self, table: TableName, column: str) -> int:
        return self._most(table, column, "max")

    def lowest(self, table: TableName, column: str) -> int:
        return self._most(table, column, "min")

    def _most(self, table: TableName, column: str, function: str) -> int:
        found = self._ask(sql.select(f"coalesce({function}({sql.name(column)}), 0)", table[1]))
        return int(found[0][0]) if found and isinstance(found[0][0], int) else 0

    def downward(self, sequence: tuple[str, str]) -> tuple[int, int, int] | None:
        return None

    def keys(
        self, table: TableName, columns: Sequence[str], limit: int = SAMPLE
    ) -> tuple[tuple[str, ...], ...]:
        listed = sql.names(columns)
        filled = " and ".join(f"{sql.name(one)} is not null" for one in columns)
        query = sql.select(f"distinct {listed}", table[1], f"where {filled} order by {listed} limit {limit}")
        found = self._texts(table, columns, self._ask(query))
        return tuple(tuple(text for text in row if text is not None) for row in found)

    def rows(
        self, table: TableName, columns: Sequence[str], limit: int = MOST
    ) -> tuple[tuple[str | None, ...], ...]:
        if not columns:
            return ()
        query = sql.select(sql.names(columns), table[1], f"limit {limit}")
        return tuple(self._texts(table, columns, self._ask(query)))

    def _texts(
        self, table: TableName, columns: Sequence[str], rows: Iterable[Sequence[Value]]
    ) -> Iterable[tuple[str | None, ...]]:
        known = self._catalog.by_id.get(table)
        kinds = [found.type if known and (found := known.column(one)) else None for one in columns]
        return [
            tuple(
                text_of(value, kind) if kind else str(value) for value, kind in zip(row, kinds, strict=True)
            )
            for row in rows
        ]

    def _of_rows(
        self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Texts], asked: str
    ) -> list[tuple[Any, ...] | None]:
        """The answer for each row of a table that has but these columns; None where there is none."""
        made = ", ".join(f"? as {sql.name(column)}" for column, _ in columns)
        query = f"select {asked} from (select {made}) as {sql.name(name)}"  # noqa: S608  # the schema's own
        kinds = [data_type(declared, column, None) for column, declared in columns]
        found: list[tuple[Any, ...] | None] = []
        for row in rows:
            try:
                values = [stored(text, kind) for text, kind in zip(row, kinds, strict=True)]
            except ValueError:
                found.append(None)
                continue
            answers = self._ask(query, values)
            found.append(tuple(answers[0]) if answers else None)
        return found

    def _ask(self, query: str, parameters: Sequence[Value] = ()) -> list[Sequence[Any]]:
        """The answer; empty where SQLite cannot give one: an expression that fails, a function that is not there."""
        import sqlite3

        try:
            return self._connection.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            if not is_of_rows(error):
                raise
            return []
