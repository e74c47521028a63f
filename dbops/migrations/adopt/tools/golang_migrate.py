"""golang-migrate: one row that says where it is, and whether something went wrong on the way there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, select, statement
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from psycopg import sql

_SALT = 1486364155
_NOTHING = -1  # what it writes on the way down to the empty database


class GolangMigrate(Tool):
    """At most one row; the version of a failed run is its target, which on the way down is the version before."""

    name = "golang-migrate"
    tables = ("schema_migrations",)
    columns = frozenset({"version", "dirty"})
    exactly = True

    def read(self, ask: Ask, table: TableName) -> History:
        """Everything up to the row's version; no row is nothing."""
        rows = select(ask, "version, dirty", table, "version")
        if not rows:
            return self.history(table, ())
        at, dirty = rows[-1]
        version = Version.named(str(max(at, 0)))
        if not dirty:
            entries = () if at == _NOTHING else (Entry(str(at), version),)
            return self.history(table, entries, version)
        return self.history(table, (Entry(str(at), version, doubt=_doubt(at)),), version)

    def lock_keys(self, table: TableName, database: str) -> tuple[int, ...]:
        """The program gives the path of its URL, `/db`; a library that names no database gives `db`."""
        return tuple(lock_key(table, name) for name in (f"/{database}", database))

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """Where dbops is now."""
        return [
            statement("truncate {table}", one.table),
            statement(
                "insert into {table} (version, dirty) select version::bigint, false from {ours}"
                " where sort_key < '~' order by sort_key desc limit 1",
                one.table,
                ours=one.ours,
            ),
        ]

    reverted = applied


def lock_key(table: TableName, database: str) -> int:
    """The key for a table and what the tool takes for the database's name."""
    return crc32(f"{table.schema}\0{table.name}\0{database}".encode()) * _SALT % 2**32


def _doubt(at: int) -> str:
    if at == _NOTHING:
        return "the down of the first migration failed or was interrupted"
    return f"the up of {at} failed or was interrupted, or the down of the one after {at} did"
