"""From a folder to its migrations: which files there are, by their names alone."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from dbops.config.model import Setting
from dbops.engines.records import Direction
from dbops.errors import ConfigError
from dbops.migrations.formats import FORMATS, Claim, Format
from dbops.migrations.model import Folder, MigrationFile
from dbops.migrations.version import Version


def discover(folder: Setting[Path]) -> Folder:
    """All migrations of a folder in order of version; their texts are not read.

    :raises ConfigError: where the folder is missing or holds no migration, or two files claim one version.
    """
    found = scan(folder)
    if not found.files:
        raise _empty(folder, found.passed_over)
    return found


def scan(folder: Setting[Path]) -> Folder:
    """As `discover`, but a folder without a migration is none the less a folder.

    :raises ConfigError: where the folder is missing, or two files claim one version.
    """
    path = folder.value
    try:
        entries = sorted((entry.name, entry.is_dir()) for entry in os.scandir(path) if entry.name[0] != ".")
    except FileNotFoundError:
        raise ConfigError(
            f"the migrations folder {path} does not exist ({folder.origin})",
            hint="name another one with --migrations-dir, or begin with bin/migrate new NAME",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"the migrations folder {path} cannot be read: {error.strerror} ({folder.origin})"
        ) from None
    claims: list[tuple[Format, Claim, str]] = []
    passed_over: list[tuple[str, str]] = []
    for name, is_folder in entries:
        claimed = None if is_folder else _claim(name)
        if claimed is None:
            passed_over.append((name, _why_passed_over(name, is_folder)))
        else:
            _check_name(path, name)
            claims.append((*claimed, name))
    return Folder(path, _paired(str(path), claims), tuple(passed_over))


def _check_name(folder: Path, name: str) -> None:
    """:raises ConfigError: for a migration whose name no table, terminal or log could show."""
    undecoded = any("\ud800" <= letter <= "\udfff" for letter in name)
    if undecoded or not all(letter.isprintable() for letter in name):
        why = "is not UTF-8" if undecoded else "holds a control character"
        raise ConfigError(f"the name of {name!r} in {folder} {why}", hint="rename the file")


def _claim(name: str) -> tuple[Format, Claim] | None:
    for known in FORMATS:
        if claim := known.claim(name):
            return known, claim
    return None


def _paired(folder: str, claims: list[tuple[Format, Claim, str]]) -> tuple[MigrationFile, ...]:
    """One migration per version; a down file goes with its up file."""
    files: dict[str, MigrationFile] = {}
    downs: dict[str, tuple[Version, str]] = {}
    for known, claim, name in claims:
        version = Version.parse(claim.version)
        if claim.direction is Direction.DOWN:
            if version.key in downs:
                raise _double(folder, downs[version.key][1], name, version)
            downs[version.key] = version, name
        else:
            if version.key in files:
                raise _double(folder, files[version.key].file_name, name, version)
            files[version.key] = MigrationFile(version, claim.name, known.name, folder, name)
    for key, (version, name) in downs.items():
        if key not in files or files[key].format != "pairs":
            raise ConfigError(
                f"{os.path.join(folder, name)} has no .up.sql beside it",
                hint=f"write the up file of version {version}, or take the down file away",
            )
        files[key] = dataclasses.replace(files[key], down_name=name)
    return tuple(files[key] for key in sorted(files))


def _double(folder: str, first: str, second: str, version: Version) -> ConfigError:
    return ConfigError(
        f"two files have version {version}: {os.path.join(folder, first)} and {os.path.join(folder, second)}",
        hint="give the later one the next free number (git log tells which that is), and rename it",
    )


def _why_passed_over(name: str, is_folder: bool) -> str:
    if is_folder:
        return "a folder"
    if not name.endswith(".sql"):
        return "not an .sql file"
    return f"its name {'is not a version, _ or -, and a name' if name[0].isdigit() else 'does not begin with a version'}"


def _empty(folder: Setting[Path], passed_over: tuple[tuple[str, str], ...]) -> ConfigError:
    found = "it is empty" if not passed_over else f"passed over: {_listed(passed_over)}"
    return ConfigError(
        f"the migrations folder {folder.value} holds no migration; {found} ({folder.origin})",
        hint="migrations are named 001_name.sql, or 001_name.up.sql with 001_name.down.sql; bin/migrate new NAME makes one",
    )


def _listed(passed_over: tuple[tuple[str, str], ...]) -> str:
    shown = ", ".join(f"{name} ({why})" for name, why in passed_over[:5])
    return shown if len(passed_over) <= 5 else f"{shown} and {len(passed_over) - 5} more"
