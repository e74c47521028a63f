"""A backup of a SQLite database unpacked into a temporary file, to see whether it holds what its proof says."""

from __future__ import annotations

import time

from dbops.backups import temporary
from dbops.errors import AnswerIsNo
from dbops.events import Listener, StepDone
from dbops.restore.sqlite_content import FileArchive
from dbops.restore.trial import Trial


class DoesNotOpen(AnswerIsNo):
    """Every byte is as it was written, and SQLite finds no whole database in them."""


def run(archive: FileArchive, threads: int, listen: Listener) -> Trial:
    """Read it whole, unpack it where temporary files are, check and compare it.

    :raises AnswerIsNo: it is damaged.
    :raises DbopsError: there is no room for it, which says nothing of the archive.
    """
    import sqlite3

    began = time.monotonic()
    archive.check(threads)
    listen(StepDone("read it whole; every file is as it was written", time.monotonic() - began))
    with temporary.folder() as folder:
        began = time.monotonic()
        place = folder / "copy.db"
        archive.unpack(place)
        listen(StepDone("unpacked it", time.monotonic() - began))
        began = time.monotonic()
        try:
            differences = archive.differences(place)
        except AnswerIsNo as error:
            raise DoesNotOpen(
                error.message, hint="take another backup now; bin/backup list shows others"
            ) from error
        expected = archive.expected
        done = "checked it" if expected is None else f"compared it with its proof: {expected.summary()}"
        listen(StepDone(done, time.monotonic() - began))
    notes = (
        ()
        if expected is not None
        else ("there is no proof to compare with: SQLite finds it whole, and that is all",)
    )
    return Trial("a temporary file", sqlite3.sqlite_version, differences, notes)
