"""What a database holds: rows and fingerprints of its tables, read from a file that nobody writes to.

A row's bytes say the type of each value as SQLite stores it, so that 1, 1.0, '1' and x'31' are four values.  They are
those of `marshal` in its version 2, which every Python writes alike, and much quicker than anything written here could
be.  The sum of the rows' hashes is the same whatever their order, and two equal rows count twice.
"""

from __future__ import annotations

import hashlib
import marshal
from typing import TYPE_CHECKING, Literal

from dbops.engines.contents import Contents, TableContent
from dbops.engines.sqlite.tracking import quoted
from dbops.events import Detail, Listener

if TYPE_CHECKING:
    import sqlite3

ALGORITHM = 101
"""The number of this way to hash; those of other engines are below 100."""

_MARSHAL = 2
_DIGEST = 16
_SCHEMA = "main"
_GENERATED = (2, 3)


def measure(connection: sqlite3.Connection, level: Literal["full", "counts"], listen: Listener) -> Contents:
    """Every table, by its name; sequences are rows of `sqlite_sequence`, which is a table like the others.

    What a virtual table holds is in tables of its own, or outside of the database; it is told, and not read.

    :param connection: one of `connect_alone`.
    :raises sqlite3.DatabaseError: the file is damaged.
    """
    names = connection.execute(
        "select name, rootpage from sqlite_master where type = 'table' order by name"
    ).fetchall()
    tables = []
    for name, rootpage in names:
        if rootpage:
            tables.append(_table(connection, name, level))
        else:
            listen(
                Detail(f"{name} is a virtual table: it is proven by the tables in which it keeps its rows")
            )
    return Contents(tuple(tables))


def _table(connection: sqlite3.Connection, name: str, level: str) -> TableContent:
    if level == "counts":
        (rows,) = connection.execute(f"select count(*) from main.{quoted(name)}").fetchone()  # noqa: S608  # quoted
        return TableContent(_SCHEMA, name, rows, None)
    columns = _columns(connection, name)
    query = f"select {', '.join(map(quoted, columns))} from main.{quoted(name)}"  # noqa: S608  # quoted
    rows = total = 0
    dumps, blake2b = marshal.dumps, hashlib.blake2b
    for row in connection.execute(query):
        rows += 1
        total += int.from_bytes(blake2b(dumps(row, _MARSHAL), digest_size=_DIGEST).digest())
    return TableContent(_SCHEMA, name, rows, str(total % (1 << 8 * _DIGEST)), columns)


def _columns(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """Those that are stored by themselves, sorted."""
    found = connection.execute("select name, hidden from pragma_table_xinfo(?)", [table])
    return tuple(sorted(name for name, hidden in found if hidden not in _GENERATED))
