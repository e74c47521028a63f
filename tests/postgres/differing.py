"""What the tests of `migrate diff` share."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from tests.conftest import Outcome, Project
from tests.servers import Database


def allow_databases(database: Database) -> None:
    """Let the role, which stays an ordinary one, make databases."""
    with psycopg.connect(**database.server.keywords(), autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(database.user)))


def diff(project: Project, to: str, *options: str, code: int = 0) -> Outcome:
    """Run `diff --to`, whose exit code must be this one."""
    outcome = project.run("migrate", "diff", "--to", to, *options)
    assert outcome.code == code, outcome
    return outcome


def found(project: Project, to: str, *options: str, code: int = 0) -> dict[str, Any]:
    """The result that it tells with --json."""
    events = diff(project, to, "--json", *options, code=code).events
    return dict(next(event for event in events if event["type"] == "result"))


def files(project: Project) -> set[str]:
    """Those of the migrations folder."""
    folder = project.folder / "migrations"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def scratches(database: Database) -> list[str]:
    """The scratch databases of the role."""
    with psycopg.connect(**database.server.keywords()) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, 'dbops_diff_')"
            " AND pg_get_userbyid(datdba) = %s",
            [database.user],
        ).fetchall()
    return [name for (name,) in rows]
