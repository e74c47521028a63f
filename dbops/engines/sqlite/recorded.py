"""What SQLite's tracking tables say."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

from dbops.engines.log import LoggedEvent
from dbops.engines.records import (
    CHANGING,
    JOURNAL,
    SETTLING,
    UNTOLD,
    Action,
    Applied,
    Direction,
    JournalLine,
    Recorded,
)
from dbops.engines.schema import Left, Schema
from dbops.errors import DbopsError

if TYPE_CHECKING:
    import sqlite3
from dbops.engines.sqlite.tracking import SQLITES_OWN, Tables
from dbops.engines.sqlite.writing import ROW

_READ = ROW[:-1]


def read(connection: sqlite3.Connection, tables: Tables) -> Recorded:
    """Everything that planning needs, except the down SQL."""
    rows = connection.execute(
        f"select {', '.join(_READ)} from {tables.rows} order by sort_key"  # noqa: S608  # quoted
    ).fetchall()
    # Of each group, SQLite gives the columns of the row that has the maximum.
    journal = connection.execute(
        f"""
        select version, direction, statement_number, statement_checksum, action, max(id)
        from {tables.events} as event
        where action in ({_marks(JOURNAL)}) and id > coalesce((
            select max(later.id) from {tables.events} as later
            where later.version = event.version and later.action in ({_marks(SETTLING)})), 0)
        group by version, statement_number order by version, statement_number
        """,  # noqa: S608  # quoted
        [action.value for action in (*JOURNAL, *SETTLING)],
    ).fetchall()
    return Recorded(
        initialised=True,
        rows=tuple(_applied(row) for row in rows),
        journal=tuple(JournalLine.read(*line) for *line, _ in journal),
    )


def read_down_sql(connection: sqlite3.Connection, tables: Tables, version: str) -> str | None:
    """The down section that was stored when the version was applied."""
    row = connection.execute(
        f"select down_sql from {tables.rows} where version = ?",  # noqa: S608  # quoted
        [version],
    ).fetchone()
    return None if row is None else row[0]


def read_positions(
    connection: sqlite3.Connection, tables: Tables, version: str, direction: Direction
) -> dict[str, dict[str, Any]]:
    """How far each batched statement of a version has come since it last settled, by checksum."""
    rows = connection.execute(
        f"""
        select statement_checksum, detail, max(id) from {tables.events}
        where action = ? and version = ? and direction = ? and id > coalesce((
            select max(id) from {tables.events} where version = ? and action in ({_marks(SETTLING)})), 0)
        group by statement_checksum
        """,  # noqa: S608  # quoted
        [Action.BATCH_DONE.value, version, direction.value, version, *(action.value for action in SETTLING)],
    ).fetchall()
    return {checksum: json.loads(detail) for checksum, detail, _ in rows}


def read_schema(connection: sqlite3.Connection, tables: Tables) -> Left | None:
    """The schema that was stored last; None where none ever was."""
    row = connection.execute(
        f"""
        select at, detail, not exists (
            select 1 from {tables.events} as later where later.id > event.id and later.action in ({_marks(CHANGING)}))
        from {tables.events} as event where action = ? order by id desc limit 1
        """,  # noqa: S608  # quoted
        [*(action.value for action in CHANGING), Action.SCHEMA_STORED.value],
    ).fetchone()
    if row is None:
        return None
    at, detail, newest = row
    stored = json.loads(detail)
    when = _when(at)
    left = Schema.unpacked(stored["schema"]).without(SQLITES_OWN)
    return Left(left, when, stored["version"], bool(newest))


def read_events(connection: sqlite3.Connection, tables: Tables) -> list[LoggedEvent]:
    """The event log, oldest first, without the journal's lines."""
    rows = connection.execute(
        f"""
        select id, at, who, role, action, version, name, direction, statement_number, statement_checksum,
            statement, sqlstate, message, duration_ms, detail
        from {tables.events} where action not in ({_marks(UNTOLD)}) order by id
        """,  # noqa: S608  # quoted
        [action.value for action in UNTOLD],
    ).fetchall()
    return [
        LoggedEvent.read(event_id, _when(at), *rest, None if detail is None else json.loads(detail))
        for event_id, at, *rest, detail in rows
    ]


def _marks(actions: tuple[Action, ...]) -> str:
    return ", ".join("?" * len(actions))


def _when(text: Any) -> datetime.datetime:
    """:raises DbopsError: somebody wrote what is no time."""
    try:
        return datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise DbopsError(
            f"the tracking tables hold {text!r} where a time should be",
            hint="write it as 2026-01-31T12:00:00+00:00",
        ) from None


def _applied(row: tuple[Any, ...]) -> Applied:
    applied = dict(zip(_READ, row, strict=True))
    return Applied(**applied | {"applied_at": _when(applied["applied_at"])})
