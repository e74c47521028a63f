"""ANALYZE of a whole database by several sessions: freshly loaded tables have no statistics."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dbops.config.model import Target
from dbops.engines.catalog import TableName
from dbops.engines.postgres import databases
from dbops.engines.postgres.bulk import quoted
from dbops.engines.postgres.errors import first_line
from dbops.events import Listener, Note, Warned

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

# The largest first, so that none of them is begun last.  A partitioned table reads its partitions once more for the
# statistics of the whole, which nothing else makes: autovacuum never does.  Where a part of that is a foreign table,
# it would read another server, which may be gone or may be the production's.
_TABLES = """
with recursive above (oid) as (
    select i.inhparent from pg_catalog.pg_inherits as i join pg_catalog.pg_class as c on c.oid = i.inhrelid
    where c.relkind = 'f'
    union select i.inhparent from above join pg_catalog.pg_inherits as i on i.inhrelid = above.oid
)
select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
    exists (select from above where above.oid = c.oid)
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'p') and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema')
    and pg_catalog.pg_has_role(c.relowner, 'USAGE')
order by case c.relkind when 'p' then null else c.relpages end desc nulls first, c.oid
"""


def analyze(target: Target, command: str, jobs: int, listen: Listener) -> int:
    """Analyze every table that this role owns, in `jobs` sessions; returns how many.

    A parent of foreign tables is left out, and that is told.  So is a table that cannot be analyzed, as where a
    function of an index fails: its rows are as good without statistics.

    :raises DbopsError: the server refused; tables that were done stay analyzed.
    """
    with databases.session(target, command, listen) as connection:
        found = connection.execute(_TABLES).fetchall()
        for name in (name for name, partly_foreign in found if partly_foreign):
            listen(Note(f"{name} is not analyzed, since that would read the foreign tables below it"))
        tables = [name for name, partly_foreign in found if not partly_foreign]
        waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        for name in tables:
            waiting.put(name)
        more = min(jobs, len(tables)) - 1
        if more < 1:
            _drain(connection, waiting, listen)
            return len(tables)
        at_work: list[Connection] = []
        with ThreadPoolExecutor(more, thread_name_prefix="analyze") as pool:
            try:
                others = [
                    pool.submit(_beside, target, command, waiting, listen, at_work) for _ in range(more)
                ]
                _drain(connection, waiting, listen)
                for other in others:
                    other.result()
            except BaseException:
                _stop(waiting, at_work)
                raise
    return len(tables)


def analyze_tables(connection: Connection, tables: Iterable[TableName], listen: Listener) -> None:
    """Analyze these tables, outside a transaction; what cannot be analyzed is told, and what is not owned left out.

    :raises psycopg.OperationalError: of the server or the connection.
    """
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for table in tables:
        waiting.put(quoted(table))
    _drain(connection, waiting, listen)


def _beside(
    target: Target,
    command: str,
    waiting: queue.SimpleQueue[str],
    listen: Listener,
    at_work: list[Connection],
) -> None:
    with databases.session(target, command, listen) as connection:
        at_work.append(connection)
        try:
            _drain(connection, waiting, listen)
        except BaseException:
            _stop(waiting, ())
            raise


def _drain(connection: Connection, waiting: queue.SimpleQueue[str], listen: Listener) -> None:
    import psycopg

    connection.execute("set statement_timeout = 0")
    while True:
        try:
            name = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            connection.execute(f"ANALYZE {name}".encode())  # quoted by the server
        except psycopg.errors.LockNotAvailable as error:
            listen(Warned(f"{name} has no statistics, since it is locked: {first_line(error)}"))
        except psycopg.OperationalError:  # of the server or the connection, not of the table
            raise
        except psycopg.Error as error:
            listen(Warned(f"{name} has no statistics, since ANALYZE failed: {first_line(error)}"))


def _stop(waiting: queue.SimpleQueue[str], at_work: Iterable[Connection]) -> None:
    """Let no table be begun any more, and cancel those that are being analyzed."""
    import psycopg

    with contextlib.suppress(queue.Empty):
        while True:
            waiting.get_nowait()
    for connection in at_work:
        with contextlib.suppress(psycopg.Error):
            connection.cancel()
