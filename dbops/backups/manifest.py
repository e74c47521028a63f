"""The manifest: what a backup says of itself, in `manifest.json`, and `verified.json` beside it.

Both are untrusted when they are read: another account may have written them, or an editor, or a failing disk.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from dbops.backups.decoding import Malformed, decode, encode, parse
from dbops.engines.inventory import FileInventory, Inventory
from dbops.errors import AnswerIsNo

MANIFEST = "manifest.json"
VERIFIED = "verified.json"
FORMAT = 2
"""The newest format that is read.  Of PostgreSQL it is 1, as it was before there were others, of SQLite 2."""
# A database of 100,000 tables takes about 40 MB.
LARGEST = 256 * 1024 * 1024
_SELF = "self_sha256"
_SHA256_DIGITS = 64

Engine = Literal["postgresql", "sqlite"]
ArchiveFormat = Literal["directory", "custom", "plain", "file"]
"""The first three are pg_dump's; `file` is a copy of a SQLite database's file."""
Compression = Literal["none", "gzip", "zstd"]
How = Literal["checksums", "restored"]
Passed = Literal["passed", "failed"]


@dataclasses.dataclass(frozen=True)
class Member:
    """One file of the archive: its path in the backup's folder (`archive/toc.dat`), bytes and SHA-256 in hexadecimal."""

    path: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        if problem := _path_problem(self.path):
            raise Malformed(f"the path {self.path[:100]!r} {problem}")
        if self.bytes < 0:
            raise Malformed(f"the size of {self.path!r} is negative")
        if len(self.sha256) != _SHA256_DIGITS or not set(self.sha256) <= set("0123456789abcdef"):
            raise Malformed(f"the checksum of {self.path!r} is not a SHA-256")


@dataclasses.dataclass(frozen=True)
class ArchiveInfo:
    """The output of pg_dump, or the copy of a database's file: all of its files, and how it was asked for.

    `raw_bytes` is its size before compression, None where it is not known; `options` are what was selected of the
    database, as pg_dump's options (`--schema-only`, `--table=orders`), none for all of it.
    """

    format: ArchiveFormat
    compression: Compression
    members: tuple[Member, ...]
    raw_bytes: int | None = None
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.members:
            raise Malformed("an archive without files")
        if len({member.path for member in self.members}) != len(self.members):
            raise Malformed("a file of the archive is named twice")

    @property
    def bytes(self) -> int:
        """What all files take, in bytes."""
        return sum(member.bytes for member in self.members)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """All that is known of a backup when it is published; what only one engine has is in its own class.

    `created_at` is the time of the snapshot, `duration` seconds until it was published.  `server` is where it was
    reached (`db.example.com:5432`; of SQLite the folder), `who` the account that ran dbops.
    `proof` is the JSON of `dbops.backups.proof`, None where none was taken.  `notes` are sentences for whoever
    restores it.  `self_sha256` is the checksum of all the rest; set when it is read, computed when it is written.
    """

    ENGINE: ClassVar[Engine]
    FORMAT: ClassVar[int]

    name: str
    created_at: datetime.datetime
    duration: float
    dbops_version: str
    hostname: str
    who: str
    server: str
    inventory: Inventory | FileInventory
    archive: ArchiveInfo
    proof: dict[str, Any] | None = None
    git_commit: str | None = None
    notes: tuple[str, ...] = ()
    self_sha256: str | None = dataclasses.field(default=None, compare=False)

    @property
    def cluster(self) -> str | None:
        """What tells apart two servers that are reached by one address; None where nothing does."""
        return None

    def summary(self) -> Summary:
        """What lists and retention need: small whatever the size of the database."""
        migrations, level = self.inventory.migrations, (self.proof or {}).get("level")
        return Summary(
            created_at=self.created_at,
            server=self.server,
            system_identifier=self.cluster,
            database=self.inventory.database.name,
            engine=self.ENGINE,
            version=migrations.version if migrations else None,
            bytes=self.archive.bytes,
            format=self.archive.format,
            compression=self.archive.compression,
            options=self.archive.options,
            proof_level=level if isinstance(level, str) else None,
            self_sha256=self.self_sha256,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PostgresManifest(Manifest):
    """Of a PostgreSQL database.

    `client_version` is what pg_dump says of itself, `min_restore_major` the oldest PostgreSQL that it can be restored to.
    """

    ENGINE = "postgresql"
    FORMAT = 1

    inventory: Inventory
    client_version: str
    min_restore_major: int

    @property
    def cluster(self) -> str | None:
        return self.inventory.system_identifier


@dataclasses.dataclass(frozen=True, kw_only=True)
class SqliteManifest(Manifest):
    """Of a SQLite database."""

    ENGINE = "sqlite"
    FORMAT = 2

    engine: Literal["sqlite"] = "sqlite"
    inventory: FileInventory


@dataclasses.dataclass(frozen=True)
class Summary:
    """The part of a manifest that is kept in memory of every backup.

    `options` are those that selected a part of the database; `version` is the newest applied migration.
    """

    created_at: datetime.datetime
    server: str
    system_identifier: str | None
    database: str
    version: str | None
    bytes: int
    format: ArchiveFormat
    compression: Compression
    options: tuple[str, ...]
    proof_level: str | None
    self_sha256: str | None
    engine: Engine = "postgresql"


@dataclasses.dataclass(frozen=True)
class Verification:
    """One run of verify.

    :param how: `checksums` read all of it; `restored` also restored it and compared the proof.
    :param server_version: where it was restored, None for checksums.
    :param differences: sentences, none where it passed.
    """

    at: datetime.datetime
    how: How
    outcome: Passed
    server_version: str | None = None
    differences: tuple[str, ...] = ()


def to_json(manifest: Manifest) -> Iterator[str]:
    """The text of `manifest.json`, in pieces: sorted keys, indented, with a checksum of all the rest."""
    document = {"format": manifest.FORMAT, **encode(manifest)}
    del document[_SELF]
    document[_SELF] = _checksum(document)
    yield from json.JSONEncoder(indent=1, sort_keys=True, allow_nan=False).iterencode(document)
    yield "\n"


def from_json(text: str, place: str) -> Manifest:
    """The manifest that a text is.

    :param place: the file's path, for errors.
    :raises AnswerIsNo: it is damaged, was edited by hand, or comes from a newer dbops.
    """
    try:
        document = parse(text)
        _check_format(document, place)
        given = document.pop(_SELF, None)
        kind = SqliteManifest if document.get("engine") == "sqlite" else PostgresManifest
        manifest = decode(kind, document)
    except Malformed as error:
        raise AnswerIsNo(f"{place} is damaged: {error}", hint="bin/backup list") from None
    if given != _checksum(document):
        raise AnswerIsNo(
            f"{place} was edited by hand, or is damaged: it does not match its own checksum",
            hint="put the file back as it was, or take another backup: bin/backup list",
        )
    return dataclasses.replace(manifest, self_sha256=given)


def verifications_to_json(verifications: tuple[Verification, ...], manifest_sha256: str | None) -> str:
    """The text of `verified.json`, which says of which manifest it speaks."""
    document = {"format": 1, **encode(_Verified(verifications, manifest_sha256))}
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n"


def verifications_from_json(text: str, place: str, manifest_sha256: str | None) -> tuple[Verification, ...]:
    """What `verified.json` says, the oldest first.

    :raises AnswerIsNo: it is damaged, comes from a newer dbops, or speaks of another manifest.
    """
    try:
        document = parse(text)
        _check_format(document, place)
        read = decode(_Verified, document)
    except Malformed as error:
        raise AnswerIsNo(
            f"{place} is damaged: {error}", hint="bin/backup verify NAME writes it anew"
        ) from None
    if read.manifest_sha256 != manifest_sha256:
        raise AnswerIsNo(f"{place} speaks of another manifest", hint="bin/backup verify NAME writes it anew")
    return tuple(sorted(read.verifications, key=lambda one: one.at))


@dataclasses.dataclass(frozen=True)
class _Verified:
    verifications: tuple[Verification, ...]
    manifest_sha256: str | None


class FromNewer(AnswerIsNo):
    """It may be whole; this version of dbops cannot tell."""


def _check_format(document: dict[str, Any], place: str) -> None:
    number = document.get("format")
    if type(number) is not int or number < 1:
        raise Malformed("format is missing or not a number")
    if number > FORMAT:
        raise FromNewer(
            f"{place} was made by a newer dbops: its format is {number}, this version reads up to {FORMAT}",
            hint="use the dbops that made it, or a newer one",
        )


def _checksum(document: dict[str, Any]) -> str:
    """SHA-256 of the document in one certain spelling, so that only its content counts."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _path_problem(path: str) -> str | None:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or not path.isprintable() or len(path.encode()) > 1000:
        return "is not a relative path"
    if any(part in {"", ".", ".."} for part in parts):
        return "leaves the backup's folder, or is not plain"
    if len(parts) > 2 or path in {MANIFEST, VERIFIED}:
        return "is not where an archive's files are"
    return None
