"""The lock of another tool, held while its table must not change."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dbops.events import Detail, Listener

if TYPE_CHECKING:
    from dbops.engines.neighbour import Neighbour
    from dbops.migrations.adopt.model import FoundTable
    from dbops.migrations.adopt.tools.base import LockRow, Tool


@contextlib.contextmanager
def held(session: Neighbour, tool: Tool, found: FoundTable, listen: Listener) -> Iterator[None]:
    """Keep the other tool out, by all the locks that it may take.

    :raises LockNotAcquired: after the deadline, naming who holds one.
    """
    keys = tool.lock_keys(found.table, session.identity.database)
    row = tool.lock_row(found.table, found.neighbours)
    if not keys and row is None:
        listen(Detail(f"{tool.name} {tool.lock_note}"))
    with contextlib.ExitStack() as stack:
        for key in keys:
            session.acquire_foreign_lock(key, tool.name)
            stack.callback(_free, session, key)
            listen(Detail(f"holding the lock of {tool.name}, advisory lock {key}"))
        if row is not None:
            _take(session, row, tool.name)
            stack.callback(_free_row, session, row)
            listen(Detail(f"holding the lock of {tool.name}, a row"))
        yield


def _free(session: Neighbour, key: int) -> None:
    with contextlib.suppress(_connection_lost()):
        session.query("select pg_catalog.pg_advisory_unlock(%s)", [key])


def _take(session: Neighbour, row: LockRow, tool: str) -> None:
    def holder() -> str | None:
        rows = session.query(row.holder)
        return rows[0][0] if rows else None

    session.wait_for(lambda: bool(session.query(row.take)), holder, tool)


def _free_row(session: Neighbour, row: LockRow) -> None:
    from psycopg import sql

    with contextlib.suppress(_connection_lost()):
        session.query(sql.SQL("{} returning 1").format(row.free))


def _connection_lost() -> type[Exception]:
    """With the session its locks are free; what broke it is told already."""
    from psycopg import OperationalError

    return OperationalError
