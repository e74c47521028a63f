"""Atlas: `atlas_schema_revisions`, with a hash over all files up to each."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dbops.migrations import texts
from dbops.migrations.adopt.model import Entry, History, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, select
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.migrations.model import MigrationFile

_BASELINE = 1
_IGNORED = re.compile(rb"\A(?:--[^\n]*\n)*--\s*atlas:sum\s+ignore\b")
_COLUMNS = """version, description, type, applied, total, executed_at, execution_time / 1000000,
    coalesce(error, ''), hash"""


class Atlas(Tool):
    """A revision that counts fewer statements applied than it has stopped in the middle."""

    name = "atlas"
    tables = ("atlas_schema_revisions",)
    columns = frozenset({"version", "description", "type", "applied", "total", "executed_at", "hash"})

    def read(self, ask: Ask, table: TableName) -> History:
        """In the order in which they ran; rows whose version begins with a dot are Atlas' own notes."""
        entries, upto = [], None
        for version, name, kind, applied, total, at, took, error, checksum in select(
            ask, _COLUMNS, table, "executed_at, version"
        ):
            if version.startswith("."):
                continue
            doubt = f"{applied} of its {total} statements were applied" if applied < total or error else None
            found = Version.named(version)
            if kind & _BASELINE:
                upto = found if upto is None else max(upto, found)
            entries.append(
                Entry(
                    version,
                    found,
                    name,
                    applied_at=at,
                    execution_time_ms=took,
                    checksum=None if kind & _BASELINE else checksum or None,  # of a baseline nothing ran
                    doubt=doubt,
                )
            )
        return self.history(table, entries, upto)

    def id(self, file: MigrationFile) -> str:
        """As it is written."""
        return file.version.text

    def lock_keys(self, table: TableName, database: str) -> tuple[int, ...]:
        """FNV-1 of `atlas_migrate_execute`."""
        return (2686470616,)

    def checksums(self, files: Sequence[MigrationFile], entries: Sequence[Entry] = ()) -> Mapping[str, str]:
        """One running sha256 over the names and bytes of all files, read off after each."""
        found, running = {}, hashlib.sha256()
        for file in sorted(files, key=lambda file: file.file_name):
            raw = texts.read_bytes(file.path)
            running.update(file.file_name.encode())
            if _IGNORED.match(raw):
                continue
            running.update(raw)
            found[self.id(file)] = base64.b64encode(running.digest()).decode()
        return found
