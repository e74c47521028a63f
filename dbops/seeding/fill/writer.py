"""What filling tables asks of a database engine, within the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from dbops.engines.catalog import TableName
from dbops.events import Listener
from dbops.seeding.fill.model import Destination, FillOptions, Part
from dbops.seeding.fill.progress import Progress


class Writer(Protocol):
    """Writes many rows into tables."""

    def prepared(
        self,
        coming: Mapping[TableName, int],
        options: FillOptions,
        progress: Progress,
        listen: Listener,
    ) -> AbstractContextManager[None]:
        """The tables locked and made ready for so many rows; at the end all is as it was, and every constraint checked.

        :raises SeedFailed: a row is refused; the error names the table, and row, column and constraint where known.
        :raises LockNotAcquired: naming who holds a table.
        """

    def write_rows(self, into: Destination, parts: Iterator[Part], progress: Progress) -> None:
        """Write rows as they come, and count them.

        :raises SeedFailed: a row is refused.
        """
