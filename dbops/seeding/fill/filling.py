"""Fill tables within the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbops.engines.postgres import bulk
from dbops.events import Listener, ignore
from dbops.seeding.fill import copying, making
from dbops.seeding.fill.model import FillOptions, Report, Source
from dbops.seeding.fill.progress import Progress

if TYPE_CHECKING:
    import psycopg

_WORTH_PROCESSES = 100_000  # rows
_SETTINGS = {"statement_timeout": "0"}


def fill(
    connection: psycopg.Connection[Any],
    source: Source,
    options: FillOptions = FillOptions(),  # noqa: B008  # frozen
    listen: Listener = ignore,
) -> Report:
    """Write all blocks of the source, inside the transaction that the caller has opened.

    Whatever goes wrong, the transaction is the caller's to roll back, and nothing stays.

    :raises SeedFailed: a row is refused; the error names the table, and row, column and constraint where known.
    """
    progress = Progress(_expected(source), listen)
    with making.made(source, _jobs(source, options)) as blocks, bulk.settings(connection, _SETTINGS):
        copying.write(connection, source.destinations, blocks, progress)
    return progress.report()


def _jobs(source: Source, options: FillOptions) -> int:
    """One where others would hardly have started by the time it is done."""
    return options.jobs if sum(source.rows.values()) >= _WORTH_PROCESSES else 1


def _expected(source: Source) -> dict[tuple[str, str], int]:
    """In the order of the destinations."""
    tables = dict.fromkeys(destination.table for destination in source.destinations)
    return {table: source.rows.get(table, 0) for table in tables}
