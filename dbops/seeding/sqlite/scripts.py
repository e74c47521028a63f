"""`.sql` files of fixture sets: their statements one by one, in the transaction of the load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.engines.sqlite.dialect import DIALECT
from dbops.engines.statements import position
from dbops.errors import DbopsError

if TYPE_CHECKING:
    import sqlite3


def run(connection: sqlite3.Connection, label: str, text: str) -> None:
    """Run the statements of a script.

    :raises DbopsError: one is refused, with its line.
    """
    import sqlite3

    for statement in DIALECT.split(text).statements:
        try:
            connection.execute(statement.text).fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            line, _ = position(text, statement.offset)
            raise DbopsError(
                f"{label} line {line}: {error}", hint="correct the file; nothing was written"
            ) from error
