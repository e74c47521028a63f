"""What is asked of the server while a plan is made: whether values pass, what is there already.  Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.catalog import Check, Table, TableName
from dbops.seeding.generate.probing import MOST, SAMPLE, Texts

if TYPE_CHECKING:
    import psycopg

_PATIENCE = "SET LOCAL statement_timeout = '20s'"
_ONE_BY_ONE = 40


_LEAF_CHECKS = """
select c.conname::text, pg_catalog.pg_get_expr(c.conbin, c.conrelid) from pg_catalog.pg_constraint as c
join pg_catalog.pg_class as r on r.oid = c.conrelid join pg_catalog.pg_namespace as n on n.oid = r.relnamespace
where c.contype = 'c' and n.nspname = %(schema)s and r.relname = %(name)s and c.conname <> all (%(known)s)
order by c.conname
"""


_DOWNWARD = """
select start_value, increment_by, min_value from pg_catalog.pg_sequences
where schemaname = %(schema)s and sequencename = %(name)s and increment_by < 0
"""


class PostgresProbe:
    """Questions to the database that is to be filled, each in a savepoint that is rolled back."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def judge(
        self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Texts], expressions: Sequence[str]
    ) -> list[bool]:
        """Whether each row passes all expressions, as a CHECK would have it; one that raises an error does not.

        :param name: of the table, as expressions may call it.
        :param columns: names and SQL types; a row has a text for each.
        """
        if not rows or not expressions:
            return [True] * len(rows)
        found = self._judged(name, columns, rows, expressions)
        if found is None:
            each = (self._judged(name, columns, [row], expressions) for row in rows[:_ONE_BY_ONE])
            found = [bool(one and one[0]) for one in each]
            found += [False] * (len(rows) - len(found))
        return found

    def _judged(
        self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Texts], expressions: Sequence[str]
    ) -> list[bool] | None:
        from psycopg import sql

        made = sql.SQL(", ").join(
            sql.SQL("{}::{} AS {}").format(sql.Identifier(f"c{place}"), sql.SQL(kind), sql.Identifier(column))
            for place, (column, kind) in enumerate(columns)
        )
        tests = sql.SQL(" AND ").join(
            sql.SQL("(({}) IS NOT FALSE)").format(sql.SQL(one.replace("%", "%%"))) for one in expressions
        )
        names = sql.SQL(", ").join(sql.Identifier(f"c{place}") for place in range(len(columns)))
        arrays = sql.SQL(", ").join(sql.SQL("%s::text[]") for _ in columns)
        query = sql.SQL(
            'SELECT {} FROM (SELECT "dbops row", {} FROM unnest({}) WITH ORDINALITY AS u({}, "dbops row") OFFSET 0) AS {} ORDER BY "dbops row"'
        ).format(tests, made, arrays, names, sql.Identifier(name))
        answer = self._ask(query, [list(texts) for texts in zip(*rows, strict=True)])
        return None if answer is None else [row[0] for row in answer]

    def taken(
        self, table: TableName, columns: Sequence[tuple[str, str]], rows: Sequence[Texts], key: Sequence[str]
    ) -> list[int]:
        """The places of the rows whose key the table has already.

        :param columns: names and SQL types of the columns that the key's expressions speak of.
        """
        from psycopg import sql

        made = sql.SQL(", ").join(
            sql.SQL("{}::{} AS {}").format(sql.Identifier(f"c{place}"), sql.SQL(kind), sql.Identifier(column))
            for place, (column, kind) in enumerate(columns)
        )
        entries = [sql.SQL(one.replace("%", "%%")) for one in key]
        keys = sql.SQL(", ").join(
            sql.SQL("({}) AS {}").format(one, sql.Identifier(f"k{place}"))
            for place, one in enumerate(entries)
        )
        names = sql.SQL(", ").join(sql.Identifier(f"c{place}") for place in range(len(columns)))
        arrays = sql.SQL(", ").join(sql.SQL("%s::text[]") for _ in columns)
        query = sql.SQL(
            'SELECT DISTINCT "dbops row" FROM (SELECT "dbops row", {keys} FROM (SELECT "dbops row", {made} FROM unnest({arrays})'
            ' WITH ORDINALITY AS u({names}, "dbops row") OFFSET 0) AS {name}) AS made'
            " JOIN (SELECT {keys} FROM {table}) AS there USING ({using})"
        ).format(
            keys=keys, made=made, arrays=arrays, names=names, name=sql.Identifier(table[1]), table=sql.Identifier(*table),
            using=sql.SQL(", ").join(sql.Identifier(f"k{place}") for place in range(len(key))),
        )  # fmt: skip
        answer = self._ask(query, [list(texts) for texts in zip(*rows, strict=True)])
        return sorted(row[0] - 1 for row in answer or ())

    def checks_of_partitions(self, table: Table) -> list[Check]:
        """Checks that only some partitions have, each as it holds for the whole table."""
        leaves = table.partitioning.leaves if table.partitioning else ()
        found = []
        for leaf, bounds in leaves:
            answer = self._ask(
                _LEAF_CHECKS, {"schema": leaf[0], "name": leaf[1], "known": [c.name for c in table.checks]}
            )
            found += [
                Check(name, f"(({bounds}) IS NOT TRUE) OR ({text})") for name, text in answer or () if bounds
            ]
        return found

    def count(self, table: TableName) -> int:
        """Rows that the table holds; 0 where they cannot be read."""
        from psycopg import sql

        answer = self._ask(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table)), None)
        return answer[0][0] if answer else 0

    def highest(self, table: TableName, column: str) -> int:
        """The highest value of a column of whole numbers; 0 for none."""
        return self._most(table, column, "max")

    def lowest(self, table: TableName, column: str) -> int:
        """The lowest value of a column of whole numbers; 0 for none."""
        return self._most(table, column, "min")

    def _most(self, table: TableName, column: str, function: LiteralString) -> int:
        from psycopg import sql

        query = sql.SQL("SELECT coalesce({}({}), 0)::bigint FROM {}")
        answer = self._ask(
            query.format(sql.SQL(function), sql.Identifier(column), sql.Identifier(*table)), None
        )
        return answer[0][0] if answer else 0

    def downward(self, sequence: tuple[str, str]) -> tuple[int, int, int] | None:
        """Start, step and lowest value of a sequence that counts down; None for one that counts up."""
        answer = self._ask(_DOWNWARD, {"schema": sequence[0], "name": sequence[1]})
        return (answer[0][0], answer[0][1], answer[0][2]) if answer else None

    def keys(
        self, table: TableName, columns: Sequence[str], limit: int = SAMPLE
    ) -> tuple[tuple[str, ...], ...]:
        """Values of the columns, as text, of some of the table's rows; the same ones as long as these stay."""
        from psycopg import sql

        # In the same order whatever the database's collation, since it decides what is drawn.
        text = sql.SQL('{}::text COLLATE "C"')
        listed = sql.SQL(", ").join(text.format(sql.Identifier(column)) for column in columns)
        filled = sql.SQL(" AND ").join(
            sql.SQL("{} IS NOT NULL").format(sql.Identifier(one)) for one in columns
        )
        numbers = sql.SQL(", ").join(sql.SQL(str(place + 1)) for place in range(len(columns)))
        query = sql.SQL("SELECT DISTINCT {} FROM {} WHERE {} ORDER BY {} LIMIT {}")
        answer = self._ask(
            query.format(listed, sql.Identifier(*table), filled, numbers, sql.Literal(limit)), None
        )
        return tuple(tuple(row) for row in answer or ())

    def rows(
        self, table: TableName, columns: Sequence[str], limit: int = MOST
    ) -> tuple[tuple[str | None, ...], ...]:
        """Values of the columns, as text, of the table's rows."""
        from psycopg import sql

        listed = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns)
        query = sql.SQL("SELECT {} FROM {} LIMIT {}")
        answer = (
            self._ask(query.format(listed, sql.Identifier(*table), sql.Literal(limit)), None)
            if columns
            else ()
        )
        return tuple(tuple(row) for row in answer or ())

    def _ask(self, query: Any, parameters: Any) -> list[tuple[Any, ...]] | None:
        """The answer; None where the server cannot give one."""
        import psycopg

        try:
            with self._connection.transaction(force_rollback=True):
                self._connection.execute(_PATIENCE)
                self._connection.execute("SET LOCAL TimeZone = 'UTC'")
                return self._connection.execute(query, parameters).fetchall()
        except psycopg.DatabaseError as error:
            if self._connection.closed:
                raise
            del (
                error
            )  # the question cannot be answered: an expression that fails, a table that cannot be read
            return None
