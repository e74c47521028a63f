"""What statements would do to a SQLite file as it is now: its tables, and about how large they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dbops.engines.effects import Cost, Effect, Relation
from dbops.engines.postgres.targets import QualifiedName
from dbops.engines.sqlite.effects import FILE, FileLock, effects, made_anew, qualified
from dbops.engines.sqlite.tracking import quoted
from dbops.engines.sqlite.words import Words

if TYPE_CHECKING:
    import sqlite3

_SAMPLE = 200
"""Rows whose length is taken for that of all."""


class LiveFile:
    """See `Foresight`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def foreseen(self, section: Sequence[str]) -> list[tuple[Effect, ...]]:
        """See `Foresight`; a table that the section makes anew is no table that is dropped."""
        read = [Words(statement) for statement in section]
        anew = made_anew(read)
        return [tuple(self._effects(words, anew)) for words in read]

    def created(self, statement: str) -> tuple[QualifiedName, ...]:
        """See `Foresight`."""
        words = Words(statement)
        name = words.made("TABLE") or words.made("VIEW")
        return (qualified(name),) if name else ()

    def _effects(self, words: Words, anew: Mapping[str, frozenset[str]]) -> Iterator[Effect]:
        for effect in effects(words):
            kept = anew.get(effect.relation.name)
            if words.verb == "DROP" and effect.destroys and kept is not None:
                yield from self._without_columns(effect.relation, kept)
            else:
                yield effect

    def _without_columns(self, table: QualifiedName, kept: frozenset[str]) -> Iterator[Effect]:
        """A table that is made anew: its rows are in the new one, its columns as far as that has them."""
        query = "select name from pragma_table_info(?)"
        columns = [column for (column,) in self._connection.execute(query, [table.name]).fetchall()]
        lost = [column for column in columns if column.lower() not in kept]
        for column in lost:
            gone = f"the column {table}.{column}"
            yield Effect(table, FileLock.WRITE, Cost.CATALOG, "drop-column", gone, column)
        if not lost:
            yield Effect(table, FileLock.WRITE)

    def relation(self, name: QualifiedName) -> Relation | None:
        """See `Foresight`; rows and bytes are estimates, which read a few pages and not the table."""
        if name == FILE:
            return Relation(name, "", None, self._number("page_count") * self._number("page_size"))
        query = "select type, name, tbl_name from sqlite_master where name = ? collate nocase and type in ('table', 'index')"
        row = self._connection.execute(query, [name.name]).fetchone()
        if row is None:
            return None
        kind, real, table = row
        rows = self._rows(table)
        size = round((self._rows(table, sampled=True) or 0) * self._width(table))
        is_table = kind == "table"
        of = None if is_table else QualifiedName(None, table)
        return Relation(QualifiedName(None, real), "r" if is_table else "i", rows, size, table=of)

    def _number(self, pragma: str) -> int:
        (value,) = self._connection.execute(f"pragma {pragma}").fetchone()
        return int(value)

    def _rows(self, table: str, *, sampled: bool = False) -> int | None:
        """By the last ANALYZE, else by the highest rowid; None where there is neither."""
        import sqlite3

        for query in (
            "select cast(stat as integer) from sqlite_stat1 where tbl = ? limit 1",
            f"select max(rowid) from {quoted(table)} where ? is not null",  # noqa: S608  # quoted
        ):
            try:
                row = self._connection.execute(query, [table]).fetchone()
            except sqlite3.OperationalError:
                continue  # no ANALYZE ever ran, or the table is WITHOUT ROWID
            if row and row[0] is not None:
                return int(row[0])
        if not sampled:
            return None
        query = f"select count(*) from (select 1 from {quoted(table)} limit 100000)"  # noqa: S608  # quoted
        (count,) = self._connection.execute(query).fetchone()
        return int(count)

    def _width(self, table: str) -> float:
        """Bytes of an average row, of the first ones."""
        names = self._connection.execute("select name from pragma_table_info(?)", [table]).fetchall()
        lengths = " + ".join(f"ifnull(length(cast({quoted(name)} as blob)), 0) + 1" for (name,) in names)
        query = f"select avg({lengths or 1}) from (select * from {quoted(table)} limit {_SAMPLE})"  # noqa: S608  # quoted
        (width,) = self._connection.execute(query).fetchone()
        return float(width or 0) + 4
