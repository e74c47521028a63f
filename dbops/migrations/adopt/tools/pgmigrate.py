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
        """In the order in which they were installed; one that was set by hand is a baseline, and covers all below."""
        columns = "version, description, type::text, installed_by, installed_on::timestamptz"
        entries, baselines = [], []
        for version, description, kind, who, at in select(ask, columns, table, "installed_on, version"):
            found = Version.named(str(version))
            name = description.replace(" ", "_")
            entries.append(Entry(str(version), found, name, applied_at=at, applied_by=who))
            if kind == "manual":
                baselines.append(found)
        return self.history(table, entries, max(baselines, default=None))

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
