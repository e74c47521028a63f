"""The schema as a file beside the migrations: `pg_dump -s` in one form, so that a review sees what changed."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbops import interrupts
from dbops.backups import temporary
from dbops.backups.plan import choose_client
from dbops.engines.postgres import servicefile
from dbops.engines.postgres.connection import application_name
from dbops.engines.postgres.schema.script import in_one_form
from dbops.errors import DbopsError
from dbops.migrations.discovery import SCHEMA_FILE_BEGINS
from dbops.process import run
from dbops.programs import Client

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session

_HEADER = f"{SCHEMA_FILE_BEGINS}  Made by bin/migrate schema: do not edit."

# What would write constants and names in another way.
_PINNED = "-c timezone=UTC -c quote_all_identifiers=off -c statement_timeout=0"


def text_of(session: Session, clients: Sequence[Client], lock_wait: float) -> str:
    """The file's text for the database of a session, without dbops' own tables.

    :param clients: the pg_dump, of which one has to be as new as the server; as `dbops.programs.clients` found them.
    :param lock_wait: seconds that pg_dump waits for a table that another session has locked.
    :raises ProgramFailed: there is no pg_dump, or it failed: a table may not be read, or stays locked.
    """
    major = session.connection.info.server_version // 10000
    client, _ = choose_client(clients, major)
    ((owner,),) = session.query(
        "select pg_catalog.pg_get_userbyid(datdba)::text from pg_catalog.pg_database"
        " where datname = pg_catalog.current_database()"
    )
    tables = [name.as_string(session.connection) for name in (session.tables.rows, session.tables.events)]
    words = [
        *(str(client.program("pg_dump")), "--schema-only", "--no-owner", "--encoding=UTF8", "--no-password"),
        *(f"--lock-wait-timeout={lock_wait * 1000:.0f}", *(f"--exclude-table={table}" for table in tables)),
    ]
    with temporary.folder() as folder:
        environ = servicefile.environ(
            session.connection, folder, application=application_name("migrate schema"), options=_PINNED
        )
        dump = run(words, environ=environ).stdout
    return "\n\n".join([_HEADER, *in_one_form(dump, owner, major)]) + "\n"


def difference(path: Path, text: str) -> list[str]:
    """What writing would change, as the lines of a unified difference; none where the file is as it should be.

    :raises DbopsError: the file cannot be read.
    """
    try:
        present = path.read_bytes().decode(errors="replace") if os.path.lexists(path) else ""
    except OSError as error:
        raise DbopsError(f"{path} cannot be read: {error.strerror}") from error
    found = difflib.unified_diff(
        present.splitlines(), text.splitlines(), str(path), "the database", lineterm=""
    )
    return list(found)


def write(path: Path, text: str) -> None:
    """Replace the file, whole or not at all; one that is there keeps its permissions.

    :raises DbopsError: it cannot be written; what was there is as it was.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with interrupts.held_back():
            partial.write_bytes(text.encode())
            if path.exists():
                partial.chmod(path.stat().st_mode)
            os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DbopsError(f"{path} cannot be written: {error.strerror}") from error
