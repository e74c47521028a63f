"""Reading a database's schema from SQLite: its PRAGMAs, and the definitions in `sqlite_master` for what they leave out.

Not read: views, virtual tables and what belongs to them, SQLite's own tables, attached databases.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import (
    TRACKING,
    Catalog,
    Check,
    Column,
    ForeignKey,
    Identity,
    Key,
    Table,
    TableName,
    Trigger,
)
from dbops.engines.sqlite.ddl import Definition, acts_on_insert, is_virtual, read_index, read_table
from dbops.engines.sqlite.spelling import spelled
from dbops.engines.sqlite.types import data_type, shown_by_checks

if TYPE_CHECKING:
    import sqlite3

SCHEMA = "public"
"""What the model calls the schema of an engine that has none."""
_GENERATED = (2, 3)  # of `hidden` in PRAGMA table_xinfo: virtual, stored


@dataclasses.dataclass(frozen=True)
class Schema:
    """A schema, with its expressions as they are written.

    :param written: by an expression as the catalog has it, in PostgreSQL's grammar, what SQLite calls it.
    """

    catalog: Catalog
    written: Mapping[str, str]


def read(connection: sqlite3.Connection, without: Collection[TableName] = ()) -> Schema:
    """The schema at this moment.

    :param without: tables to leave out besides those in which migration tools keep their records.
    :raises sqlite3.Error: the file is locked, or damaged.
    """
    return _Reading(connection, {name for _, name in without}).schema()


class _Reading:
    def __init__(self, connection: sqlite3.Connection, without: Collection[str]) -> None:
        self._connection = connection
        self._without = TRACKING.union(without)
        self._written: dict[str, str] = {}
        self._indexes: dict[str, str] = {}
        self._triggers: dict[str, list[str]] = defaultdict(list)

    def schema(self) -> Schema:
        rows = self._rows(
            "select type, name, tbl_name, sql from sqlite_master where sql is not null order by name"
        )
        tables = {name: sql for kind, name, _, sql in rows if kind == "table"}
        self._indexes = {name: sql for kind, name, _, sql in rows if kind == "index"}
        for kind, name, table, sql in rows:
            if kind == "trigger" and acts_on_insert(sql):
                self._triggers[table].append(name)
        virtual = [name for name, sql in tables.items() if is_virtual(sql)]
        read = [
            self._table(number, name, read_table(sql))
            for number, (name, sql) in enumerate(tables.items(), 1)
            if name not in self._without and not name.startswith("sqlite_") and not _belongs(name, virtual)
        ]
        known = {table.id: table for table in read}
        return Schema(Catalog(tuple(_referring(table, known) for table in read)), self._written)

    def _rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, parameters).fetchall()

    def _table(self, number: int, name: str, definition: Definition) -> Table:
        found = self._rows(
            'select name, type, "notnull", dflt_value, pk, hidden from pragma_table_xinfo(?)', name
        )
        columns = [row[0] for row in found]
        shown = shown_by_checks([check.expression for check in definition.checks], columns)
        indexes = self._rows(
            "select name, origin from pragma_index_list(?) where \"unique\" order by origin <> 'pk', name",
            name,
        )
        has_index = any(origin == "pk" for _, origin in indexes)
        primary = tuple(row[0] for row in sorted((row for row in found if row[4]), key=lambda row: row[4]))
        rowid = primary if len(primary) == 1 and not has_index and not definition.without_rowid else ()
        return Table(
            SCHEMA, name, number,
            columns=tuple(
                self._column(name, row, definition, columns, shown=shown.get(row[0]), is_rowid=row[0] in rowid)
                for row in found
            ),
            keys=tuple(self._keys(name, primary, indexes, columns, has_index=has_index)),
            foreign_keys=tuple(self._foreign_keys(name, definition)),
            checks=tuple(
                Check(check.name or f"{name}_check_{at}", self._spelled(check.expression, columns))
                for at, check in enumerate(definition.checks, 1)
            ),
            # A trigger before INSERT cannot give values here.
            triggers=tuple(Trigger(one, (SCHEMA, one), row=True, before=False) for one in self._triggers[name]),
        )  # fmt: skip

    def _column(
        self, table: str, row: Sequence[Any], definition: Definition, columns: Sequence[str], *,
        shown: str | None, is_rowid: bool,
    ) -> Column:  # fmt: skip
        name, declared, not_null, default, place, hidden = row
        generated = definition.generated.get(name) if hidden in _GENERATED else None
        if generated is not None:
            declared = declared.upper().partition("GENERATED ALWAYS")[0].strip()
        return Column(
            name,
            data_type(declared, name, default, shown=shown),
            bool(not_null or place),
            default=default,
            generated=None if generated is None else self._spelled(generated, columns),
            identity=Identity.BY_DEFAULT if is_rowid else Identity.NO,
            sequence=(SCHEMA, table) if is_rowid else None,
        )

    def _keys(
        self, table: str, primary: tuple[str, ...], indexes: Sequence[Sequence[Any]], columns: Sequence[str],
        *, has_index: bool,
    ) -> Iterator[Key]:  # fmt: skip
        if primary and not has_index:  # it is the table itself
            yield Key(f"{table}_pkey", primary, tuple(map(_quoted, primary)), primary=True)
        for index, origin in indexes:
            entries = self._rows(
                "select cid, name from pragma_index_xinfo(?) where key order by seqno", index
            )
            if origin == "c":
                texts, predicate = read_index(self._indexes[index])
                yield Key(
                    index,
                    tuple(None if number < 0 else column for number, column in entries),
                    tuple(self._spelled(text, columns) for text in texts),
                    predicate=None if predicate is None else self._spelled(predicate, columns),
                    constraint=False,
                )
            else:
                names = tuple(column for _, column in entries)
                yield Key(index, names, tuple(map(_quoted, names)), primary=origin == "pk")

    def _foreign_keys(self, table: str, definition: Definition) -> Iterator[ForeignKey]:
        """In the order of the definition; `defer_foreign_keys` lets any of them wait until the commit."""
        found: dict[int, list[Sequence[Any]]] = defaultdict(list)
        for row in self._rows(
            'select id, "table", "from", "to" from pragma_foreign_key_list(?) order by id desc, seq', table
        ):
            found[row[0]].append(row)
        for rows in found.values():
            columns = tuple(row[2] for row in rows)
            name = definition.references.get(columns) or f"{table}_{'_'.join(columns)}_fkey"
            referenced = tuple(row[3] or "" for row in rows)
            yield ForeignKey(name, columns, (SCHEMA, rows[0][1]), referenced, deferrable=True)

    def _spelled(self, text: str, columns: Sequence[str]) -> str:
        made = spelled(text, columns)
        self._written[made] = text
        return made


def _referring(table: Table, known: Mapping[TableName, Table]) -> Table:
    """With the names that the catalog has, as SQLite does not tell capitals apart; no columns mean the primary key."""
    by_lower = {name[1].lower(): found for name, found in known.items()}
    keys = []
    for key in table.foreign_keys:
        parent = by_lower.get(key.table[1].lower())
        if parent is None:
            keys.append(key)
            continue
        primary = parent.primary_key.columns if parent.primary_key else ()
        columns = {column.name.lower(): column.name for column in parent.columns}
        referenced = [columns.get(name.lower(), name) for name in key.referenced]
        if "" in referenced:
            referenced = [name or "" for name in primary]
        keys.append(dataclasses.replace(key, table=parent.id, referenced=tuple(referenced)))
    return dataclasses.replace(table, foreign_keys=tuple(keys))


def _belongs(name: str, virtual: Sequence[str]) -> bool:
    """Whether it is a virtual table, or one in which such a table keeps what it holds."""
    return any(name == one or name.startswith(f"{one}_") for one in virtual)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
