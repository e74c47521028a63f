"""Reading the header and the table of contents of pg_dump's archives.

Custom archives begin with it; a directory archive and a tar archive have it as `toc.dat`.  It is read here, and not
taken from `pg_restore --list`, since only the entries' own SQL tells which roles they refer to, and since an archive
that no installed pg_restore can read must still be named for what it is.

The file may come from anywhere: every count and number is bounded here, every length in `tocbytes`.  Names and SQL are in the encoding of the dumped database; bytes that are not UTF-8 come as surrogate
escapes, as in file names.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import itertools
import tarfile
from pathlib import Path
from typing import BinaryIO

from dbops.backups.tocbytes import Reader
from dbops.errors import DbopsError

MAGIC = b"PGDMP"
TOC_FILE = "toc.dat"
NEWEST = (1, 16)
"""The newest archive version that is known here (PostgreSQL 17 and 18 write it)."""

_OLDEST = (1, 12)  # PostgreSQL 9.0
_CUSTOM, _TAR = 1, 3  # a directory's toc.dat says "tar" as well
_COMPRESSION = ("none", "gzip", "lz4", "zstd")
_NO_DATA, _AT_OFFSET = 3, 2
_OFFSET_STATES = (1, _AT_OFFSET, _NO_DATA)
_MOST_ENTRIES = 20_000_000  # up to PostgreSQL 16, every large object is an entry
_BLOCK = 512  # of a tar file


class Section(enum.IntEnum):
    """When pg_restore restores an entry; NONE goes with what it belongs to (comments, privileges)."""

    NONE = 1
    PRE_DATA = 2
    DATA = 3
    POST_DATA = 4


@dataclasses.dataclass(frozen=True)
class Header:
    """What the archive says of itself.

    :param version: of the archive format: (1, 14) is written by PostgreSQL 12 to 15, (1, 15) by 16, (1, 16) by
        17 and 18.
    :param kind: "custom", or "files" for the `toc.dat` of a directory or tar archive.
    :param compression: of the data in it: none, gzip, lz4, zstd.
    :param created: local time of the machine that made it, None where it is no valid time.
    :param server_version: as the dumped server said it ("15.18 (Debian 15.18-0+deb12u1)").
    :param dump_version: of the pg_dump that wrote it.
    """

    version: tuple[int, int]
    kind: str
    compression: str
    created: datetime.datetime | None
    database: str
    server_version: str
    dump_version: str

    @property
    def server_major(self) -> int | None:
        """The dumped server's major version, None where it cannot be told (9.6 counts as 9)."""
        digits = "".join(itertools.takewhile("0123456789".__contains__, self.server_version[:4]))
        return int(digits) if digits else None


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One entry: an object, its comment, its privileges, or its data.

    :param dump_id: its number in this archive, which `pg_restore -L` takes.
    :param tag: its name for people ("orders", "f(integer)", "EXTENSION pg_trgm").
    :param desc: what it is ("TABLE", "TABLE DATA", "ACL", "COMMENT", ...).
    :param owner: the role that is made its owner; empty for none.
    :param defn: the SQL that makes it, empty for data.
    :param copy_stmt: the COPY statement of a table's data.
    :param dependencies: numbers of entries that come before it.
    :param data_file: the file with its data in a directory or tar archive.
    :param has_data: whether the archive holds data for it.
    """

    dump_id: int
    table_oid: int
    oid: int
    tag: str
    desc: str
    section: Section
    defn: str
    copy_stmt: str
    namespace: str
    tablespace: str
    table_access_method: str
    relkind: str
    owner: str
    dependencies: tuple[int, ...]
    data_file: str | None
    has_data: bool

    def describe(self) -> str:
        """`COMMENT EXTENSION pg_trgm`, `TABLE public.orders`, `ACL of TABLE orders in public`."""
        if self.namespace and self.desc in {"ACL", "COMMENT", "SECURITY LABEL"}:
            return f"{self.desc} of {self.tag} in {self.namespace}"
        schema = f"{self.namespace}." if self.namespace else ""
        return f"{self.desc} {schema}{self.tag}"


@dataclasses.dataclass(frozen=True)
class Toc:
    """The header and all entries in the archive's order; `length` is the bytes that they take in it."""

    header: Header
    entries: tuple[Entry, ...]
    length: int

    @property
    def encoding(self) -> str:
        """Of the names and the SQL in it, as PostgreSQL calls it."""
        said = next((entry.defn for entry in self.entries if entry.desc == "ENCODING"), "")
        return said.partition("'")[2].partition("'")[0] or "UTF8"


def read(place: Path | BinaryIO, name: str | None = None) -> Toc:
    """Read the table of contents of an archive and nothing behind it.

    :param place: a custom or tar archive, a `toc.dat`, a folder with one, or a stream at an archive's beginning.
    :param name: what errors call it; its path by default.
    :raises Damaged: it is no archive of pg_dump, is cut short, or holds what none has; names the place in bytes.
    :raises DbopsError: an archive version that is not known here.
    :raises OSError: it cannot be opened or read.
    """
    if not isinstance(place, Path):
        return _read(Reader(place, name or "the archive"))
    path = place / TOC_FILE if place.is_dir() else place
    with path.open("rb") as stream:
        return _read(Reader(stream, name or str(path)))


def _read(reader: Reader) -> Toc:
    first = reader.bytes(len(MAGIC))
    if first != MAGIC:
        _enter_tar(reader, first)
    header = _header(reader)
    count = reader.within(0, _MOST_ENTRIES, "the number of entries")
    entries = [_entry(reader, header) for _ in range(count)]
    if len({entry.dump_id for entry in entries}) < count:
        raise reader.wrong("two entries have one number")
    return Toc(header, tuple(entries), reader.at)


def _enter_tar(reader: Reader, first: bytes) -> None:
    """Pass the tar header of `toc.dat`, which pg_dump always writes first."""
    block = first + reader.bytes(_BLOCK - len(first))
    try:
        member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        raise reader.wrong("it does not begin with PGDMP or a tar header") from None
    if member.name != TOC_FILE or not member.isreg():
        raise reader.wrong(f"the first file of the tar archive is not {TOC_FILE}")
    if reader.bytes(len(MAGIC)) != MAGIC:
        raise reader.wrong(f"{TOC_FILE} does not begin with PGDMP")


def _header(reader: Reader) -> Header:
    version = (reader.byte(), reader.byte())
    reader.byte()  # the revision: 0 in all that were ever written
    if version < _OLDEST or version > NEWEST:
        raise _unknown_version(reader, version)
    reader.integer_bytes = reader.byte()
    reader.offset_bytes = reader.byte()
    if reader.integer_bytes not in (4, 8) or reader.offset_bytes not in (4, 8):
        raise reader.wrong("the size of its numbers is not 4 or 8")
    kind = reader.byte()
    if kind not in (_CUSTOM, _TAR):
        raise reader.wrong(f"its format is {kind}")
    compression = _compression(reader, version)
    return Header(
        version,
        "custom" if kind == _CUSTOM else "files",
        compression,
        _created(reader),
        reader.text(),
        reader.text(),
        reader.text(),
    )


def _unknown_version(reader: Reader, version: tuple[int, int]) -> DbopsError:
    said = f"{version[0]}.{version[1]}"
    if version[0] != 1 or not version < (1, 40):
        return reader.wrong(f"its format version is {said}")
    known = f"{_OLDEST[0]}.{_OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]}"
    return DbopsError(
        f"this archive has format version {said}, and dbops knows {known} (PostgreSQL 9.0 to 18)",
        hint="restore it with the pg_restore of the PostgreSQL that made it",
    )


def _compression(reader: Reader, version: tuple[int, int]) -> str:
    if version < (1, 15):
        return "none" if reader.within(-1, 9, "the compression level") == 0 else "gzip"
    algorithm = reader.byte()
    if algorithm >= len(_COMPRESSION):
        raise reader.wrong(f"its compression is {algorithm}")
    return _COMPRESSION[algorithm]


def _created(reader: Reader) -> datetime.datetime | None:
    second, minute, hour, day, month, year, _ = (reader.integer() for _ in range(7))
    try:
        return datetime.datetime(year + 1900, month + 1, day, hour, minute, min(second, 59))  # noqa: DTZ001  # local
    except (ValueError, OverflowError):
        return None


def _entry(reader: Reader, header: Header) -> Entry:
    """One entry; the order of the fields is the file's."""
    dump_id = reader.within(1, 2**31 - 1, "the number of an entry")
    reader.integer()  # whether pg_dump had data to write; the place of the data says it better
    table_oid, oid = reader.number("an oid"), reader.number("an oid")
    tag, desc = reader.text(), reader.text()
    section = Section(reader.within(Section.NONE, Section.POST_DATA, "the section of an entry"))
    defn = reader.text()
    reader.string()  # the statement that drops it
    copy_stmt, namespace, tablespace = reader.text(), reader.text(), reader.text()
    access_method = reader.text() if header.version >= (1, 14) else ""
    relkind = reader.within(0, 255, "the kind of a relation") if header.version >= (1, 16) else 0
    owner = reader.text()
    reader.string()  # WITH OIDS, of long ago
    dependencies = _dependencies(reader)
    data_file, has_data = _place_of_data(reader, header)
    return Entry(
        dump_id, table_oid, oid, tag, desc, section, defn, copy_stmt, namespace, tablespace, access_method,
        chr(relkind) if relkind else "", owner, dependencies, data_file, has_data,
    )  # fmt: skip


def _dependencies(reader: Reader) -> tuple[int, ...]:
    found = []
    while (text := reader.string()) is not None:
        if not (text.isascii() and text.isdigit() and len(text) <= 10):
            raise reader.wrong(f"a dependency is {text[:20]!r}")
        found.append(int(text))
    return tuple(found)


def _place_of_data(reader: Reader, header: Header) -> tuple[str | None, bool]:
    if header.kind == "files":
        name = reader.text()
        return (name or None), bool(name)
    state = reader.byte()
    reader.bytes(reader.offset_bytes)
    if state not in _OFFSET_STATES:
        raise reader.wrong(f"the place of an entry's data has state {state}")
    return None, state != _NO_DATA
