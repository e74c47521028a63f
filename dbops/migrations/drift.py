"""Whether an applied file still means what was applied."""

from __future__ import annotations

import os
from collections.abc import Sequence

from dbops.engines.records import BY_CONTENT, Applied
from dbops.errors import DbopsError
from dbops.migrations import texts
from dbops.migrations.model import MigrationFile


def has_drifted(file: MigrationFile, row: Applied, raw: bytes | None = None) -> bool:
    """Whether the up section no longer means what was applied.

    The raw checksum answers first; only a file with other bytes is read as SQL, which takes long to load.

    :param raw: what `bytes_of` gives, where that is there already.
    :raises DbopsError: the file cannot be read.
    """
    if row.raw_checksum is None:
        return False
    if texts.raw_checksum(bytes_of(file) if raw is None else raw) == row.raw_checksum:
        return False
    if row.checksum_algorithm not in BY_CONTENT:
        return True
    return _checksum(file) != row.checksum  # it was readable when it was applied


def bytes_of(file: MigrationFile) -> bytes:
    """Those of the file with the up section.

    :raises DbopsError: they are not to be had.
    """
    # a Path for each of a thousand files would take too long
    return texts.read_bytes(os.path.join(file.folder, file.file_name))


def same_as(file: MigrationFile, rows: Sequence[Applied]) -> list[Applied]:
    """Those of the rows that were made by a file of this content.

    Bytes are compared with all of them, contents only with those of its name, since a thousand files may be pending.
    """
    raw = texts.raw_checksum(bytes_of(file))
    found = [row for row in rows if row.raw_checksum == raw]
    others = [row for row in rows if row.name == file.name and row.checksum_algorithm in BY_CONTENT]
    if found or not others:
        return found
    checksum = _checksum(file)
    return [row for row in others if row.checksum == checksum]


def _checksum(file: MigrationFile) -> str | None:
    """Of its up section; None where that cannot be read."""
    from dbops.migrations.prepare import recorded_row

    try:
        return recorded_row(file).checksum
    except DbopsError:
        return None
