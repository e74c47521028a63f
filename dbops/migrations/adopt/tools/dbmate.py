"""dbmate and Rails: `schema_migrations` with a version, as text, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from dbops.migrations.adopt.model import Entry, FoundTable, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, select, statement
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.migrations.model import MigrationFile

_RAILS_SALT = 2053462845


class Dbmate(Tool):
    """Rows are inserted and deleted; the version is what the file's name begins with."""

    name = "dbmate"
    tables = ("schema_migrations",)
    columns = frozenset({"version"})
    exactly = True
    distinctive = False

    def recognises(self, found: FoundTable) -> bool:
        """The version alone, as text, and no Rails beside it."""
        return _text_alone(found) and "ar_internal_metadata" not in found.neighbours

    def read(self, ask: Ask, table: TableName) -> History:
        """In the order of text, as dbmate itself has them."""
        rows = select(ask, "version", table, "version")
        return self.history(table, (Entry(version, Version.named(version)) for (version,) in rows))

    def id(self, file: MigrationFile) -> str:
        """As it is written."""
        return file.version.text

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """One row."""
        return [statement("insert into {table} (version) values ({id})", one.table, id=one.id)]

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """No row."""
        return [statement("delete from {table} where version = {id}", one.table, id=one.id)]


class Rails(Dbmate):
    """The same table beside `ar_internal_metadata`; Rails locks by the name of the database."""

    name = "Rails"

    def recognises(self, found: FoundTable) -> bool:
        """The version alone, as text, beside Rails' other table."""
        return _text_alone(found) and "ar_internal_metadata" in found.neighbours

    def lock_keys(self, table: TableName, database: str) -> tuple[int, ...]:
        """Of the database's name."""
        return (_RAILS_SALT * crc32(database.encode()),)


def _text_alone(found: FoundTable) -> bool:
    return found.columns.keys() == {"version"} and found.columns["version"] in {"character varying", "text"}
