"""Records as SQL text, ready to be sent behind the statements of a migration in one message."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from psycopg.pq import Escaping

from dbops.engines.log import DeleteRow, ForeignStatement, LogEntry, Record, UpdateChecksums
from dbops.engines.postgres.tracking import Tables
from dbops.engines.records import Applied

if TYPE_CHECKING:
    import psycopg

# How long the transaction has taken so far, where the record does not say how long the migration took.
_SINCE_BEGIN = "(extract(epoch from clock_timestamp() - now()) * 1000)::int"

_ESCAPED = re.compile(r"['\\\0]")

_ROW = (
    "version",
    "sort_key",
    "name",
    "description",
    "checksum",
    "raw_checksum",
    "checksum_algorithm",
    "down_sql",
)
_EVENT = (
    *("action", "version", "name", "direction", "statement_number", "statement_checksum"),
    *("statement", "sqlstate", "message", "detail"),
)


class Writer:
    """Turns records into statements on the tracking tables; identifiers are quoted once, literals by libpq."""

    def __init__(self, connection: psycopg.Connection[Any], tables: Tables, who: str) -> None:
        self._escaping = Escaping(connection.pgconn)
        self._who = who
        self._rows = tables.rows.as_string(connection)
        self._events = tables.events.as_string(connection)

    def text(self, record: Record) -> str:
        """The statement that stores a record."""
        match record:
            case Applied():
                columns = [*_ROW, "applied_by"]
                values = [*(getattr(record, column) for column in _ROW), record.applied_by or self._who]
                if record.applied_at is not None:  # another tool did it, and knows when
                    columns.append("applied_at")
                    values.append(record.applied_at.isoformat())
                return self._insert(
                    self._rows, [*columns, "execution_time_ms"], values, record.execution_time_ms
                )
            case DeleteRow(version):
                return f"delete from {self._rows} where version = {self._literal(version)}"  # noqa: S608  # quoted
            case UpdateChecksums(row):
                changes = ", ".join(
                    f"{column} = {self._literal(getattr(row, column))}" for column in _ROW[2:]
                )
                version = self._literal(row.version)
                return f"update {self._rows} set {changes} where version = {version}"  # noqa: S608  # quoted
            case ForeignStatement(text):
                return text
            case LogEntry():
                values = [getattr(record, column) for column in _EVENT] + [self._who]
                return self._insert(self._events, [*_EVENT, "who", "duration_ms"], values, record.duration_ms)

    def _insert(self, table: str, columns: list[str], values: list[Any], milliseconds: int | None) -> str:
        literals = [self._literal(value) for value in values]
        literals.append(_SINCE_BEGIN if milliseconds is None else str(milliseconds))
        return f"insert into {table} ({', '.join(columns)}) values ({', '.join(literals)})"  # noqa: S608  # quoted

    def _literal(self, value: Any) -> str:
        if value is None:
            return "null"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, dict):
            value = json.dumps(value)
        text: str = getattr(value, "value", value)  # an enum's word
        if text.isascii() and not _ESCAPED.search(text):
            return f"'{text}'"  # as libpq would write it, in a tenth of the time
        return bytes(self._escaping.escape_literal(text.encode())).decode()
