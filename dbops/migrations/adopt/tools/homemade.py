"""Two tables that teams have made for themselves: the trading engine's, and the market maker's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dbops.migrations import texts
from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, claimed, select, statement
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from typing import LiteralString

    from psycopg import sql

    from dbops.migrations.model import MigrationFile


class _Homemade(Tool):
    """How the checksums were made nobody has written down: it is found out by what fits the files."""

    exactly = True

    def checksums(self, files: Sequence[MigrationFile], entries: Sequence[Entry] = ()) -> Mapping[str, str]:
        """By the first way of computing them that fits any of the rows; none where no way fits one.

        Where there are no rows to go by, it is the SHA-256 of the bytes.
        """
        stored = {entry.id: entry.checksum for entry in entries if entry.checksum}
        for compute in _ways():
            found = {self.id(file): compute(texts.read_bytes(file.path)) for file in files}
            if not stored or any(stored.get(name) == checksum for name, checksum in found.items()):
                return found
        return {}

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """No row."""
        return [statement("delete from {table} where version::text = {id}", one.table, id=one.id)]


class TradingEngine(_Homemade):
    """`schema_migrations` with six columns and an integer as version."""

    name = "trading-engine"
    tables = ("schema_migrations",)
    columns = frozenset({"version", "name", "description", "applied_at", "execution_time_ms", "checksum"})

    def read(self, ask: Ask, table: TableName) -> History:
        """In the order in which they were applied."""
        rows = select(
            ask,
            "version::text, name, description, applied_at::timestamptz, execution_time_ms, checksum",
            table,
            "applied_at, version",
        )
        return self.history(
            table,
            (
                Entry(text, Version.named(text), name, description, at, None, milliseconds, checksum)
                for text, name, description, at, milliseconds, checksum in rows
            ),
        )

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """One row, with what dbops has recorded of it."""
        text = """
            insert into {table} (version, name, description, applied_at, execution_time_ms, checksum)
            select {id}::integer, name, description, applied_at, execution_time_ms, {checksum}
            from {ours} where version = {version}
        """
        return [_from_ours(text, one)]


class MarketMaker(_Homemade):
    """`migrations` with a version as text, and who applied it."""

    name = "market-maker"
    tables = ("migrations",)
    columns = frozenset({"version", "name", "applied_at", "applied_by", "checksum"})

    def read(self, ask: Ask, table: TableName) -> History:
        """In the order in which they were applied; a version may have been written with the name behind it."""
        rows = select(
            ask,
            "version, name, applied_at::timestamptz, applied_by, checksum",
            table,
            "applied_at, version",
        )
        return self.history(
            table,
            (
                Entry(text, claimed("single", f"{text}-x.sql")[0], name, None, at, who, None, checksum)
                for text, name, at, who, checksum in rows
            ),
        )

    def id(self, file: MigrationFile) -> str:
        """As it is written."""
        return file.version.text

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """One row, with what dbops has recorded of it."""
        text = """
            insert into {table} (version, name, applied_at, applied_by, checksum)
            select {id}, name, applied_at, applied_by, {checksum} from {ours} where version = {version}
        """
        return [_from_ours(text, one)]


def _ways() -> Iterator[Callable[[bytes], str]]:
    """Digests in hexadecimal, over the bytes, over the text with other line ends, and over the text trimmed."""
    for name in ("sha256", "md5", "sha1", "sha512"):
        for prepared in (bytes, _unix, bytes.strip):

            def compute(raw: bytes, name: str = name, prepared: Callable[[bytes], bytes] = prepared) -> str:
                return hashlib.new(name, prepared(raw), usedforsecurity=False).hexdigest()

            yield compute


def _unix(raw: bytes) -> bytes:
    return raw.replace(b"\r\n", b"\n")


def _from_ours(text: LiteralString, one: Mirrored) -> sql.Composed:
    """A statement that takes what it writes from dbops' own record."""
    return statement(
        text, one.table, id=one.id, checksum=one.checksum, ours=one.ours, version=one.version.text
    )
