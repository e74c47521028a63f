"""graphile-migrate: a chain of hashes, each over the one before and the file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dbops.migrations import texts
from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, claimed, select, statement

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.migrations.model import MigrationFile


class GraphileMigrate(Tool):
    """A file's header says what its hash is and which one it follows."""

    name = "graphile-migrate"
    tables = ("migrations",)
    schema = "graphile_migrate"
    columns = frozenset({"hash", "previous_hash", "filename", "date"})
    exactly = True

    def read(self, ask: Ask, table: TableName) -> History:
        """In the order of the files, which is that of the chain."""
        rows = select(ask, "filename, hash, date", table, "filename")
        return self.history(
            table,
            (
                Entry(name, *claimed("graphile-migrate", name), applied_at=at, checksum=checksum)
                for name, checksum, at in rows
            ),
        )

    def id(self, file: MigrationFile) -> str:
        """The file's name without its slug: that of the message may change, and the tool leaves it out."""
        return f"{file.version.text}.sql"

    def lock_keys(self, table: TableName, database: str) -> tuple[int, ...]:
        """Always the same one."""
        return (4727445306447283,)

    def checksums(self, files: Sequence[MigrationFile], entries: Sequence[Entry] = ()) -> Mapping[str, str]:
        """Of the text behind the header; as the header says where it allows an invalid hash."""
        found = {}
        for file in files:
            header, body = _divided(texts.read_text(file.path).text)
            computed = _hash(body, header.get("Previous"))
            found[self.id(file)] = header.get("Hash", computed) if "AllowInvalidHash" in header else computed
        return found

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """The next link of the chain."""
        if one.file is None:
            raise self.no_mirror()
        previous = _divided(texts.read_text(one.file.path).text)[0].get("Previous")
        text = "insert into {table} (hash, previous_hash, filename) values ({hash}, {previous}, {id})"
        return [
            statement(
                text,
                one.table,
                hash=one.checksum,
                previous=None if previous == "-" else previous,
                id=one.id,
            )
        ]

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """No row: the tool itself has no way back."""
        return [statement("delete from {table} where filename = {id}", one.table, id=one.id)]


def _divided(text: str) -> tuple[dict[str, str], str]:
    """The header's entries and what follows it."""
    header: dict[str, str] = {}
    rest = text
    while rest.startswith("--! "):
        line, _, rest = rest.partition("\n")
        name, _, value = line.removeprefix("--! ").strip().partition(":")
        if name == "no-transaction":  # belongs to the body
            return header, f"{line}\n{rest}"
        header[name] = value.strip()
    return header, rest


def _hash(body: str, previous: str | None) -> str:
    text = f"{'' if previous in {None, '-'} else previous}\n{body.strip()}".strip()
    return "sha1:" + hashlib.sha1(f"{text}\n".encode(), usedforsecurity=False).hexdigest()
