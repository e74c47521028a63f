"""What tests of scratch databases share: an ordinary role that may make them, and those that are there."""

from __future__ import annotations

import psycopg
from psycopg import sql

from tests.servers import Database


def allow_databases(database: Database) -> None:
    """Let the role, which stays an ordinary one, make databases."""
    with psycopg.connect(**database.server.keywords(), autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(database.user)))


def scratches(database: Database, prefix: str = "dbops_verify_") -> list[str]:
    """The scratch databases of the role."""
    with psycopg.connect(**database.server.keywords()) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND pg_get_userbyid(datdba) = %s",
            [prefix, database.user],
        ).fetchall()
    return [name for (name,) in rows]
