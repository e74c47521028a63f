"""The tracking table and the event log in SQLite: where they are, whose a table of that name is, and making them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dbops.engines.records import JOURNAL
from dbops.engines.schema import Schema
from dbops.engines.tracking import BESIDE_ANOTHER_TOOL, DEFAULT_TABLE, Found, found
from dbops.errors import ConfigError

if TYPE_CHECKING:
    import sqlite3

_SCHEMA = "main"
SQLITES_OWN = ("table sqlite_*",)
"""What ANALYZE makes, and the first AUTOINCREMENT."""


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


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def columns(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    """The names of a table's columns; none where there is no table."""
    found = connection.execute("select name from pragma_table_info(?, ?)", [table, _SCHEMA])
    return frozenset(name for (name,) in found)


def find(connection: sqlite3.Connection, name: str | None) -> Found[Tables]:
    """Look for the tables.

    Unless a name is configured, dbops' own tables beside another tool's are found, too.
    """
    wanted = Tables.named(name)
    return found(
        [wanted] if name else [wanted, Tables(BESIDE_ANOTHER_TOOL)],
        lambda tables: columns(connection, tables.table),
        lambda: bool(columns(connection, "ar_internal_metadata")),
    )


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


def schema(connection: sqlite3.Connection, tables: Tables) -> Schema:
    """Tables, indexes, views and triggers as `CREATE` has them, but for the tracking tables and SQLite's own."""
    rows = connection.execute(
        f"select type, name, sql from {_SCHEMA}.sqlite_schema where sql is not null and tbl_name not in (?, ?)",  # noqa: S608  # ours
        [tables.table, f"{tables.table}_events"],
    ).fetchall()
    return Schema({f"{kind} {name}": sql for kind, name, sql in sorted(rows)}, "SQLite").without(SQLITES_OWN)
