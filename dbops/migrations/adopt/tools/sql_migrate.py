"""sql-migrate: `gorp_migrations`, in which a file's name is its id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, claimed, select, statement

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.migrations.model import MigrationFile


class SqlMigrate(Tool):
    """It knows a migration by the name of its file, ending and all."""

    name = "sql-migrate"
    tables = ("gorp_migrations",)
    columns = frozenset({"id", "applied_at"})
    exactly = True
    distinctive = False
    keyed_by_name = True

    def read(self, ask: Ask, table: TableName) -> History:
        """In the order in which they were applied."""
        rows = select(ask, "id, applied_at::timestamptz", table, "applied_at, id")
        return self.history(
            table, (Entry(name, *claimed("sql-migrate", name), applied_at=at) for name, at in rows)
        )

    def id(self, file: MigrationFile) -> str:
        """The file's name."""
        return file.file_name

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """One row."""
        return [statement("insert into {table} (id, applied_at) values ({id}, now())", one.table, id=one.id)]

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """No row."""
        return [statement("delete from {table} where id = {id}", one.table, id=one.id)]
