"""What tests of scratch databases share: an ordinary role that may make them, and those that are there."""

from __future__ import annotations

from pathlib import Path

import psycopg
from psycopg import sql

from dbops.devdb import record
from dbops.devdb.record import Record
from tests.conftest import Project
from tests.servers import Database, Server


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


def give_private_server(project: Project, server: Server) -> None:
    """Let a server of the test run be the project's private one: its record is there, and it runs."""
    folder = project.folder / record.FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    data = Path(server.data)
    made = Record(
        data.parent,
        Path(server.bindir),
        server.major,
        server.port,
        Path(server.socket_dir),
        server.user,
        server.password,
        project.folder.resolve(),
    )
    record.save(folder, made)
