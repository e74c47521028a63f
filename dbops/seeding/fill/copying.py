"""The session that writes the blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres import bulk
from dbops.seeding.fill.failure import refused
from dbops.seeding.fill.model import Destination, Part
from dbops.seeding.fill.progress import Progress

if TYPE_CHECKING:
    import psycopg

_BLOCKS_AT_ONCE = 64  # by one COPY; only then the server checks the foreign keys that are in place


def write(
    connection: psycopg.Connection[Any],
    destinations: Sequence[Destination],
    blocks: Iterable[Sequence[Part]],
    progress: Progress,
) -> None:
    """Write the blocks in their order, what goes to one table in succession with one COPY.

    :raises SeedFailed: the server refuses a row.
    :raises psycopg.Error: the server has another reason, or is gone.
    """
    for (index, _), run in groupby(_numbered(blocks), lambda part: part[0]):
        _copy(connection, destinations[index], (part for _, part in run), progress)


def _numbered(blocks: Iterable[Sequence[Part]]) -> Iterator[tuple[tuple[int, int], Part]]:
    for number, parts in enumerate(blocks):
        for part in parts:
            yield (part[0], number // _BLOCKS_AT_ONCE), part


def _copy(
    connection: psycopg.Connection[Any], into: Destination, parts: Iterator[Part], progress: Progress
) -> None:
    import psycopg

    before = progress.rows(into.table)
    try:
        with bulk.copying(connection, into.table, into.columns) as write_text:
            for _, rows, text in parts:
                write_text(text)
                progress.written(into.table, rows)
        progress.spent(into.table)
    except psycopg.Error as error:
        told = refused(error, into.table, before)
        if told is None:
            raise
        raise told from error
