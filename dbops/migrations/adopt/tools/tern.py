"""tern: one row with the number of the newest migration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.migrations.adopt.model import Entry, FoundTable, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, select, statement
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from psycopg import sql


class Tern(Tool):
    """Its migrations are numbered from 1 without a gap; 0 is the empty database."""

    name = "tern"
    tables = ("schema_version",)
    columns = frozenset({"version"})
    exactly = True
    distinctive = False

    def recognises(self, found: FoundTable) -> bool:
        """The version alone, as an integer."""
        return super().recognises(found) and found.columns["version"] == "integer"

    def read(self, ask: Ask, table: TableName) -> History:
        """Everything up to the row's version."""
        rows = select(ask, "version", table, "version")
        if not rows or rows[-1][0] == 0:
            return self.history(table, ())
        text = str(rows[-1][0])
        version = Version.named(text)
        return self.history(table, (Entry(text, version),), version)

    def lock_keys(self, table: TableName, database: str) -> tuple[int, ...]:
        """Always the same one."""
        return (9628173550095224,)

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """Where dbops is now."""
        text = "update {table} set version = coalesce((select max(version::int) from {ours}), 0)"
        return [statement(text, one.table, ours=one.ours)]

    reverted = applied
