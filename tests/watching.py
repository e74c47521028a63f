"""Waiting for what a server, a process or a folder shows; never for time alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, LiteralString, TypeVar

import psycopg

from dbops.engines.postgres.lock import CLASS_ID, OBJECT_ID

T = TypeVar("T")

GIVE_UP = 60.0
"""Seconds after which a condition is taken for one that never comes true: long, since machines are slow."""


def until(condition: Callable[[], T | None], what: str) -> T:
    """Poll until `condition` gives something; what it gives."""
    began = time.monotonic()
    while not (found := condition()):
        if time.monotonic() - began > GIVE_UP:
            raise AssertionError(f"waited {GIVE_UP:.0f} s in vain for {what}")
        time.sleep(0.02)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Watch:
    """What one database shows of the sessions in it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def value(self, query: LiteralString, *parameters: Any) -> Any:
        """The first column of the first row; None without a row."""
        row = self.connection.execute(query, parameters).fetchone()
        return row and row[0]

    def values(self, query: LiteralString, *parameters: Any) -> list[Any]:
        """The first column of every row."""
        return [row[0] for row in self.connection.execute(query, parameters)]

    def until(self, query: LiteralString, *parameters: Any) -> Any:
        """Poll until the first column is there and true."""
        return until(lambda: self.value(query, *parameters), query)

    def sleeping(self) -> int:
        """The backend of a migrator, once it is in a pg_sleep."""
        pid = self.until(
            "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
            " and application_name like 'dbops migrate%%'"
        )
        return int(pid)

    def waiting_for_snapshot(self, running: str) -> int:
        """The backend of a migrator whose statement waits for an older transaction."""
        pid = self.until(
            "select activity.pid from pg_stat_activity as activity join pg_locks as wanted using (pid)"
            " where activity.datname = current_database() and activity.query like %s"
            " and wanted.locktype = 'virtualxid' and not wanted.granted",
            f"{running}%",
        )
        return int(pid)

    def gone(self, pid: int) -> None:
        """Wait until a backend has ended."""
        self.until("select not exists (select from pg_stat_activity where pid = %s)", pid)

    def lock_is_free(self) -> None:
        """Wait until nobody in this database holds the migration lock."""
        self.until(
            "select not exists (select from pg_locks where locktype = 'advisory' and classid = %s and objid = %s"
            " and database = (select oid from pg_database where datname = current_database()))",
            CLASS_ID,
            OBJECT_ID,
        )

    def applied(self) -> list[str]:
        """The applied versions, in order."""
        return self.values("select version from public.schema_migrations order by sort_key")

    def events(self, action: str) -> list[tuple[Any, ...]]:
        """Version, statement number, SQLSTATE and message of the events of one action."""
        return self.connection.execute(
            "select version, statement_number, sqlstate, message from public.schema_migrations_events"
            " where action = %s order by id",
            [action],
        ).fetchall()

    def indexes(self) -> dict[str, bool]:
        """The indexes of ordinary tables of the public schema, and whether each is valid."""
        rows = self.connection.execute(
            "select c.relname::text, i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid"
            " where c.relnamespace = 'public'::regnamespace and c.relname not like 'schema_migrations%%'"
            " and not i.indisprimary",
            (),
        )
        return {str(name): bool(valid) for name, valid in rows}
