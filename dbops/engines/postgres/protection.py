"""The marks of a database: a line of its comment says `environment=development` or `environment=production`.

dbops writes the first; the second is its owner's to write, and keeps test data out whatever is confirmed.
A mark stands on the database object, so that no session setting overrides it, its
owner can write it, and neither pg_dump nor a copy by TEMPLATE carries it to
another database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

MARK = "environment=development"
PRODUCTION = "environment=production"


def is_development(comment: str | None) -> bool:
    """Whether a database's comment has the mark as a line of its own, exactly."""
    return comment is not None and MARK in comment.split("\n")


def is_production(comment: str | None) -> bool:
    """Whether a database's comment says, on a line of its own, that it is production."""
    return comment is not None and PRODUCTION in comment.split("\n")


def add_mark(comment: str | None) -> str:
    """The comment with the mark; what stood there stays."""
    if not comment:
        return MARK
    return comment if is_development(comment) else f"{comment}\n{MARK}"


def read_comment(connection: psycopg.Connection[tuple[Any, ...]], database: str) -> str | None:
    """A database's comment; None where it has none or does not exist.  Readable from any database."""
    row = connection.execute(
        "SELECT pg_catalog.shobj_description(oid, 'pg_database')"
        " FROM pg_catalog.pg_database WHERE datname = %s",
        [database],
    ).fetchone()
    return None if row is None else row[0]


def mark(connection: psycopg.Connection[tuple[Any, ...]], database: str) -> None:
    """Mark a database as development; the connection must be its owner's."""
    from psycopg import sql

    comment = add_mark(read_comment(connection, database))
    connection.execute(
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(comment))
    )
