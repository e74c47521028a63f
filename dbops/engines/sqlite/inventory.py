"""What a backup records of a SQLite database, read from its copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.engines.inventory import FileInventory, FileProperties, MigrationState
from dbops.engines.sqlite import recorded, tracking

if TYPE_CHECKING:
    import sqlite3


def read(
    connection: sqlite3.Connection, name: str, journal_mode: str, tracking_table: str | None
) -> FileInventory:
    """Everything.

    :param name: the database's own, since the copy has another.
    :param journal_mode: likewise; a copy has no journal.
    :param tracking_table: as configured; None for the usual ones.
    """
    import sqlite3

    size, count = _number(connection, "page_size"), _number(connection, "page_count")
    (encoding,) = connection.execute("pragma encoding").fetchone()
    properties = FileProperties(
        name=name,
        bytes=size * count,
        page_size=size,
        encoding=encoding,
        user_version=_number(connection, "user_version"),
        application_id=_number(connection, "application_id"),
        journal_mode=journal_mode,
    )
    return FileInventory(sqlite3.sqlite_version, properties, migrations(connection, tracking_table))


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    (value,) = connection.execute(f"pragma {pragma}").fetchone()
    return int(value)


def migrations(connection: sqlite3.Connection, tracking_table: str | None) -> MigrationState | None:
    """Where the migrations stand; None without a tracking table."""
    found = tracking.find(connection, tracking_table)
    if found.foreign is not None:
        return MigrationState(found.foreign.table, found.foreign.tool)
    if not found.exist:
        return None
    return MigrationState.of(str(found.tables), recorded.read(connection, found.tables))
