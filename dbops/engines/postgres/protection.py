"""Where PostgreSQL keeps the marks of a database: in its COMMENT.

A mark stands on the database object, so that no session setting overrides it, its
owner can write it, and neither pg_dump nor a copy by TEMPLATE carries it to
another database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbops.engines.marks import add_mark

if TYPE_CHECKING:
    import psycopg


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
