"""yandex-pgmigrate: `schema_version`, a row for each migration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, select, statement
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from psycopg import sql


class Pgmigrate(Tool):
    """The description is the file's name with spaces."""

    name = "pgmigrate"
    tables = ("schema_version",)
    columns = frozenset({"version", "description", "type", "installed_by", "installed_on"})
    exactly = True

    def read(self, ask: Ask, table: TableName) -> History:
        """In the order in which they were installed."""
        rows = select(
            ask,
            "version, description, installed_by, installed_on::timestamptz",
            table,
            "installed_on, version",
        )
        return self.history(
            table,
            (
                Entry(
                    str(version),
                    Version.named(str(version)),
                    description.replace(" ", "_"),
                    applied_at=at,
                    applied_by=who,
                )
                for version, description, who, at in rows
            ),
        )

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """One row."""
        text = """
            insert into {table} (version, description, type, installed_by, installed_on)
            values ({id}::bigint, {description}, 'auto', session_user, now())
        """
        return [statement(text, one.table, id=one.id, description=one.name.replace("_", " "))]

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """No row: the tool itself has no way back."""
        return [statement("delete from {table} where version = {id}::bigint", one.table, id=one.id)]
