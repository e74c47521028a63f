"""Loading with several jobs, which may wait for each other: pg_restore builds the indexes of partitions at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dbops.backups.said import LoadFailed
from dbops.config.model import Target
from dbops.engines.postgres import databases
from dbops.events import Listener, Warned

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection
    from dbops.restore.restore import Content

_COUNTED_AFTER = 2.0
"""Seconds until the server has counted a deadlock for sure."""
_PAUSE = 0.1


def load(
    content: Content, target: Target, connection: Connection, anew: Callable[[], None], listen: Listener
) -> None:
    """Load into an empty database; where the jobs made a deadlock, once more with one job.

    :param connection: to another database of the server.
    :param anew: drops what there is, and makes an empty database of the same name.
    :raises DbopsError: it failed; what is in the database is unknown.
    """
    try:
        content.load(target)
    except LoadFailed:
        if content.jobs < 2 or not _deadlocked(connection, str(target.get("dbname"))):
            raise
        listen(Warned("the jobs of pg_restore waited for each other; loading again with one"))
        anew()
        content.load(target, one_by_one=True)


def _deadlocked(connection: Connection, name: str) -> bool:
    """Whether there was a deadlock in a database that nobody but us is in; told in no language."""
    until = time.monotonic() + _COUNTED_AFTER
    while not (found := databases.deadlocks(connection, name)) and time.monotonic() < until:
        time.sleep(_PAUSE)
    return found > 0
