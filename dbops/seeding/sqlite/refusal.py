"""What SQLite says of a row that it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.engines.catalog import Table
from dbops.engines.sqlite.errors import code_of

if TYPE_CHECKING:
    import sqlite3


def is_of_rows(error: sqlite3.Error) -> bool:
    """Whether it is a row or an expression that SQLite refuses, and not the file, its lock, or the disk."""
    code = code_of(error)
    return (
        code.startswith(("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG")) or code == "SQLITE_ERROR"
    )


def refused_columns(table: Table, said: str) -> str:
    """The columns that `UNIQUE constraint failed: users.email, users.name` names."""
    _, _, named = said.partition(" constraint failed: ")
    found = [part.removeprefix(f"{table.name}.") for part in named.split(", ")]
    return ", ".join(found) if all(map(table.column, found)) else ""
