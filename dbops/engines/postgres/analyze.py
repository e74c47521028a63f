"""ANALYZE of a whole database by several sessions: freshly loaded tables have no statistics."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from dbops.config.model import Target
from dbops.engines.postgres import databases
from dbops.events import Listener

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

# The largest first, so that none of them is begun last.  A partitioned table reads its partitions once more for the
# statistics of the whole, which nothing else makes: autovacuum never does.
_TABLES = """
select pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'p') and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema')
    and pg_catalog.pg_has_role(c.relowner, 'USAGE')
order by case c.relkind when 'p' then null else c.relpages end desc nulls first, c.oid
"""


def analyze(target: Target, command: str, jobs: int, listen: Listener) -> int:
    """Analyze every table that this role owns, in `jobs` sessions; returns how many.

    :raises DbopsError: the server refused; tables that were done stay analyzed.
    """
    with databases.session(target, command, listen) as connection:
        tables = [name for (name,) in connection.execute(_TABLES)]
        waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
        for name in tables:
            waiting.put(name)
        more = min(jobs, len(tables)) - 1
        if more < 1:
            _drain(connection, waiting)
            return len(tables)
        with ThreadPoolExecutor(more, thread_name_prefix="analyze") as pool:
            others = [pool.submit(_beside, target, command, waiting, listen) for _ in range(more)]
            try:
                _drain(connection, waiting)
            except BaseException:
                _empty(waiting)
                raise
            for other in others:
                other.result()
    return len(tables)


def _beside(target: Target, command: str, waiting: queue.SimpleQueue[str], listen: Listener) -> None:
    with databases.session(target, command, listen) as connection:
        try:
            _drain(connection, waiting)
        except BaseException:
            _empty(waiting)
            raise


def _drain(connection: Connection, waiting: queue.SimpleQueue[str]) -> None:
    connection.execute("set statement_timeout = 0")
    while True:
        try:
            name = waiting.get_nowait()
        except queue.Empty:
            return
        connection.execute(f"ANALYZE {name}".encode())  # quoted by the server


def _empty(waiting: queue.SimpleQueue[str]) -> None:
    while not waiting.empty():
        waiting.get_nowait()
