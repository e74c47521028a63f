"""goose: `goose_db_version`, in which the latest row of a version counts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, LockRow, Tool, select, statement
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from psycopg import sql

LOCK = 4097083626  # crc32 of "goose"


class Goose(Tool):
    """Its row of version 0 is no migration."""

    name = "goose"
    tables = ("goose_db_version",)
    columns = frozenset({"id", "version_id", "is_applied", "tstamp"})

    def read(self, ask: Ask, table: TableName) -> History:
        """Older releases wrote a row `false` for a down, today's delete."""
        latest: dict[int, Entry | None] = {}
        for version, applied, at in select(ask, "version_id, is_applied, tstamp::timestamptz", table, "id"):
            latest.pop(version, None)
            found = Entry(str(version), Version.named(str(version)), applied_at=at)
            latest[version] = found if applied and version else None
        return self.history(table, (entry for entry in latest.values() if entry))

    def lock_keys(self, table: TableName, database: str) -> tuple[int, ...]:
        """The one that goose's library takes where it is told to; its program takes none."""
        return (LOCK,)

    def lock_row(self, table: TableName, neighbours: frozenset[str]) -> LockRow | None:
        """The library's other way to lock, where its table is there.  Nothing renews our lease, so that it is long."""
        if "goose_lock" not in neighbours:
            return None
        rows, who = table.beside("goose_lock"), f"dbops, process {os.getpid()}"
        take = """
            insert into {table} as held (lock_id, locked, locked_at, locked_by, lease_expires_at, updated_at)
            values ({key}, true, now(), {who}, now() + interval '1 hour', now())
            on conflict (lock_id) do update set locked = true, locked_at = now(), locked_by = {who},
                lease_expires_at = now() + interval '1 hour', updated_at = now()
            where not held.locked or held.lease_expires_at < now()
            returning 1
        """
        free = """
            update {table} set locked = false, locked_at = null, locked_by = null, lease_expires_at = null,
                updated_at = now() where lock_id = {key} and locked_by = {who}
        """
        holder = "select locked_by || ', until ' || lease_expires_at from {table} where lock_id = {key}"
        return LockRow(
            statement(take, rows, key=LOCK, who=who),
            statement(free, rows, key=LOCK, who=who),
            statement(holder, rows, key=LOCK),
        )

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """One more row."""
        text = "insert into {table} (version_id, is_applied) values ({id}::bigint, true)"
        return [statement(text, one.table, id=one.id)]

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """All rows of the version go."""
        return [statement("delete from {table} where version_id = {id}::bigint", one.table, id=one.id)]
