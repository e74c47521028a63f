"""sqlx: `_sqlx_migrations`, with the SHA-384 of every file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from zlib import crc32

from dbops.migrations import texts
from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, select, statement
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.migrations.model import MigrationFile

_SALT = 0x3D32AD9E
_COLUMNS = "version, description, installed_on, success, encode(checksum, 'hex'), execution_time / 1000000"


class Sqlx(Tool):
    """The checksum is over the bytes, so that other line ends are another file."""

    name = "sqlx"
    tables = ("_sqlx_migrations",)
    columns = frozenset({"version", "description", "installed_on", "success", "checksum", "execution_time"})
    exactly = True

    def read(self, ask: Ask, table: TableName) -> History:
        """A row that is no success began and did not end."""
        return self.history(
            table,
            (
                Entry(
                    str(version),
                    Version.named(str(version)),
                    description.replace(" ", "_"),
                    applied_at=at,
                    execution_time_ms=max(milliseconds, 0),
                    checksum=checksum,
                    doubt=None
                    if success
                    else "it began and did not succeed, without a transaction around it",
                )
                for version, description, at, success, checksum, milliseconds in select(
                    ask, _COLUMNS, table, "installed_on, version"
                )
            ),
        )

    def lock_keys(self, table: TableName, database: str) -> tuple[int, ...]:
        """Of the database's name."""
        return (_SALT * crc32(database.encode()),)

    def checksums(self, files: Sequence[MigrationFile], entries: Sequence[Entry] = ()) -> Mapping[str, str]:
        """Of the bytes of each file that goes up."""
        return {self.id(file): hashlib.sha384(texts.read_bytes(file.path)).hexdigest() for file in files}

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """One row; for a migration whose file is gone there is no checksum."""
        text = """
            insert into {table} (version, description, success, checksum, execution_time)
            select {id}::bigint, {description}, true, decode({checksum}, 'hex'),
                coalesce(execution_time_ms, 0) * 1000000::bigint from {ours} where version = {version}
        """
        return [
            statement(
                text,
                one.table,
                id=one.id,
                description=one.name.replace("_", " "),
                checksum=one.checksum or "",
                ours=one.ours,
                version=one.version.text,
            )
        ]

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """No row."""
        return [statement("delete from {table} where version = {id}::bigint", one.table, id=one.id)]
