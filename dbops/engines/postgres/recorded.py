"""What PostgreSQL's tracking tables say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from psycopg import sql

from dbops.engines.records import (
    CHANGING,
    SETTLING,
    UNTOLD,
    Action,
    Applied,
    Direction,
    ForeignTable,
    JournalLine,
    Recorded,
)

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.log import LoggedEvent
    from dbops.engines.schema import Left
from dbops.engines.postgres.tracking import JOURNAL_ACTIONS, Tables

ROW_COLUMNS: LiteralString = (
    "version, sort_key, name, description, applied_at, execution_time_ms, "
    "checksum, raw_checksum, checksum_algorithm, applied_by"
)
# The driver cannot read times as text where a database, a role or a file says `SET datestyle = 'German'`.
_WHATEVER_DATESTYLE = True


def read_if_ours(connection: psycopg.Connection[Any], tables: Tables) -> Recorded | None:
    """`read`, or None where there are no tables with our columns: quicker than to look into the catalog first."""
    from psycopg import errors

    try:
        return read(connection, tables)
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.WrongObjectType):
        return None


def read(connection: psycopg.Connection[Any], tables: Tables) -> Recorded:
    """Everything that planning needs, except the down SQL."""
    rows = connection.execute(
        sql.SQL("select {} from {} order by sort_key").format(sql.SQL(ROW_COLUMNS), tables.rows),
        binary=_WHATEVER_DATESTYLE,
    ).fetchall()
    journal = connection.execute(
        sql.SQL(
            """
            select distinct on (version, statement_number)
                version, direction, statement_number, statement_checksum, action
            from {events} as event
            where action in ({journal}) and id > coalesce((
                select max(later.id) from {events} as later
                where later.version = event.version and later.action = any({settling})), 0)
            order by version, statement_number, id desc
            """
        ).format(
            events=tables.events,
            journal=JOURNAL_ACTIONS,
            settling=[action.value for action in SETTLING],
        )
    ).fetchall()
    told = connection.execute(
        sql.SQL(
            "select detail from {} where action = {} and version is null order by id desc limit 1"
        ).format(tables.events, Action.ADOPTED.value)
    ).fetchone()
    return Recorded(
        initialised=True,
        mirror=ForeignTable(told[0]["table"], told[0]["tool"]) if told and told[0].get("mirror") else None,
        rows=tuple(Applied(*row) for row in rows),
        journal=tuple(JournalLine.read(*line) for line in journal),
    )


def read_down_sql(connection: psycopg.Connection[Any], tables: Tables, version: str) -> str | None:
    """The down section that was stored when the version was applied."""
    row = connection.execute(
        sql.SQL("select down_sql from {} where version = %s").format(tables.rows), [version]
    ).fetchone()
    return None if row is None else row[0]


def read_positions(
    connection: psycopg.Connection[Any], tables: Tables, version: str, direction: Direction
) -> dict[str, dict[str, Any]]:
    """How far each batched statement of a version has come since it last settled, by checksum."""
    rows = connection.execute(
        sql.SQL(
            """
            select distinct on (statement_checksum) statement_checksum, detail
            from {events} as event
            where action = {action} and version = {version} and direction = {direction} and id > coalesce((
                select max(later.id) from {events} as later
                where later.version = event.version and later.action = any({settling})), 0)
            order by statement_checksum, id desc
            """
        ).format(
            events=tables.events,
            action=Action.BATCH_DONE.value,
            version=version,
            direction=direction.value,
            settling=[action.value for action in SETTLING],
        )
    ).fetchall()
    return dict(rows)


def read_schema(connection: psycopg.Connection[Any], tables: Tables) -> Left | None:
    """The schema that was stored last; None where none ever was."""
    from dbops.engines.schema import Left, Schema

    row = connection.execute(
        sql.SQL(
            """
            select at, detail, not exists (
                select from {events} as later where later.id > event.id and later.action = any({changing}))
            from {events} as event where action = {stored} order by id desc limit 1
            """
        ).format(
            events=tables.events,
            changing=[action.value for action in CHANGING],
            stored=Action.SCHEMA_STORED.value,
        ),
        binary=_WHATEVER_DATESTYLE,
    ).fetchone()
    if row is None:
        return None
    at, detail, newest = row
    return Left(Schema.unpacked(detail["schema"]), at, detail["version"], newest)


def read_events(connection: psycopg.Connection[Any], tables: Tables) -> list[LoggedEvent]:
    """The event log, oldest first, without the journal's lines."""
    from dbops.engines.log import LoggedEvent

    rows = connection.execute(
        sql.SQL(
            """
            select id, at, who, role, action, version, name, direction, statement_number, statement_checksum,
                statement, sqlstate, message, duration_ms, detail
            from {} where action <> all({}) order by id
            """
        ).format(tables.events, [action.value for action in UNTOLD]),
        binary=_WHATEVER_DATESTYLE,
    ).fetchall()
    return [LoggedEvent.read(*row) for row in rows]
