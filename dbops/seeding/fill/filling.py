"""Fill tables within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbops.events import Listener, ignore
from dbops.seeding.fill import copying, making
from dbops.seeding.fill.model import FillOptions, Part, Preparing, Report, Source
from dbops.seeding.fill.progress import Progress
from dbops.seeding.fill.writer import Writer

_WORTH_PROCESSES = 100_000  # rows


def fill(
    writer: Writer,
    source: Source,
    options: FillOptions = FillOptions(),  # noqa: B008  # frozen
    listen: Listener = ignore,
) -> Report:
    """Write all blocks of the source, inside the transaction that the caller has opened.

    Indexes, keys and foreign keys are taken away before and made again after, where that is quicker; constraints
    that may be deferred are checked at the end of it.  Whatever goes wrong, the transaction is the caller's to roll
    back, and nothing stays.

    :raises SeedFailed: a row is refused; the error names the table, and row, column and constraint where known.
    :raises LockNotAcquired: naming who holds a table.
    :raises WorkerFailed: a process that makes rows was killed.
    """
    coming = _coming(source)
    progress = Progress(coming, listen)
    listen(Preparing(sum(coming.values())))
    with (
        making.made(source, _jobs(source, options)) as blocks,
        writer.prepared(coming, options, progress, listen),
    ):
        copying.write(writer, source.destinations, _awaited(blocks, progress), progress)
    return progress.report()


def _awaited(blocks: Iterator[Sequence[Part]], progress: Progress) -> Iterator[Sequence[Part]]:
    """The blocks; the time until each is there is spent on no table."""
    for parts in blocks:
        progress.waited()
        yield parts


def _jobs(source: Source, options: FillOptions) -> int:
    """One where others would hardly have started by the time it is done."""
    return options.jobs if sum(source.rows.values()) >= _WORTH_PROCESSES else 1


def _coming(source: Source) -> dict[tuple[str, str], int]:
    """In the order of the destinations."""
    tables = dict.fromkeys(destination.table for destination in source.destinations)
    return {table: source.rows.get(table, 0) for table in tables}
