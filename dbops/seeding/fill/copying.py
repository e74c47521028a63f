"""In which order the blocks are written, by the one session that writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from dbops.seeding.fill.model import Destination, Part
from dbops.seeding.fill.progress import Progress
from dbops.seeding.fill.writer import Writer

# Each COPY costs a PostgreSQL server a millisecond, a quarter of what a block of 4,096 rows does.  So what comes into one
# table is brought together from several blocks; but a COPY also ends now and then, since only then the server checks the
# foreign keys that are in place, and keeps a list of the rows until then.
_WAITING = 4 << 20  # bytes
_AT_ONCE = 64 << 20


def write(
    writer: Writer,
    destinations: Sequence[Destination],
    blocks: Iterable[Sequence[Part]],
    progress: Progress,
) -> None:
    """Write the blocks, what comes into one table at one go where that is near, parents before children.

    :raises SeedFailed: a row is refused.
    """
    for (_, index), run in groupby(in_batches(blocks), lambda found: (found[0], found[1][0])):
        writer.write_rows(destinations[index], (part for _, part in run), progress)


def in_batches(
    blocks: Iterable[Sequence[Part]], waiting: int = _WAITING, at_once: int = _AT_ONCE
) -> Iterator[tuple[int, Part]]:
    """Parts in the order in which they are written, each with the number of its batch.

    Within a batch they are sorted by destination.  Those of its first one come as they are made.

    :param waiting: bytes of parts that wait for their turn, after which a batch ends.
    :param at_once: bytes after which it ends in any case.
    """
    batch, size, held = 0, 0, list[Part]()
    first: int | None = None
    for parts in blocks:
        for part in parts:
            first = part[0] if first is None else first
            size += len(part[2])
            if part[0] == first:
                yield batch, part
            else:
                held.append(part)
        if size >= at_once or sum(len(part[2]) for part in held) >= waiting:
            yield from ((batch, part) for part in sorted(held, key=itemgetter(0)))
            batch, size, held, first = batch + 1, 0, [], None
    yield from ((batch, part) for part in sorted(held, key=itemgetter(0)))
