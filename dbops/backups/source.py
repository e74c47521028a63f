"""What a path is that somebody wants to restore: told by its content, never by its name alone."""

from __future__ import annotations

import dataclasses
import enum
import functools
import os
import stat
from pathlib import Path
from typing import BinaryIO

from dbops.backups import toc, unpacking
from dbops.backups.compression import Compression
from dbops.backups.toc import MAGIC, TOC_FILE, Toc
from dbops.backups.tocbytes import Damaged
from dbops.errors import DbopsError, UsageError

SQLITE_MAGIC = b"SQLite format 3\0"
"""How the file of a SQLite database begins."""
_LOOK = 4096
_TAR_MAGIC_AT = 257
_BEGINS = (  # what is compressed, or made, by something that is not read here
    (b"\x04\x22\x4d\x18", "is compressed by lz4: unpack it first"),
    (b"\xfd7zXZ\x00", "is compressed by xz: unpack it first"),
    (b"BZh", "is compressed by bzip2: unpack it first"),
    (b"PK\x03\x04", "is a zip file: unpack it first"),
)
_CLUSTER_DUMP = b"-- PostgreSQL database cluster dump"


class Kind(enum.Enum):
    """The format of an archive."""

    DIRECTORY = "directory"
    CUSTOM = "custom"
    TAR = "tar"
    PLAIN = "plain"
    SQLITE = "file"


@dataclasses.dataclass(frozen=True)
class Source:
    """Something that can be restored.

    :param path: as it was given, without links.
    :param archive: the folder or file that pg_dump made; in a backup's folder, or `path` itself.
    :param compression: around the whole file; NONE for a folder, whose files have their own.
    """

    path: Path
    archive: Path
    kind: Kind
    compression: Compression

    @functools.cached_property
    def toc(self) -> Toc:
        """The table of contents.

        :raises Damaged: it cannot be read.
        :raises UsageError: plain SQL has none.
        """
        if self.kind is Kind.PLAIN:
            raise UsageError(f"{self.path} is plain SQL, which has no table of contents")
        file = self.archive / TOC_FILE if self.kind is Kind.DIRECTORY else self.archive
        try:
            with unpacking.open_for_reading(file) as stream:
                return toc.read(stream, str(file))
        except unpacking.damaged() as error:
            raise Damaged(f"{file} cannot be read: {error}") from error

    def check_tar(self) -> None:
        """Read through a tar archive: over one that is cut short, pg_restore never ends.

        :raises Damaged: it is cut short, or lacks a file that belongs to it.
        """
        import tarfile

        wrong: tuple[type[Exception], ...] = (tarfile.TarError, *unpacking.damaged())
        # the large objects of an entry are files of their own; the script is what pg_dump writes last
        names = {entry.data_file for entry in self.toc.entries if entry.data_file and entry.desc != "BLOBS"}
        names.add("restore.sql")
        try:
            with self.open() as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
                names -= {member.name for member in tar if member.isreg()}
        except wrong as error:
            raise Damaged(f"{self.archive} is damaged: {error}") from error
        if names:
            raise Damaged(f"{self.archive} lacks {min(names)}, without which it is not whole")

    def open(self) -> BinaryIO:
        """The uncompressed content of an archive that is one file."""
        return unpacking.open_for_reading(self.archive)


def recognise(path: Path) -> Source:
    """Tell what a path is: a backup's folder, what pg_dump made anywhere (directory, custom, tar, plain SQL), or a
    SQLite database.

    A file may be compressed by gzip or zstd as a whole.  The path may be a link; what is in a folder may not.

    :raises UsageError: it is not there, or nothing that can be restored.
    :raises Damaged: it is compressed and cannot be read.
    :raises DbopsError: it cannot be opened.
    """
    try:
        real = path.resolve(strict=True)
        return _of_folder(real) if real.is_dir() else _of_file(real, real)
    except FileNotFoundError:
        raise UsageError(f"{path} is not there", hint="bin/restore lists what can be restored") from None
    except OSError as error:
        raise DbopsError(f"cannot read {path}: {error.strerror or error}") from error


def _of_folder(folder: Path) -> Source:
    if os.path.lexists(folder / TOC_FILE):
        _regular(folder / TOC_FILE)
        return Source(folder, folder, Kind.DIRECTORY, Compression.NONE)
    inner = folder / "archive"
    if os.path.lexists(inner / TOC_FILE) and not inner.is_symlink():
        _regular(inner / TOC_FILE)
        return Source(folder, inner, Kind.DIRECTORY, Compression.NONE)
    files = sorted(name for name in os.listdir(folder) if name.startswith("archive."))
    if len(files) == 1:
        return _of_file(folder, folder / files[0])
    raise UsageError(
        f"{folder} is no backup: it has no {TOC_FILE}, no archive/{TOC_FILE} and no archive.* file",
        hint="bin/restore lists what can be restored",
    )


def _of_file(path: Path, file: Path) -> Source:
    _regular(file)
    found = unpacking.compression_of(file)
    try:
        with unpacking.open_for_reading(file) as stream:
            return Source(path, file, _kind(file, _beginning(stream)), found)
    except unpacking.damaged() as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Damaged(f"{file} is compressed by {found.value} and cannot be read: {error}") from error


def _beginning(stream: BinaryIO) -> bytes:
    found = b""
    while len(found) < _LOOK and (part := stream.read(_LOOK - len(found))):
        found += part
    return found


def _kind(file: Path, begins: bytes) -> Kind:
    if begins.startswith(MAGIC):
        return Kind.CUSTOM
    if begins.startswith(SQLITE_MAGIC):
        return Kind.SQLITE
    if begins[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar":
        if begins.partition(b"\0")[0] != TOC_FILE.encode():
            raise UsageError(f"{file} is a tar file, but not one of pg_dump: unpack it and name the folder")
        return Kind.TAR
    for magic, what in _BEGINS:
        if begins.startswith(magic):
            raise UsageError(f"{file} {what}")
    if not begins.strip() or b"\0" in begins:
        raise UsageError(
            f"{file} is nothing that pg_dump made, and no SQLite database",
            hint="bin/restore lists what can be restored",
        )
    if _CLUSTER_DUMP in begins:
        raise UsageError(
            f"{file} is a dump of a whole cluster by pg_dumpall, with its own roles and databases",
            hint="load it with psql into a server of its own",
        )
    return Kind.PLAIN


def _regular(file: Path) -> None:
    if not stat.S_ISREG(file.lstat().st_mode):
        raise Damaged(f"{file} is no regular file")
