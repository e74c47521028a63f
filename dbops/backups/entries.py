"""What stands in the folder of backups: backups, dumps without a manifest, and what is damaged."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import os
import stat
from pathlib import Path

from dbops.backups import manifest as manifests
from dbops.backups.manifest import ArchiveInfo, Manifest, Summary, Verification
from dbops.errors import AnswerIsNo

PROVING_LEVELS = frozenset({"full", "counts"})
_DUMP_ENDINGS = {
    ".sql": "plain", ".dump": "custom", ".pgdump": "custom", ".backup": "custom", ".custom": "custom",
    ".tar": "tar", ".db": "file", ".sqlite": "file", ".sqlite3": "file",
}  # fmt: skip
_WRAPPINGS = {".gz", ".zst"}
_CUSTOM_MAGIC = b"PGDMP"
_STRENGTH = {"checksums": 1, "restored": 2}


@dataclasses.dataclass(frozen=True)
class Backup:
    """A backup whose manifest can be read and whose files are there in their sizes.

    :param path: its folder.
    :param verifications: what verify found, the oldest first.
    :param verifications_problem: why `verified.json` cannot be used, None where it can, or is not there.
    """

    name: str
    path: Path
    summary: Summary
    verifications: tuple[Verification, ...] = ()
    verifications_problem: str | None = None

    @functools.cached_property
    def manifest(self) -> Manifest:
        """All of the manifest, read again and kept from then on: of a large database it takes much memory.

        :raises AnswerIsNo: it was damaged meanwhile.
        """
        return read_manifest(self.path)

    @property
    def refuted(self) -> Verification | None:
        """The failed verify that has not been outdone since by a passed one that looked at least as closely."""
        standing: Verification | None = None
        for one in self.verifications:
            if one.outcome == "failed":
                standing = one
            elif standing is not None and _STRENGTH[one.how] >= _STRENGTH[standing.how]:
                standing = None
        return standing

    @property
    def proven(self) -> bool:
        """Whether it has a proof, taken with it, that no verify has refuted."""
        return (
            self.summary.proof_level in PROVING_LEVELS
            and self.refuted is None
            and self.verifications_problem is None
        )


@dataclasses.dataclass(frozen=True)
class Unproven:
    """A dump without a manifest: a file, or a folder that pg_dump wrote.  `format` is guessed; `modified_at` the file's."""

    name: str
    path: Path
    bytes: int
    modified_at: datetime.datetime
    format: str


@dataclasses.dataclass(frozen=True)
class Damaged:
    """What has a backup's form, and cannot be used; `error` says why."""

    name: str
    path: Path
    error: AnswerIsNo

    @property
    def reason(self) -> str:
        """The cause, for people."""
        return self.error.message


Entry = Backup | Unproven | Damaged


def read_entry(path: Path) -> Entry | None:
    """The entry that a path in the folder of backups is; None for what is none (a README).

    A link is not followed.
    """
    try:
        return _read_entry(path)
    except FileNotFoundError:  # pruned meanwhile
        return None
    except OSError as error:
        return Damaged(path.name, path, _unusable(f"{path} cannot be read: {error.strerror}"))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup's folder.

    :raises AnswerIsNo: it is missing, damaged, edited by hand, or comes from a newer dbops.
    """
    path = folder / manifests.MANIFEST
    return manifests.from_json(_read_text(path, manifests.LARGEST), str(path))


def check_members(folder: Path, archive: ArchiveInfo) -> None:
    """Whether all files of an archive are there, as files, in their sizes; their content is not read.

    :raises AnswerIsNo: the first that is not.
    """
    for member in archive.members:
        path = folder / member.path
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            raise _unusable(f"{path} is missing") from None
        except OSError as error:
            raise _unusable(f"{path} cannot be read: {error.strerror}") from None
        if not stat.S_ISREG(found.st_mode):
            raise _unusable(f"{path} is not a file")
        if found.st_size != member.bytes:
            raise _unusable(f"{path} has {found.st_size} bytes, and {member.bytes} when the backup was made")
    for part in {os.path.dirname(member.path) for member in archive.members} - {""}:
        if stat.S_ISLNK(os.lstat(folder / part).st_mode):
            raise _unusable(f"{folder / part} is a symbolic link, which is not followed")


def _read_entry(path: Path) -> Entry | None:
    found = os.lstat(path)
    if stat.S_ISDIR(found.st_mode):
        return _read_folder(path, found)
    if stat.S_ISREG(found.st_mode) and (form := _dump_format(path)):
        return Unproven(path.name, path, found.st_size, _time(found), form)
    if stat.S_ISLNK(found.st_mode) and (path.is_dir() or _guess(path.name)):
        error = AnswerIsNo(
            f"{path} is a symbolic link, which is not followed",
            hint=f"name what it points to: bin/restore {os.path.realpath(path)}",
        )
        return Damaged(path.name, path, error)
    return None


def _read_folder(path: Path, found: os.stat_result) -> Entry | None:
    if not os.path.lexists(path / manifests.MANIFEST):
        return _without_manifest(path, found)
    try:
        manifest = read_manifest(path)
        check_members(path, manifest.archive)
    except AnswerIsNo as error:
        if not os.path.samestat(found, os.lstat(path)):  # pruned while it was read, and another has its name
            raise FileNotFoundError from error
        return Damaged(path.name, path, error)
    verifications, problem = _read_verifications(path, manifest.self_sha256)
    return Backup(path.name, path, manifest.summary(), verifications, problem)


def _without_manifest(path: Path, found: os.stat_result) -> Entry | None:
    with os.scandir(path) as listed:
        files = {entry.name: entry.stat(follow_symlinks=False).st_size for entry in listed}
    if "toc.dat" in files:
        return Unproven(path.name, path, sum(files.values()), _time(found), "directory")
    if any(name.split(".")[0] == "archive" for name in files):
        return Damaged(path.name, path, _unusable(f"{path / manifests.MANIFEST} is missing"))
    return None


def _read_verifications(
    folder: Path, manifest_sha256: str | None
) -> tuple[tuple[Verification, ...], str | None]:
    path = folder / manifests.VERIFIED
    if not os.path.lexists(path):
        return (), None
    try:
        text = _read_text(path, manifests.LARGEST)
        return manifests.verifications_from_json(text, str(path), manifest_sha256), None
    except AnswerIsNo as error:
        return (), error.message


def _read_text(path: Path, largest: int) -> str:
    """A regular file of ours; a link is not followed, and nothing that would block is opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _unusable(f"{path} is not a file")
            content = file.read(largest + 1)
    except OSError as error:
        raise _unusable(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > largest:
        raise _unusable(f"{path} is larger than {largest // 2**20} MB")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _unusable(f"{path} is damaged: it is not UTF-8") from None


def _unusable(message: str) -> AnswerIsNo:
    return AnswerIsNo(message, hint="bin/backup list shows which backups are whole")


def _dump_format(path: Path) -> str | None:
    if guess := _guess(path.name):
        return guess
    try:
        with open(path, "rb") as file:
            return "custom" if file.read(len(_CUSTOM_MAGIC)) == _CUSTOM_MAGIC else None
    except OSError:
        return None


def _guess(name: str) -> str | None:
    """A dump's format by its name's ending; what it really is, is found when it is read."""
    stem, ending = os.path.splitext(name.lower())
    if ending in _WRAPPINGS:
        ending = os.path.splitext(stem)[1]
    return _DUMP_ENDINGS.get(ending)


def _time(found: os.stat_result) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(found.st_mtime, datetime.UTC)
