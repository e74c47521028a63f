"""What SQLite finds when it checks a file that nobody writes to."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dbops.engines.sqlite.errors import code_of

if TYPE_CHECKING:
    import sqlite3

_MOST = 100
# What only the application that made the file brings along.
_FOREIGN = (
    "no such collation sequence",
    "no such function",
    "no such module",
    "unknown function",
    "unknown tokenizer",
    "unsafe use of",
)


@dataclasses.dataclass(frozen=True)
class Checked:
    """`damage` says where the file is not whole; `notes` are sentences on what could not be checked, or breaks a rule."""

    damage: tuple[str, ...]
    notes: tuple[str, ...] = ()


def check(connection: sqlite3.Connection) -> Checked:
    """`integrity_check`, then `foreign_key_check`."""
    damage, notes = _integrity(connection)
    return Checked(damage, notes) if damage else Checked((), (*notes, *_foreign_keys(connection)))


def _integrity(connection: sqlite3.Connection) -> tuple[tuple[str, ...], tuple[str, ...]]:
    import sqlite3

    try:
        return _found(connection, "integrity_check"), ()
    except sqlite3.OperationalError as error:
        if not str(error).startswith(_FOREIGN):
            return (str(error),), ()
        lacking = f"indexes and constraints could not be compared with the rows, here there is {error}"
    except sqlite3.DatabaseError as error:
        return (str(error),), ()
    try:
        return _found(connection, "quick_check"), (lacking,)
    except sqlite3.DatabaseError as error:
        return ((), (lacking, f"nor could the pages: {error}")) if _harmless(error) else ((str(error),), ())


def _harmless(error: sqlite3.Error) -> bool:
    return code_of(error).startswith("SQLITE_ERROR") and str(error).startswith(_FOREIGN)


def _found(connection: sqlite3.Connection, pragma: str) -> tuple[str, ...]:
    rows = connection.execute(f"pragma {pragma}({_MOST})").fetchall()
    return tuple(line for (text,) in rows if text != "ok" for line in str(text).splitlines())


def _foreign_keys(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Rows that refer to rows which are not there: SQLite lets them in wherever `foreign_keys` is off."""
    import sqlite3

    try:
        rows = connection.execute(
            'select "table", parent, count(*) from pragma_foreign_key_check group by 1, 2 order by 1, 2'
        ).fetchall()
    except sqlite3.OperationalError as error:
        return (f"foreign keys could not be checked: {error}",)
    return tuple(
        f"{count} row{'' if count == 1 else 's'} of {table} refer{'s' if count == 1 else ''} to rows of {parent} "
        "that are not there (PRAGMA foreign_key_check)"
        for table, parent, count in rows
    )
