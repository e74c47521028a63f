"""What the tests of `migrate` share: texts of migrations, and looks at what a command has left."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from tests.conftest import Outcome, Project
from tests.servers import Database, admin


def single(up: str, down: str | None = None, description: str = "") -> str:
    """A migration in one file, its down section commented out."""
    header = f"-- Description: {description}\n" if description else ""
    undo = "" if down is None else f"\n-- DOWN Migration\n/*\n{down}\n*/\n"
    return f"{header}-- UP Migration\n{up}\n{undo}"


def write_tables(project: Project, *names: str) -> None:
    """`001_NAME.sql` and so on, each of which makes the table NAME and drops it again."""
    for number, name in enumerate(names, start=1):
        text = single(f"CREATE TABLE {name} (id int);", f"DROP TABLE {name};", f"The table {name}")
        project.write(f"migrations/{number:03d}_{name}.sql", text)


def ran(project: Project, *argv: str, environ: dict[str, str] | None = None, stdin: str = "") -> Outcome:
    """Run `migrate ARGV`, which must succeed."""
    outcome = project.run("migrate", *argv, environ=environ, stdin=stdin)
    assert outcome.code == 0, outcome
    return outcome


def states(project: Project, *options: str) -> dict[str, str]:
    """Version to state, as `status --json` tells."""
    rows = ran(project, "status", "--json", *options).json["migrations"]
    return {row["version"]: row["state"] for row in rows}


def applied(connection: psycopg.Connection[Any], table: str = "public.schema_migrations") -> list[str]:
    """The versions in the tracking table."""
    rows = connection.execute(f"SELECT version FROM {table} ORDER BY sort_key").fetchall()
    return [row[0] for row in rows]


def tables(connection: psycopg.Connection[Any]) -> list[str]:
    """The tables of the schema public, but for those of dbops."""
    rows = connection.execute(
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
        " AND tablename NOT LIKE 'schema_migrations%' ORDER BY 1"
    ).fetchall()
    return [row[0] for row in rows]


def events(connection: psycopg.Connection[Any], columns: str = "action, version") -> list[tuple[Any, ...]]:
    """The event log, oldest first, without the journal and the schemas that were stored."""
    return connection.execute(
        f"SELECT {columns} FROM public.schema_migrations_events"
        " WHERE action NOT LIKE 'statement %' AND action <> 'schema stored' ORDER BY id"
    ).fetchall()


def dump(database: Database, *options: str) -> str:
    """`pg_dump` of the server's own version, without the keys that differ at each run."""
    words: Sequence[str] = (f"{database.server.bindir}/pg_dump", "--no-owner", *options, database.url)
    text = subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout
    return "\n".join(
        line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    )


def mark_as_development(database: Database) -> None:
    """Give the database the mark of one that setup-dev-db made."""
    statement = sql.SQL("COMMENT ON DATABASE {} IS 'environment=development'")
    admin(database.server).execute(statement.format(sql.Identifier(database.name)))


def on_terminal(project: Project, answer: str, *argv: str) -> tuple[int, str]:
    """Run `migrate ARGV` on a terminal, type an answer; returns the exit code and all that was shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-I", "-m", "dbops", "migrate", *argv]
    process = subprocess.Popen(
        command, cwd=project.folder, env=project.environ, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    shown = b""
    # Linux ends the reading of a terminal that nobody has open with an error.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 4096):
            shown += part
    os.close(ours)
    return process.wait(60), shown.decode()
