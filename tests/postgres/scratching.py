"""What tests of scratch databases share: an ordinary role that may make them, and those that are there."""

from __future__ import annotations

from psycopg import sql

from tests.servers import Database, admin


def allow_databases(database: Database) -> None:
    """Let the role, which stays an ordinary one, make databases."""
    admin(database.server).execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(database.user)))


def scratches(database: Database, prefix: str = "dbops_verify_") -> list[str]:
    """The scratch databases of the role."""
    rows = admin(database.server).execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND pg_get_userbyid(datdba) = %s",
        [prefix, database.user],
    )
    return [name for (name,) in rows]
