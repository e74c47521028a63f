"""SQLite's part of making a backup, and of reading one: a copy of the file, checked and proven, then compressed."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from dbops.backups import create, space, unpacking
from dbops.backups.compression import Compression
from dbops.backups.create import Taken
from dbops.backups.disk import remove_tree
from dbops.backups.manifest import SqliteManifest
from dbops.backups.packing import Writer, Written
from dbops.backups.partial import Partial
from dbops.backups.plan import Plan
from dbops.backups.progress import Progress
from dbops.backups.proof import Proof, ProofLevel
from dbops.backups.tocbytes import Damaged
from dbops.engines.sqlite import checking, copying, fingerprint, inventory
from dbops.engines.sqlite.connection import connect, connect_alone
from dbops.engines.sqlite.errors import code_of, told
from dbops.errors import DbopsError
from dbops.events import Listener, StepDone, Warned, format_bytes, plural

if TYPE_CHECKING:
    import sqlite3

STEM = "archive.db"
_WORK = "work"
_DISK = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_TRUNCATE", "SQLITE_IOERR_FSYNC")


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a backup comes from.

    `deadline` is how long to wait for another program's lock, in seconds.
    """

    path: Path
    deadline: float
    tracking_table: str | None = None


class Copying:
    """A `Maker` of `dbops.backups.create`.

    :raises DbopsError: from `take`: the database is damaged; nothing is kept, since it would be damaged, too.
    :raises LockNotAcquired: another program held it past the deadline.
    """

    def __init__(
        self, plan: Plan, source: Source, expected: Callable[[int], int | None], listen: Listener
    ) -> None:
        """`expected` tells how many bytes the last backup lets expect of a database that now has so many."""
        self._plan = plan
        self._source = source
        self._expected = expected
        self._listen = listen

    def take(self, partial: Partial) -> Taken:
        """See there."""
        work = partial.path / _WORK
        work.mkdir(mode=0o700)
        progress = Progress(self._listen)
        copy = work / STEM
        at, journal_mode = self._copy(copy, progress)
        with contextlib.closing(connect_alone(copy, read_only=True)) as connection:
            notes = self._check(connection)
            self._listen(StepDone("checked the copy", progress.lap()))
            proof = None
            if self._plan.proof != "none":
                proof = self._prove(connection, self._plan.proof)
                self._listen(StepDone(f"proof of {_tables(proof)}", progress.lap()))
            found = inventory.read(
                connection, self._source.path.name, journal_mode, self._source.tracking_table
            )
        written = self._compressed(copy, partial.path, progress)
        remove_tree(work)
        create.read_back(self._plan, partial.path, [written], progress, self._listen)
        describe = functools.partial(SqliteManifest, inventory=found)
        return Taken(at, (written,), proof, describe, notes)

    def _copy(self, place: Path, progress: Progress) -> tuple[datetime.datetime, str]:
        """The time of the copy, and the database's journal mode."""
        import sqlite3

        path, listen = self._source.path, self._listen
        with contextlib.closing(
            connect(path, listen=listen, deadline=self._source.deadline, read_only=True)
        ) as source:
            try:
                data = size_of(source)
                takes = estimate(self._plan, data, self._expected(data), place.parent)
                space.require(takes, place.parents[2], listen)
                (journal_mode,) = source.execute("pragma journal_mode").fetchone()
                progress.begin("copying", data)
                at = datetime.datetime.now(datetime.UTC)
                copying.copy(source, place, progress.add)
            except sqlite3.Error as error:
                if code_of(error).startswith(_DISK):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
                raise told(error, path) from error
        listen(StepDone(f"copied {format_bytes(place.stat().st_size)}", progress.lap()))
        return at, str(journal_mode)

    def _check(self, connection: sqlite3.Connection) -> tuple[str, ...]:
        checked = checking.check(connection)
        if checked.damage:
            raise DbopsError(
                f"{self._source.path} is damaged, and a copy of it would be no backup: {checked.damage[0]}",
                detail="\n".join(checked.damage[1:10]) or None,
                hint="bin/restore latest brings the last backup back; sqlite3 FILE .recover saves what can be read",
            )
        for note in checked.notes:
            self._listen(Warned(note))
        return checked.notes

    def _prove(self, connection: sqlite3.Connection, level: ProofLevel) -> Proof:
        import sqlite3

        try:
            return measured(connection, level, self._listen)
        except sqlite3.Error as error:
            raise DbopsError(
                f"the rows of {self._source.path} could not be read for the proof: {error}",
                hint="bin/backup --proof none goes without",
            ) from error

    def _compressed(self, copy: Path, place: Path, progress: Progress) -> Written:
        plan = self._plan
        progress.begin("compressing", copy.stat().st_size)
        path = place / f"{STEM}{plan.compression.suffix}"
        with (
            open(copy, "rb", buffering=0) as file,
            Writer(path, plan.compression, level=plan.level, threads=plan.threads) as sink,
        ):
            for portion in unpacking.chunks(file):
                sink.write(portion)
                progress.add(len(portion))
            written = sink.finish()
        self._listen(StepDone(f"compressed to {format_bytes(written.size)}", progress.lap()))
        return written


def measured(connection: sqlite3.Connection, level: ProofLevel, listen: Listener) -> Proof:
    """What a copy holds.

    :raises sqlite3.DatabaseError: it is damaged, or needs what only its application has.
    """
    return Proof(level, fingerprint.measure(connection, level, listen), fingerprint.ALGORITHM)


def size_of(connection: sqlite3.Connection) -> int:
    """The bytes of a database's pages, those that are only in its WAL included."""
    ((size,), (count,)) = (
        connection.execute(f"pragma {one}").fetchone() for one in ("page_size", "page_count")
    )
    return int(size) * int(count)


def estimate(plan: Plan, data: int, known: int | None, folder: Path) -> space.Estimate:
    """What a backup takes while it is made: the copy, and beside it the archive.

    :param known: what the last such backup lets expect, in bytes, where there is one.
    """
    takes = space.estimate(data, folder, compressed=plan.is_compressed, known=known)
    return dataclasses.replace(takes, expected=takes.expected + data, least=takes.least + data)


def unpack_file(path: Path, place: Path) -> None:
    """Write the database that a file is, compressed or not, into a new file, and bring it to disk.

    :raises Damaged: it cannot be unpacked.
    :raises OSError: it cannot be written.
    """
    with Writer(place, Compression.NONE) as sink:
        try:
            with unpacking.open_for_reading(path) as stream:
                _poured(stream, sink)
        except unpacking.damaged() as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise Damaged(f"{path} is damaged: {error}") from error
        sink.finish()
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _poured(stream: BinaryIO, sink: Writer) -> None:
    for portion in unpacking.chunks(stream):
        sink.write(portion)


def _tables(proof: Proof) -> str:
    return plural(len(proof.contents.tables), "table")
