"""What statements would do to a SQLite file as it is now: its tables, and about how large they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.effects import Cost, Effect, Relation
from dbops.engines.names import QualifiedName
from dbops.engines.sqlite.dialect import DIALECT
from dbops.engines.sqlite.effects import FILE, FileLock, effects, made_anew, qualified
from dbops.engines.sqlite.tracking import quoted
from dbops.engines.sqlite.words import Words

if TYPE_CHECKING:
    import sqlite3

_SAMPLE = 200
"""Rows whose length is taken for that of all."""


class LiveFile:
    """See `Foresight`.

    :param connection: None without a database, of which nothing is known then.
    """

    def __init__(self, connection: sqlite3.Connection | None) -> None:
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

    def untold(self, statement: str) -> str:
        """See `Foresight`; SQLite has no code of its own."""
        return "" if DIALECT.split(statement).parsed else "what this SQLite does not know"

    def _effects(self, words: Words, anew: Mapping[str, frozenset[str]]) -> Iterator[Effect]:
        for effect in effects(words):
            kept = anew.get(effect.relation.name)
            if words.verb == "DROP" and effect.destroys and kept is not None:
                yield from self._without_columns(effect.relation, kept)
            else:
                yield effect

    def _without_columns(self, table: QualifiedName, kept: frozenset[str]) -> Iterator[Effect]:
        """A table that is made anew: its rows are in the new one, its columns as far as that has them."""
        lost = [column for column in self.columns(table.name) if column.lower() not in kept]
        for column in lost:
            gone = f"the column {table}.{column}"
            yield Effect(table, FileLock.WRITE, Cost.CATALOG, "drop-column", gone, column)
        if not lost:
            yield Effect(table, FileLock.WRITE)

    def relation(self, name: QualifiedName) -> Relation | None:
        """See `Foresight`; rows and bytes are estimates, which read a few pages and not the table."""
        if self._connection is None:
            return None
        if name == FILE:
            return Relation(name, "", None, self._number("page_count") * self._number("page_size"))
        query = "select type, name, tbl_name from sqlite_master where name = ? collate nocase and type in ('table', 'index')"
        found = self._all(query, name.name)
        if not found:
            return None
        ((kind, real, table),) = found
        rows = self._rows(table)
        size = round((self._rows(table, sampled=True) or 0) * self._width(table))
        is_table = kind == "table"
        of = None if is_table else QualifiedName(None, table)
        return Relation(QualifiedName(None, real), "r" if is_table else "i", rows, size, table=of)

    def columns(self, table: str) -> list[str]:
        """Their names, in order; none of a table that is not there."""
        return [name for (name,) in self._all("select name from pragma_table_info(?)", table)]

    def indexes(self, table: str) -> list[tuple[str, ...]]:
        """The columns of each index over all rows, and of the primary key, in order."""
        query = "select name from pragma_index_list(?) where not partial"
        named = [
            self._all("select name from pragma_index_info(?)", index) for (index,) in self._all(query, table)
        ]
        named.append(self._all("select name from pragma_table_info(?) where pk order by pk", table))
        return [tuple(column or "" for (column,) in columns) for columns in named if columns]

    def _all(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return [] if self._connection is None else self._connection.execute(query, parameters).fetchall()

    def _number(self, pragma: str) -> int:
        ((value,),) = self._all(f"pragma {pragma}")
        return int(value)

    def _rows(self, table: str, *, sampled: bool = False) -> int | None:
        """By the last ANALYZE, else by the highest rowid; None where there is neither."""
        import sqlite3

        for query in (
            "select cast(stat as integer) from sqlite_stat1 where tbl = ? limit 1",
            f"select max(rowid) from {quoted(table)} where ? is not null",  # noqa: S608  # quoted
        ):
            try:
                found = self._all(query, table)
            except sqlite3.OperationalError:
                continue  # no ANALYZE ever ran, or the table is WITHOUT ROWID
            if found and found[0][0] is not None:
                return int(found[0][0])
        if not sampled:
            return None
        query = f"select count(*) from (select 1 from {quoted(table)} limit 100000)"  # noqa: S608  # quoted
        ((count,),) = self._all(query)
        return int(count)

    def _width(self, table: str) -> float:
        """Bytes of an average row, of the first ones."""
        lengths = " + ".join(
            f"ifnull(length(cast({quoted(name)} as blob)), 0) + 1" for name in self.columns(table)
        )
        query = f"select avg({lengths or 1}) from (select * from {quoted(table)} limit {_SAMPLE})"  # noqa: S608  # quoted
        ((width,),) = self._all(query)
        return float(width or 0) + 4
