"""The three forms of `validate` on a SQLite database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dbops.engines.sqlite import catalog, checking
from dbops.engines.sqlite.tokens import texts, tokens
from dbops.engines.sqlite.tracking import quoted
from dbops.events import format_bytes, plural
from dbops.safety.checkup.model import Finding, Level

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from dbops.engines.statements import Statement

_ORPHANS = 'select "table", parent, count(*) from pragma_foreign_key_check group by 1, 2 order by 1, 2'
_INDEXED = "select i.name, group_concat(c.name) from pragma_index_list(?) as i, pragma_index_info(i.name) as c group by 1"
_HEADROOM = 2
"""A table made anew, a VACUUM or the WAL can take as much as the file, beside what is there."""


def database(connection: sqlite3.Connection) -> Iterator[Finding]:
    """What is wrong with the whole database.

    :raises sqlite3.Error: the file is locked.
    """
    checked = checking.check(connection)
    for damage in checked.damage:
        mend = "restore a backup: bin/restore lists them"
        yield Finding("damaged", Level.PROBLEM, "the file", damage, "PRAGMA integrity_check", mend)
    if checked.damage:
        return
    for table, parent, count in connection.execute(_ORPHANS).fetchall():
        said = f"{plural(count, 'row')} name a {parent} that is not there"
        shown = f"PRAGMA foreign_key_check({quoted(table)})"
        yield Finding(
            "orphans", Level.PROBLEM, table, said, shown, "delete them, or bring back what they name"
        )
    yield from _of_schema(connection)


def _of_schema(connection: sqlite3.Connection) -> Iterator[Finding]:
    for table in catalog.read(connection).catalog.tables:
        if not any(key.primary for key in table.keys):
            yield Finding("no-primary-key", Level.HINT, table.name, "has no primary key", "")
        indexed = [columns.split(",") for _, columns in connection.execute(_INDEXED, [table.name])]
        indexed += [[column for column in key.columns if column] for key in table.keys if key.primary]
        for key in table.foreign_keys:
            if not any(set(key.columns) == set(columns[: len(key.columns)]) for columns in indexed):
                columns = ", ".join(map(quoted, key.columns))
                yield Finding(
                    "foreign-key-without-index",
                    Level.HINT,
                    f"{table.name} ({', '.join(key.columns)})",
                    f"has no index: deleting from {key.table[1]} reads all of {table.name}",
                    "",
                    f"CREATE INDEX {quoted('_'.join((table.name, *key.columns)))} ON {quoted(table.name)} ({columns});",
                )


def migration(path: Path, free: int | None) -> Iterator[Finding]:
    """What stands in the way of one that is to run: room for what it may write.

    :param free: bytes that are free, where that was told.
    """
    import shutil

    size, free = path.stat().st_size, shutil.disk_usage(path.parent).free if free is None else free
    if free < _HEADROOM * size:
        said = f"is {format_bytes(free)}, and a table made anew can need as much as the file, {format_bytes(size)}"
        yield Finding("disk-space", Level.PROBLEM, "free space", said, "", "make room on that disk")


def rollback(connection: sqlite3.Connection, statements: Sequence[Statement]) -> Iterator[Finding]:
    """What goes with the tables and columns that a down section drops.

    :raises sqlite3.Error: the file is locked, or something of it is not there any more.
    """
    tables, gone = tables_of(connection), [_dropped(texts(statement.text)) for statement in statements]
    yield from _dependents(connection, {table.lower() for table, column in gone if table and not column})
    for table, column in gone:
        if table.lower() not in tables:
            continue
        counted = f"count({quoted(column)})" if column else "count(*)"
        query = f"SELECT {counted} FROM {quoted(table)}"  # noqa: S608  # both are quoted
        (count,) = connection.execute(query).fetchone()
        if count:
            about = f"the column {table}.{column}" if column else f"the table {table}"
            said = f"goes with {plural(count, 'value' if column else 'row')}"
            yield Finding("data-lost", Level.PROBLEM, about, said, query, "bin/backup before it")


def tables_of(connection: sqlite3.Connection) -> set[str]:
    """Their names in lower case."""
    return {
        name.lower() for (name,) in connection.execute("select name from sqlite_master where type = 'table'")
    }


def _dependents(connection: sqlite3.Connection, gone: set[str]) -> Iterator[Finding]:
    """Views and triggers that name a dropped table, and keys that refer to it; SQLite drops it all the same."""
    query = "select type, name, tbl_name, sql from sqlite_master where type in ('view', 'trigger', 'table') order by name"
    for kind, name, of, sql in connection.execute(query).fetchall():
        if of.lower() in gone or sql is None:
            continue
        if kind == "table":
            keys = connection.execute('select distinct "table" from pragma_foreign_key_list(?)', [name])
            named = {parent.lower() for (parent,) in keys}
        else:
            named = {token.name.lower() for token in tokens(sql) if token.kind in ("word", "quoted")}
        for table in sorted(named & gone):
            about = f"a foreign key of {name}" if kind == "table" else f"the {kind} {name}"
            said = f"names the table {table}, which the down section drops: it breaks without a word"
            mend = "drop or change it first, or write it into the down section"
            yield Finding("depends-on-it", Level.PROBLEM, about, said, "", mend)


def _dropped(words: Sequence[str]) -> tuple[str, str]:
    """The table, and the column where it is only that, which a statement drops; empty for nothing."""
    upper = [word.upper() for word in words]
    if upper[:2] == ["DROP", "TABLE"]:
        return _name(words[4 if upper[2:4] == ["IF", "EXISTS"] else 2 :]), ""
    if upper[:2] == ["ALTER", "TABLE"] and "DROP" in upper[3:5]:
        at = upper.index("DROP", 3) + 1
        return _name(words[2:]), _name(words[at + (upper[at : at + 1] == ["COLUMN"]) :])
    return "", ""


def _name(words: Sequence[str]) -> str:
    """The name that words begin with, its schema and its quotes taken away."""
    word = words[2] if words[1:2] == ["."] else words[0] if words else ""
    if word[:1] in {'"', "`", "["}:
        return word[1:-1].replace(word[-1] * 2, word[-1])
    return word
