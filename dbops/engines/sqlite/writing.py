"""Records written into SQLite's tracking tables."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

from dbops.engines.log import DeleteRow, LogEntry, Record, UpdateChecksums
from dbops.engines.records import Applied

if TYPE_CHECKING:
    import sqlite3
from dbops.engines.sqlite.tracking import Tables

ROW = (
    *("version", "sort_key", "name", "description", "applied_at", "execution_time_ms"),
    *("checksum", "raw_checksum", "checksum_algorithm", "applied_by", "down_sql"),
)
_EVENT = (
    *("at", "action", "version", "name", "direction", "statement_number", "statement_checksum"),
    *("statement", "sqlstate", "message", "duration_ms", "detail", "who", "role"),
)


def write(
    connection: sqlite3.Connection, tables: Tables, record: Record, *, who: str, milliseconds: int
) -> None:
    """Store a record.

    :param milliseconds: how long it took, where the record does not say.
    """
    match record:
        case Applied():
            row = {column: getattr(record, column) for column in ROW}
            row["applied_at"] = _now() if record.applied_at is None else _text(record.applied_at)
            row["applied_by"] = record.applied_by or who
            _insert(connection, tables.rows, _timed(row, "execution_time_ms", milliseconds))
        case DeleteRow(version):
            connection.execute(f"delete from {tables.rows} where version = ?", [version])  # noqa: S608  # quoted
        case UpdateChecksums(row=new):
            changed = [
                column
                for column in ROW[2:]
                if column not in ("applied_at", "execution_time_ms", "applied_by")
            ]
            connection.execute(
                f"update {tables.rows} set {', '.join(f'{column} = ?' for column in changed)} where version = ?",  # noqa: S608  # quoted
                [*(getattr(new, column) for column in changed), new.version],
            )
        case LogEntry():
            event = {column: getattr(record, column, None) for column in _EVENT}
            event |= {
                "at": _now(),
                "action": record.action.value,
                "direction": record.direction and record.direction.value,
                "detail": None if record.detail is None else json.dumps(record.detail),
                "who": who,
                "role": who.partition("@")[0],
            }
            _insert(connection, tables.events, _timed(event, "duration_ms", milliseconds))


def _insert(connection: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(values))
    connection.execute(
        f"insert into {table} ({', '.join(values)}) values ({marks})",  # noqa: S608  # quoted
        list(values.values()),
    )


def _timed(values: dict[str, Any], column: str, milliseconds: int) -> dict[str, Any]:
    return values if values[column] is not None else values | {column: milliseconds}


def _now() -> str:
    """ISO 8601 in UTC with microseconds, so that order as text is order in time; SQLite's own functions read it."""
    return _text(datetime.datetime.now(datetime.UTC))


def _text(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).isoformat(timespec="microseconds")
