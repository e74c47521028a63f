"""What is done to tables before and after many rows come into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import TableName
from dbops.engines.postgres import bulk, quiet, rebuild, tablelocks
from dbops.engines.postgres.rebuild import Removed
from dbops.events import Detail, Listener, plural
from dbops.seeding.fill.model import FillOptions, Rebuilding
from dbops.seeding.fill.progress import Progress

if TYPE_CHECKING:
    import psycopg


@contextmanager
def prepared(
    connection: psycopg.Connection[Any],
    coming: Mapping[TableName, int],
    options: FillOptions,
    progress: Progress,
    listen: Listener,
) -> Iterator[None]:
    """Lock the tables, take away what is better built after, and disable triggers; at the end all is as it was.

    Where the work within fails, it is the rollback that brings back what was there.

    :raises LockNotAcquired: naming the session that holds a table.
    :raises psycopg.Error: the rows break what is built or checked at the end.
    """
    tables = tuple(coming)
    tablelocks.lock(connection, tables, "row exclusive", options.patience, listen)
    triggers = quiet.user_triggers(connection, tables) if options.fast else ()
    quieted = {trigger[:2] for trigger in triggers}
    removed = _planned(connection, coming, quieted, options, listen)
    if removed.tables or triggers:
        bulk.check_deferred(
            connection, tables
        )  # what is still to be checked keeps a table from being altered
    quiet.disable_triggers(connection, triggers)
    rebuild.take_away(connection, removed)
    yield
    bulk.check_deferred(connection, tables)
    quiet.enable_triggers(connection, triggers)
    _put_back(connection, removed, progress, listen)


def _planned(
    connection: psycopg.Connection[Any],
    coming: Mapping[TableName, int],
    quieted: set[TableName],
    options: FillOptions,
    listen: Listener,
) -> Removed:
    """What to take away, its tables locked, and those whose triggers are to be disabled."""
    locked: set[TableName] = set()
    while True:
        removed, stay = rebuild.plan(connection, coming, options.rebuild, triggers=not options.fast)
        needed = quieted.union(removed.tables)
        if needed <= locked:
            break
        tablelocks.lock(connection, sorted(needed), "access exclusive", options.patience, listen)
        locked |= needed
    for reason in stay:
        listen(Detail(reason))
    if removed.tables:
        listen(Detail(f"built again after the rows are in: {_counted(removed)}"))
    return removed


def _counted(removed: Removed) -> str:
    indexes = sum(index.parent is None for index in removed.indexes)
    return f"{indexes} of the indexes, {plural(len(removed.foreign_keys), 'foreign key')}"


def _put_back(
    connection: psycopg.Connection[Any], removed: Removed, progress: Progress, listen: Listener
) -> None:
    made: list[TableName] = []
    numbers, total = count(1), len(removed.indexes) + len(removed.foreign_keys)

    def begins(one: rebuild.Made) -> None:
        _spent(progress, made)
        made.append(one.root)
        listen(Rebuilding(one.label, next(numbers), total))

    rebuild.put_back(connection, removed, begins)
    _spent(progress, made)


def _spent(progress: Progress, made: Sequence[TableName]) -> None:
    if made:
        progress.spent(made[-1])
