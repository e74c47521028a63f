"""Flyway: `flyway_schema_history`, append-only; a later row may cancel a version."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from zlib import crc32

from dbops.migrations import texts
from dbops.migrations.adopt.model import Entry, History, Mirrored, TableName
from dbops.migrations.adopt.tools.base import Ask, Tool, select, statement
from dbops.migrations.version import REPEATABLE, Version

if TYPE_CHECKING:
    from psycopg import sql

    from dbops.migrations.model import MigrationFile

_MAGIC = 77431708279161
_COLUMNS = """version, description, type, script, checksum, installed_by, installed_on::timestamptz, execution_time,
    success"""


class Flyway(Tool):
    """Versions are compared by number; repeatables are known by their file's name."""

    name = "flyway"
    tables = ("flyway_schema_history",)
    columns = frozenset({"installed_rank", "version", "description", "type", "script", "checksum", "success"})

    def read(self, ask: Ask, table: TableName) -> History:
        """By rank: what was undone or deleted is gone, and all up to a baseline counts as applied."""
        found: dict[str, Entry] = {}
        upto: Version | None = None
        for text, description, kind, script, checksum, who, at, took, success in select(
            ask, _COLUMNS, table, "installed_rank"
        ):
            again = script.rpartition("/")[2].removesuffix(".sql")
            if text is None and not again.startswith(REPEATABLE):
                continue  # a note that Flyway made the schema
            version = Version.named(text or again)
            found.pop(version.key, None)
            if kind == "DELETE" or (kind.startswith("UNDO") and success):
                continue
            if kind == "BASELINE":
                upto = version
            found[version.key] = Entry(
                version.text,
                version,
                again.removeprefix(REPEATABLE) if text is None else description.replace(" ", "_"),
                applied_at=at,
                applied_by=who,
                execution_time_ms=took,
                checksum=None if checksum is None else str(checksum),
                doubt=None if success else "it is marked as failed",
            )
        return self.history(table, found.values(), upto)

    def id(self, file: MigrationFile) -> str:
        """The version with dots, or the name of a repeatable."""
        return file.version.text

    def lock_keys(self, table: TableName, database: str) -> tuple[int, ...]:
        """Of the table's quoted name, as Java hashes text."""
        return (_MAGIC + _java_hash(f'"{table.schema}"."{table.name}"'),)

    def checksums(self, files: Sequence[MigrationFile], entries: Sequence[Entry] = ()) -> Mapping[str, str]:
        """CRC32, with a sign, over the lines without what ends them."""
        return {self.id(file): str(_checksum(texts.read_text(file.path).text)) for file in files}

    def applied(self, one: Mirrored) -> list[sql.Composed]:
        """One more row."""
        again = one.version.repeatable
        script = one.file.file_name if one.file else f"V{one.id}__{one.name}.sql"
        return [_row(one, None if again else one.id, "SQL", script, one.checksum)]

    def reverted(self, one: Mirrored) -> list[sql.Composed]:
        """One more row that undoes it, as `flyway undo` writes it; as `repair` does where there is no U file."""
        down = one.file.down_path if one.file else None
        if one.file is None or down is None:
            script = one.file.file_name if one.file else f"V{one.id}__{one.name}.sql"
            return [_row(one, one.id, "DELETE", script, None)]
        checksum = str(_checksum(texts.read_text(down).text))
        return [_row(one, one.id, "UNDO_SQL", one.file.down_name or "", checksum)]

    def settled(self, one: Mirrored, *, applied: bool) -> list[sql.Composed]:
        """The failed row goes, as `repair` has it."""
        text = "delete from {table} where version = {id} and not success"
        return [statement(text, one.table, id=one.id), *(self.applied(one) if applied else ())]


def _row(one: Mirrored, version: str | None, kind: str, script: str, checksum: str | None) -> sql.Composed:
    text = """
        insert into {table} (installed_rank, version, description, type, script, checksum, installed_by,
            execution_time, success)
        select (select coalesce(max(installed_rank), 0) + 1 from {table}), {version}, {description}, {kind}, {script},
            {checksum}::integer, session_user,
            coalesce((select execution_time_ms from {ours} where version = {ourselves}), 0), true
    """
    return statement(
        text,
        one.table,
        version=version,
        description=one.name.replace("_", " ")[:200],
        kind=kind,
        script=script,
        checksum=checksum,
        ours=one.ours,
        ourselves=one.version.text,
    )


def _checksum(text: str) -> int:
    value = 0
    for line in re.split("\r\n|\r|\n", text):
        value = crc32(line.encode(), value)
    return value - 2**32 if value >= 2**31 else value


def _java_hash(text: str) -> int:
    value = 0
    for unit in memoryview(text.encode("utf-16-le")).cast("H"):
        value = (31 * value + unit) % 2**32
    return value - 2**32 if value >= 2**31 else value
