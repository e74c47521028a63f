"""What is restored into a SQLite database: one of our backups, or a database file from elsewhere."""

from __future__ import annotations

import contextlib
from pathlib import Path

from dbops.backups import archive, compression, proof, sqlite
from dbops.backups.manifest import SqliteManifest
from dbops.backups.proof import Proof
from dbops.backups.source import Kind, Source, recognise
from dbops.backups.tocbytes import Damaged
from dbops.engines.sqlite import checking
from dbops.engines.sqlite.connection import connect_alone
from dbops.engines.sqlite.openers import siblings
from dbops.errors import DbopsError, Refused, UsageError
from dbops.events import Listener, Note, Warned


class FileArchive:
    """An archive, with its manifest where it is one of our backups.

    :raises UsageError: it is not a SQLite database.
    :raises Damaged: it is one of our backups, and cannot be recognised.
    """

    def __init__(self, label: str, path: Path, manifest: SqliteManifest | None, listen: Listener) -> None:
        self.label = label
        self._manifest = manifest
        self._listen = listen
        self._source = _recognised(label, path, manifest)
        self._proof = None
        if manifest is not None and manifest.proof is not None:
            self._proof = Proof.from_json(manifest.proof)

    @property
    def expected(self) -> Proof | None:
        """What must be there afterwards; None where nothing is known of it."""
        return self._proof

    @property
    def raw_bytes(self) -> int | None:
        """What it takes once it is unpacked, None where nobody knows."""
        if self._manifest is not None:
            return self._manifest.archive.raw_bytes
        if self._source.compression is compression.Compression.NONE:
            return self._source.archive.stat().st_size
        return None

    def check(self, threads: int) -> None:
        """Read it whole.

        :raises AnswerIsNo: a file is not what the manifest says.
        :raises Refused: it is not whole by itself.
        """
        if self._manifest is not None:
            archive.check(self._source.path, self._manifest.archive, threads=threads)
            return
        self._listen(Note(f"{self.label} has no manifest: nothing tells whether it holds what it should"))
        if left := [one for one in siblings(self._source.archive) if one.name.endswith(("-wal", "-journal"))]:
            raise Refused(
                f"{left[0]} lies beside {self.label}, which is not whole without it",
                hint=f"bin/backup --database-url sqlite:///{self._source.archive} makes a backup of both",
            )

    def unpack(self, place: Path) -> None:
        """Into a new file, which is on disk afterwards.

        :raises Damaged: it cannot be unpacked.
        :raises OSError: it cannot be written.
        """
        sqlite.unpack_file(self._source.archive, place)

    def differences(self, place: Path) -> tuple[str, ...]:
        """How what was unpacked differs from the proof, as sentences.

        :raises Damaged: SQLite finds that the file is not whole.
        :raises DbopsError: the same, where this SQLite is older than the one that made the backup.
        """
        import sqlite3

        try:
            with contextlib.closing(connect_alone(place, read_only=True)) as connection:
                checked = checking.check(connection)
                if checked.damage:
                    raise self._damaged(checked.damage[0])
                for note in checked.notes:
                    self._listen(Warned(note))
                if self._proof is None:
                    return ()
                found = sqlite.measured(connection, self._proof.level, self._listen)
        except sqlite3.DatabaseError as error:
            raise self._damaged(str(error)) from error
        return tuple(one.sentence() for one in proof.compare(self._proof, found))

    def _damaged(self, why: str) -> DbopsError:
        """What an older SQLite says of what it does not know is nothing against the archive."""
        import sqlite3

        made_with = self._manifest.inventory.sqlite_version if self._manifest is not None else "0"
        if _numbers(made_with) > sqlite3.sqlite_version_info:
            return DbopsError(
                f"{self.label} was made with SQLite {made_with}, and this SQLite {sqlite3.sqlite_version} says: {why}",
                hint="use a Python with a newer SQLite",
            )
        return Damaged(f"the database in {self.label} is damaged: {why}", hint="bin/restore lists the others")


def _recognised(label: str, path: Path, manifest: SqliteManifest | None) -> Source:
    try:
        source = recognise(path)
    except UsageError as error:
        if manifest is None:
            raise
        raise Damaged(error.message, hint="bin/backup list shows the other backups") from error
    if source.kind is not Kind.SQLITE:
        raise UsageError(
            f"{label} is what pg_dump made of a PostgreSQL database, and this one is SQLite's",
            hint="restore it on a server: bin/restore NAME --database-url postgresql://...",
        )
    return source


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(one) for one in version.split(".") if one.isdecimal())
