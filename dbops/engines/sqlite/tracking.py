"""The tracking table and the event log in SQLite: their SQL, and whose a table of that name is."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import TYPE_CHECKING, Any

from dbops.engines.log import DeleteRow, LogEntry, LoggedEvent, Record, UpdateChecksums
from dbops.engines.records import (
    CHANGING,
    JOURNAL,
    SETTLING,
    UNTOLD,
    Action,
    Applied,
    Direction,
    ForeignTable,
    JournalLine,
    Recorded,
)
from dbops.engines.schema import Left, Schema
from dbops.engines.tracking import BESIDE_ANOTHER_TOOL, DEFAULT_TABLE, OURS, tool_of
from dbops.errors import ConfigError, DbopsError

if TYPE_CHECKING:
    import sqlite3

_SCHEMA = "main"
# What ANALYZE makes, and the first AUTOINCREMENT.
_SQLITES_OWN = ("table sqlite_*",)

_ROW = (
    *("version", "sort_key", "name", "description", "applied_at", "execution_time_ms"),
    *("checksum", "raw_checksum", "checksum_algorithm", "applied_by", "down_sql"),
)
_READ = _ROW[:-1]
_EVENT = (
    *("at", "action", "version", "name", "direction", "statement_number", "statement_checksum"),
    *("statement", "sqlstate", "message", "duration_ms", "detail", "who", "role"),
)


@dataclasses.dataclass(frozen=True)
class Tables:
    """Where the two tables are: always in the file itself, whatever temporary table has their name."""

    table: str = DEFAULT_TABLE

    @classmethod
    def named(cls, name: str | None) -> Tables:
        """From the name that is configured.

        :raises ConfigError: it names a schema, and SQLite has none.
        """
        if name is None:
            return cls()
        schema, _, table = name.rpartition(".")
        if schema not in ("", _SCHEMA):
            raise ConfigError(
                f"the tracking table {name} has a schema, and SQLite has no schemas",
                hint=f"write tracking-table = {table!r}",
            )
        return cls(table)

    @property
    def rows(self) -> str:
        """The tracking table, as SQL names it."""
        return f"{_SCHEMA}.{quoted(self.table)}"

    @property
    def events(self) -> str:
        """The event log, as SQL names it."""
        return f"{_SCHEMA}.{quoted(f'{self.table}_events')}"

    def __str__(self) -> str:
        return self.table


@dataclasses.dataclass(frozen=True)
class Found:
    """Which tables to use, whether they are there, and the other tool's table of that name, if there is one."""

    tables: Tables
    exist: bool
    foreign: ForeignTable | None = None


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    """The names of a table's columns; none where there is no table."""
    found = connection.execute("select name from pragma_table_info(?, ?)", [table, _SCHEMA])
    return frozenset(name for (name,) in found)


def find(connection: sqlite3.Connection, name: str | None) -> Found:
    """Look for the tables.

    Unless a name is configured, dbops' own tables beside another tool's are found, too.
    """
    wanted = Tables.named(name)
    for tables in [wanted] if name else [wanted, Tables(BESIDE_ANOTHER_TOOL)]:
        if columns(connection, tables.table) >= OURS:
            return Found(tables, exist=True)
    there = columns(connection, wanted.table)
    if not there:
        return Found(wanted, exist=False)
    tool = tool_of(there, rails=bool(columns(connection, "ar_internal_metadata")))
    return Found(wanted, exist=False, foreign=ForeignTable(str(wanted), tool))


def create(tables: Tables) -> tuple[str, ...]:
    """The statements that make both tables, for one transaction.  Times are UTC, in ISO 8601."""
    index = quoted(f"{tables.table}_journal")
    actions = ", ".join(f"'{action.value}'" for action in JOURNAL)
    return (
        f"""
        create table {tables.rows} (
            version text not null primary key,
            name text not null,
            description text,
            applied_at text not null,
            execution_time_ms integer,
            checksum text,
            sort_key text not null unique,
            raw_checksum text,
            checksum_algorithm text,
            applied_by text,
            down_sql text
        )
        """,
        f"""
        create table {tables.events} (
            id integer primary key,
            at text not null,
            action text not null,
            version text,
            name text,
            direction text,
            statement_number integer,
            statement_checksum text,
            statement text,
            sqlstate text,
            message text,
            duration_ms integer,
            detail text,
            who text not null,
            role text not null
        )
        """,
        f"create index {_SCHEMA}.{index} on {quoted(f'{tables.table}_events')} (version, id) where action in ({actions})",
    )


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
        journal=tuple(
            JournalLine(version, Direction(direction), number, checksum, Action(action))
            for version, direction, number, checksum, action, _ in journal
        ),
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
    left = Schema.unpacked(stored["schema"]).without(_SQLITES_OWN)
    return Left(left, when, stored["version"], bool(newest))


def schema(connection: sqlite3.Connection, tables: Tables) -> Schema:
    """Tables, indexes, views and triggers as `CREATE` has them, but for the tracking tables and SQLite's own."""
    rows = connection.execute(
        f"select type, name, sql from {_SCHEMA}.sqlite_schema where sql is not null and tbl_name not in (?, ?)",  # noqa: S608  # ours
        [tables.table, f"{tables.table}_events"],
    ).fetchall()
    return Schema({f"{kind} {name}": sql for kind, name, sql in sorted(rows)}, "SQLite").without(_SQLITES_OWN)


def read_events(connection: sqlite3.Connection, tables: Tables) -> list[LoggedEvent]:
    """The event log, oldest first, without the journal's lines."""
    rows = connection.execute(
        f"select id, {', '.join(_EVENT)} from {tables.events} where action not in ({_marks(UNTOLD)}) order by id",  # noqa: S608  # quoted
        [action.value for action in UNTOLD],
    ).fetchall()
    return [_event(*row) for row in rows]


def write(
    connection: sqlite3.Connection, tables: Tables, record: Record, *, who: str, milliseconds: int
) -> None:
    """Store a record.

    :param milliseconds: how long it took, where the record does not say.
    """
    match record:
        case Applied():
            row = {column: getattr(record, column) for column in _ROW}
            row["applied_at"] = _now() if record.applied_at is None else _text(record.applied_at)
            row["applied_by"] = record.applied_by or who
            _insert(connection, tables.rows, _timed(row, "execution_time_ms", milliseconds))
        case DeleteRow(version):
            connection.execute(f"delete from {tables.rows} where version = ?", [version])  # noqa: S608  # quoted
        case UpdateChecksums(row=new):
            changed = [
                column
                for column in _ROW[2:]
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


def _marks(actions: tuple[Action, ...]) -> str:
    return ", ".join("?" * len(actions))


def _now() -> str:
    """ISO 8601 in UTC with microseconds, so that order as text is order in time; SQLite's own functions read it."""
    return _text(datetime.datetime.now(datetime.UTC))


def _text(at: datetime.datetime) -> str:
    return at.astimezone(datetime.UTC).isoformat(timespec="microseconds")


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


def _event(event_id: int, at: str, action: str, *rest: Any) -> LoggedEvent:
    version, name, direction, number, checksum, statement, state, message, duration, detail, who, role = rest
    entry = LogEntry(
        Action(action),
        version,
        name,
        direction and Direction(direction),
        number,
        checksum,
        statement,
        state,
        message,
        duration,
        None if detail is None else json.loads(detail),
    )
    return LoggedEvent(event_id, _when(at), who, role, entry)
