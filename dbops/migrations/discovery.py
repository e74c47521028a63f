"""From a folder to its migrations: which files there are, and what is in one of them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from dbops.config.model import Setting
from dbops.engines.records import Direction
from dbops.errors import ConfigError, DbopsError
from dbops.migrations.formats import FORMATS, Claim, Format, by_name
from dbops.migrations.formats.base import Text
from dbops.migrations.model import Folder, Migration, MigrationFile
from dbops.migrations.version import Version


def discover(folder: Setting[Path]) -> Folder:
    """All migrations of a folder in order of version; their texts are not read.

    :raises ConfigError: where the folder is missing or holds no migration, or two files claim one version.
    """
    path = folder.value
    try:
        names = sorted(entry.name for entry in os.scandir(path) if not entry.name.startswith("."))
    except FileNotFoundError:
        raise ConfigError(
            f"the migrations folder {path} does not exist ({folder.origin})",
            hint="name another one with --migrations-dir, or begin with bin/migrate new NAME",
        ) from None
    except OSError as error:
        raise ConfigError(f"the migrations folder {path} cannot be read: {error.strerror} ({folder.origin})") from None
    claims: list[tuple[Format, Claim, Path]] = []
    passed_over: list[tuple[str, str]] = []
    for name in names:
        claimed = _claim(name)
        if claimed is None:
            passed_over.append((name, _why_passed_over(path / name)))
        else:
            claims.append((*claimed, path / name))
    files = _paired(claims)
    if not files:
        raise _empty(folder, passed_over)
    return Folder(path, files, tuple(passed_over))


def read(file: MigrationFile) -> Migration:
    """Read one migration in full.

    :raises DbopsError: with the place, where it cannot be read, is not UTF-8 or breaks its format's rules.
    """
    down = None if file.down_path is None else read_text(file.down_path)
    return by_name(file.format).parse(file, read_text(file.path), down)


def read_text(path: Path) -> Text:
    """A file decoded from UTF-8, without a byte order mark.

    :raises DbopsError: with the place of the first byte that is not UTF-8, or of a NUL.
    """
    raw = read_bytes(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path, raw, error.start) from None
    if "\0" in text:
        line, column = text.count("\n", 0, text.index("\0")) + 1, text.index("\0") - text.rfind("\n", 0, text.index("\0"))
        raise DbopsError(f"{path}:{line}:{column}: a NUL byte, which SQL cannot hold", hint="is this a text file?")
    return Text(path, text, raw_checksum(raw))


def read_bytes(path: Path) -> bytes:
    """The bytes of a file; :raises DbopsError: where they are not to be had."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError as error:
        raise DbopsError(f"{path} cannot be read: {error.strerror}") from None


def raw_checksum_of(path: Path) -> str:
    """sha256 of a file's bytes; the file is read at once and forgotten."""
    return raw_checksum(read_bytes(path))


def raw_checksum(raw: bytes) -> str:
    """sha256 of a file's bytes, as stored."""
    return hashlib.sha256(raw).hexdigest()


def _claim(name: str) -> tuple[Format, Claim] | None:
    for known in FORMATS:
        if claim := known.claim(name):
            return known, claim
    return None


def _paired(claims: list[tuple[Format, Claim, Path]]) -> tuple[MigrationFile, ...]:
    """One migration per version; a down file goes with its up file."""
    files: dict[Version, MigrationFile] = {}
    downs: dict[Version, Path] = {}
    for known, claim, path in claims:
        version = Version.parse(claim.version)
        if claim.direction is Direction.DOWN:
            _refuse_double(downs.get(version), path, version)
            downs[version] = path
        else:
            other = files.get(version)
            _refuse_double(other.path if other else None, path, version)
            files[version] = MigrationFile(version, claim.name, known.name, path)
    for version, path in downs.items():
        up = files.get(version)
        if up is None or up.format != "pairs":
            raise ConfigError(
                f"{path} has no .up.sql beside it", hint=f"write the up file of version {version}, or take the down file away"
            )
        files[version] = MigrationFile(version, up.name, up.format, up.path, path)
    return tuple(sorted(files.values(), key=lambda file: file.version.key))


def _refuse_double(first: Path | None, second: Path, version: Version) -> None:
    if first is not None:
        raise ConfigError(
            f"two files have version {version}: {first} and {second}",
            hint="give the later one the next free number (git log tells which that is), and rename it",
        )


def _why_passed_over(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    if path.suffix != ".sql":
        return "not an .sql file"
    return "its name does not begin with a version"


def _empty(folder: Setting[Path], passed_over: list[tuple[str, str]]) -> ConfigError:
    found = "it is empty" if not passed_over else f"passed over: {_listed(passed_over)}"
    return ConfigError(
        f"the migrations folder {folder.value} holds no migration; {found} ({folder.origin})",
        hint="migrations are named 001_name.sql, or 001_name.up.sql with 001_name.down.sql; bin/migrate new NAME makes one",
    )


def _listed(passed_over: list[tuple[str, str]]) -> str:
    shown = ", ".join(f"{name} ({why})" for name, why in passed_over[:5])
    return shown if len(passed_over) <= 5 else f"{shown} and {len(passed_over) - 5} more"


def _not_utf8(path: Path, raw: bytes, offset: int) -> DbopsError:
    line = raw.count(b"\n", 0, offset) + 1
    column = offset - raw.rfind(b"\n", 0, offset)
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return DbopsError(f"{path} is UTF-16, not UTF-8", hint="save it as UTF-8")
    return DbopsError(
        f"{path}:{line}:{column}: byte {offset + 1} (0x{raw[offset]:02x}) is not UTF-8",
        hint=f"convert the file, for instance: iconv -f LATIN1 -t UTF-8 {path.name} > new.sql",
    )
