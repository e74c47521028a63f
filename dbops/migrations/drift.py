"""Whether an applied file still means what was applied."""

from __future__ import annotations

import os

from dbops.engines.records import TOKENS, Applied
from dbops.errors import DbopsError
from dbops.migrations import texts
from dbops.migrations.model import MigrationFile


def has_drifted(file: MigrationFile, row: Applied) -> bool:
    """Whether the up section no longer means what was applied.

    The raw checksum answers first; only a file with other bytes is read as SQL, which takes long to load.
    """
    path = os.path.join(
        file.folder, file.file_name
    )  # a Path for each of a thousand files would take too long
    if row.raw_checksum is None or texts.raw_checksum(texts.read_bytes(path)) == row.raw_checksum:
        return False
    if row.checksum_algorithm != TOKENS:
        return True
    from dbops.migrations.prepare import recorded_row

    try:
        return recorded_row(file).checksum != row.checksum
    except DbopsError:
        return True  # it was readable when it was applied
