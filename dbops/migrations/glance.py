"""What `status` asks of a thousand files, with each read once: whether it has drifted, and whether it can be undone."""

from __future__ import annotations

from dbops.engines.records import Applied
from dbops.migrations import downs, drift
from dbops.migrations.model import MigrationFile


class Glance:
    """Keeps of each file that has been read what its bytes tell, and not the bytes."""

    def __init__(self) -> None:
        self._downs: dict[str, bool | None] = {}

    def has_drifted(self, file: MigrationFile, row: Applied) -> bool:
        """As `drift.has_drifted`.

        :raises DbopsError: the file cannot be read.
        """
        if row.raw_checksum is None:
            return drift.has_drifted(file, row)
        raw = drift.bytes_of(file)
        self._downs[file.version.key] = downs.has_down(file, raw)
        return drift.has_drifted(file, row, raw)

    def has_down(self, file: MigrationFile) -> bool | None:
        """As `downs.has_down`."""
        key = file.version.key
        return self._downs[key] if key in self._downs else downs.has_down(file)
