"""`.sql` files of fixture sets: their statements one by one, in the transaction of the load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.engines.sqlite.dialect import DIALECT
from dbops.engines.statements import Kind, Statement, UnreadableSql, position
from dbops.errors import DbopsError
from dbops.seeding.fixtures.model import Problem

if TYPE_CHECKING:
    import sqlite3

_REASONS = {
    Kind.BEGIN: "it begins a transaction",
    Kind.COMMIT: "it commits",
    Kind.ROLLBACK: "it rolls back",
}


def problems_of(label: str, text: str) -> list[Problem]:
    """What keeps a script from being run in the transaction of the load."""
    try:
        statements = DIALECT.split(text).statements
    except UnreadableSql as error:
        return [Problem(label, "", str(error))]
    found = []
    for statement in statements:
        if reason := _reason(statement):
            line, _ = position(text, statement.offset)
            message = f"{reason}: all that is loaded is one transaction"
            found.append(Problem(label, "", message, line=line))
    return found


def _reason(statement: Statement) -> str:
    if statement.kind is Kind.ALONE:
        return f"{statement.reason} cannot run in a transaction"
    refused = statement.facts.refused
    return refused[0] if refused else _REASONS.get(statement.kind, "")


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
