"""A copy of a whole database, of one moment, while others write to it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.engines.sqlite.connection import connect_alone

if TYPE_CHECKING:
    import sqlite3

_PAGES_AT_ONCE = 500


def copy(source: sqlite3.Connection, place: Path, on_bytes: Callable[[int], None]) -> None:
    """Copy the database that a connection sees into a new file, what is in its WAL included.

    A transaction keeps the moment: otherwise the copy would begin anew with every write of somebody else.  Where the
    journal is a WAL nobody waits for it; where it is not, writers do.

    :param on_bytes: told how many more bytes have been copied.
    :raises sqlite3.Error: the source is damaged or locked, or the disk of the copy is full, see `disk_error`.
    """
    (page_size,) = source.execute("pragma page_size").fetchone()
    left: int | None = None

    def told(_status: int, remaining: int, total: int) -> None:
        nonlocal left
        on_bytes(((total if left is None else left) - remaining) * page_size)
        left = remaining

    source.execute("begin")
    try:
        source.execute("select count(*) from sqlite_master").fetchone()  # from now on the moment stands
        with contextlib.closing(connect_alone(place, read_only=False)) as target:
            for setting in ("journal_mode = off", "synchronous = off"):  # what is cut short is thrown away
                target.execute(f"pragma {setting}")
            source.backup(target, pages=_PAGES_AT_ONCE, progress=told)
    finally:
        source.execute("rollback")
