"""yoyo: `_yoyo_migration` says what is applied, `_yoyo_log` what was done; a row of `yoyo_lock` is its lock."""

from __future__ import annotations

import hashlib
import os
import uuid
from typing import TYPE_CHECKING

from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, LockRow, Tool, claimed, select, statement

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.migrations.model import MigrationFile


class Yoyo(Tool):
    """The id is the file's name without its ending, and rows are found by its sha256."""

    name = "yoyo"
    tables = ("_yoyo_migration",)
    columns = frozenset({"migration_hash", "migration_id", "applied_at_utc"})
    exactly = True
    keyed_by_name = True

    def read(self, ask: Ask, table: TableName) -> History:
        """In the order in which they were applied."""
        rows = select(
            ask, "migration_id, applied_at_utc at time zone 'UTC'", table, "applied_at_utc, migration_id"
        )
        return self.history(
            table, (Entry(name, *claimed("yoyo", f"{name}.sql"), applied_at=at) for name, at in rows)
        )

    def id(self, file: MigrationFile) -> str:
        """The file's name without its ending."""
        return file.file_name.removesuffix(".sql")

    def lock_row(self, table: TableName, neighbours: frozenset[str]) -> LockRow | None:
        """As yoyo does it: where dbops is killed, the row stays, as yoyo's own does."""
        if "yoyo_lock" not in neighbours:
            return None
        rows, pid = table.beside("yoyo_lock"), os.getpid()
        take = """
            insert into {table} (locked, ctime, pid) values (1, now() at time zone 'UTC', {pid})
            on conflict do nothing returning 1
        """
        holder = """
            select 'process ' || pid || ' of yoyo, since ' || coalesce(ctime::text, '?')
                || ' UTC (if it is gone: yoyo break-lock)' from {table}
        """
        return LockRow(
            statement(take, rows, pid=pid),
            statement("delete from {table} where pid = {pid}", rows, pid=pid),
            statement(holder, rows),
        )

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """A row, and a line in the log."""
        text = """
            insert into {table} (migration_hash, migration_id, applied_at_utc)
            values ({hash}, {id}, clock_timestamp() at time zone 'UTC')
        """
        return [statement(text, one.table, hash=_hash(one.id), id=one.id), _logged(one, "apply")]

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """No row, and a line in the log."""
        gone = statement("delete from {table} where migration_hash = {hash}", one.table, hash=_hash(one.id))
        return [gone, _logged(one, "rollback")]


def _hash(migration_id: str) -> str:
    return hashlib.sha256(migration_id.encode()).hexdigest()


def _logged(one: Mirrored, operation: str) -> sql.Composed:
    text = """
        insert into {table} (id, migration_hash, migration_id, operation, username, hostname, comment, created_at_utc)
        values ({uuid}, {hash}, {id}, {operation}, session_user, 'dbops', 'by dbops',
            clock_timestamp() at time zone 'UTC')
    """
    return statement(
        text,
        one.table.beside("_yoyo_log"),
        uuid=str(uuid.uuid4()),
        hash=_hash(one.id),
        id=one.id,
        operation=operation,
    )
