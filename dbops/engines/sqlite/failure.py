"""What SQLite says of a statement that failed, and where in it."""

from __future__ import annotations

import bisect
import re
from typing import TYPE_CHECKING

from dbops.engines.base import ServerError, Trouble
from dbops.engines.sqlite.errors import code_of, is_locked
from dbops.engines.sqlite.tokens import OpenQuote, Token, tokens

if TYPE_CHECKING:
    import sqlite3

_NEEDS_NO_TRANSACTION = re.compile(r"(?:within|inside) a transaction")
# The name that is meant, perhaps qualified.
_NAMED = re.compile(
    r"(?:no such [a-z ]+: |duplicate column name: |has no column named )(?P<name>\S+)"
    r"|^(?:table|index|view|trigger) (?P<there>\S+) already exists"
)
_REFUSED = re.compile(r"(?P<rule>NOT NULL|UNIQUE) constraint failed: (?P<table>[^.]+)\.(?P<column>[^.,]+)")
_ROWS = ("SQLITE_CONSTRAINT", "SQLITE_MISMATCH")
_NO_ROOM = ("SQLITE_FULL", "SQLITE_NOMEM")


def server_error(
    error: sqlite3.Error | sqlite3.Warning, connection: sqlite3.Connection, statement: str
) -> ServerError:
    """The failure of a statement, with SQLite's own words, its code as detail, and the place."""
    message, code = str(error), code_of(error)
    trouble = None
    if message.startswith("Incorrect number of bindings") and message.endswith("there are 0 supplied."):
        message = "it has parameters (?, :name, $name), and nothing stands for them"
    elif is_locked(error):
        trouble = Trouble.LOCKED
    elif code.startswith("SQLITE_READONLY"):
        trouble = Trouble.READ_ONLY
    elif _NEEDS_NO_TRANSACTION.search(message):
        trouble = Trouble.NEEDS_NO_TRANSACTION
    elif (
        code.startswith(_ROWS) and code != "SQLITE_CONSTRAINT_TRIGGER"
    ):  # unlike what a trigger itself refuses
        trouble = Trouble.ROWS
    elif code.startswith(_NO_ROOM):
        trouble = Trouble.NO_ROOM
    refused = _REFUSED.match(message)
    return ServerError(
        message,
        detail=None if code in ("", "SQLITE_ERROR") else code,
        position=_position(connection, statement, message),
        trouble=trouble,
        table=named(refused["table"]) if refused else None,
        column=refused["column"] if refused and refused["rule"] == "NOT NULL" else None,
    )


def named(table: str) -> tuple[str, str]:
    """A table as the catalog names it, in which all are in one schema."""
    return "public", table


def _position(connection: sqlite3.Connection, statement: str, message: str) -> int | None:
    """Where the trouble is, in characters from 1.  SQLite's driver does not tell, so it is found by what is named."""
    try:
        read = list(tokens(statement))
    except OpenQuote as quote:
        return quote.offset + 1
    if message == "incomplete input":
        return len(statement)
    if message.startswith("it has parameters"):
        return next((token.start + 1 for token in read if token.kind == "variable"), None)
    if near := re.fullmatch(r'near "(.+)": syntax error', message, re.DOTALL):
        return _syntax_error(connection, statement, message, [one for one in read if one.text == near[1]])
    if wrong := re.fullmatch(r'unrecognized token: "(.+)"', message, re.DOTALL):
        return next((one.start + 1 for one in read if statement.startswith(wrong[1], one.start)), None)
    if named := _NAMED.search(message):
        name = (named["name"] or named["there"]).rpartition(".")[2].strip("\"'`[]").lower()
        return next((one.start + 1 for one in read if one.name.lower() == name), None)
    return None


def _syntax_error(
    connection: sqlite3.Connection, statement: str, message: str, candidates: list[Token]
) -> int | None:
    """Which of several equal tokens is meant: the first up to which the statement gives the same error.

    A text that ends before it is incomplete, or even right.  EXPLAIN compiles it and runs nothing.
    """
    if len(candidates) < 2 or statement[:6].lower() == "pragma":
        return candidates[0].start + 1 if candidates else None
    ends = [token.end for token in candidates]
    at = bisect.bisect_left(ends, 1, key=lambda end: int(_said(connection, statement[:end]) == message))
    return candidates[min(at, len(candidates) - 1)].start + 1


def _said(connection: sqlite3.Connection, text: str) -> str:
    import sqlite3

    try:
        connection.execute(f"explain {text}").close()
    except (sqlite3.Error, sqlite3.Warning) as error:
        return str(error)
    return ""


def hint(error: ServerError, version: str) -> str | None:
    """The next step after a migration failed with this error, or None where SQLite's words must do.

    :param version: the migration's, for the commands in the hint.
    """
    message, code = error.message, error.detail or ""
    if re.search(r"already exists$|^duplicate column name", message):
        return (
            f"if it was made by hand or by another tool: bin/migrate mark {version} records just this migration; "
            "otherwise write IF NOT EXISTS into the file"
        )
    if message.startswith('near ".": '):
        return (
            "the sqlite3 shell's own commands (.read, .import, .mode) cannot be in a migration: take it out"
        )
    if message.startswith("it has parameters"):
        return "write the values themselves"
    if code.startswith("SQLITE_CONSTRAINT_FOREIGNKEY"):
        return (
            "rows that refer to others must go or change first; a migration that makes a table anew says "
            "PRAGMA foreign_keys = OFF, and is checked before its commit"
        )
    if re.match("error in (view|trigger)", message):
        return (
            "a view or a trigger names what is not there just now: write PRAGMA legacy_alter_table = ON; at the head of "
            "the file, or drop it first and make it again"
        )
    if message.startswith("DROP TABLE"):
        return "write PRAGMA foreign_keys = OFF; at the head of the file: the rows stay, and are checked before the commit"
    if code == "SQLITE_FULL":
        return "make room on the disk, then run the command again"
    if code.startswith("SQLITE_READONLY"):
        return "the file and its folder must be writable, for SQLite keeps its journal beside it"
    if "statement timeout" in message:
        return "raise it with --statement-timeout, or in the file with -- dbops: statement-timeout 1h"
    return None
