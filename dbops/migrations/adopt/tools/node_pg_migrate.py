"""node-pg-migrate: `pgmigrations`, in which a file's name without its ending is the id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, claimed, select, statement

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.migrations.model import MigrationFile


class NodePgMigrate(Tool):
    """It checks that its rows are in the order of the files, by `run_on`."""

    name = "node-pg-migrate"
    tables = ("pgmigrations",)
    columns = frozenset({"id", "name", "run_on"})
    exactly = True
    distinctive = False
    keyed_by_name = True

    def read(self, ask: Ask, table: TableName) -> History:
        """In the order in which they were applied."""
        rows = select(ask, "name, run_on::timestamptz", table, "run_on, id")
        return self.history(
            table,
            (Entry(name, *claimed("node-pg-migrate", f"{name}.sql"), applied_at=at) for name, at in rows),
        )

    def id(self, file: MigrationFile) -> str:
        """The file's name without its ending."""
        return file.file_name.removesuffix(".sql")

    def lock_keys(self, table: TableName, database: str) -> tuple[int, ...]:
        """Always the same one."""
        return (7241865325823964,)

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """One row."""
        text = "insert into {table} (name, run_on) values ({id}, now())"
        return [statement(text, one.table, id=one.id)]

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """No row."""
        return [statement("delete from {table} where name = {id}", one.table, id=one.id)]
