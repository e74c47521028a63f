"""From files with what their names say to migrations: which of them belong together."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Sequence

from dbops.engines.records import Direction
from dbops.errors import ConfigError
from dbops.migrations.formats import Claim, Format, by_name
from dbops.migrations.model import MigrationFile
from dbops.migrations.version import Version

Claimed = tuple[Format, Claim, str]
"""A file, by its name relative to the folder, with the format that takes it and what the name says."""

VERIFY = ".verify.sql"
"""The end of the name of a file that holds a verify section alone."""


def paired(folder: str, claims: Sequence[Claimed], verifying: Sequence[str]) -> tuple[MigrationFile, ...]:
    """One migration per version, in order; a down file and a verify file go with their up file.

    :raises ConfigError: where two files have one version, or one has no up file.
    """
    files: dict[str, MigrationFile] = {}
    downs: dict[str, tuple[Version, str, Format]] = {}
    for known, claim, name in claims:
        version = Version.named(claim.version)
        if claim.direction is Direction.DOWN:
            if version.key in downs:
                raise _double(folder, downs[version.key][1], name, version)
            downs[version.key] = version, name, known
        else:
            if version.key in files:
                raise _double(folder, files[version.key].file_name, name, version)
            files[version.key] = MigrationFile(version, claim.name, known.name, folder, name)
    for key, (version, name, known) in downs.items():
        if key not in files or files[key].format != known.name:
            raise ConfigError(
                f"{os.path.join(folder, name)} has {known.up_beside_down}",
                hint=f"write the up file of version {version}, or take the down file away",
            )
        files[key] = dataclasses.replace(files[key], down_name=name)
    if verifying:
        files = _verified(folder, files, verifying)
    ordered = tuple(files[key] for key in sorted(files))
    _refuse_other_order([file for file in ordered if by_name(file.format).order == "text"])
    return ordered


def verified_by(name: str) -> tuple[str, ...]:
    """The names of up files that a verify file may belong to."""
    if name.endswith("/verify.sql"):
        return (f"{name.removesuffix('verify.sql')}up.sql",)
    stem = name.removesuffix(VERIFY)
    return f"{stem}.sql", f"{stem}.up.sql", f"{stem}.py"


def _verified(
    folder: str, files: dict[str, MigrationFile], verifying: Sequence[str]
) -> dict[str, MigrationFile]:
    owners = {file.file_name: key for key, file in files.items()}
    found = dict(files)
    for name in verifying:
        key = next((owners[owner] for owner in verified_by(name) if owner in owners), None)
        if key is None:
            raise ConfigError(
                f"{os.path.join(folder, name)} has no {' or '.join(verified_by(name))} beside it",
                hint="a verify file has the name of its migration; rename it, or take it away",
            )
        found[key] = dataclasses.replace(found[key], verify_name=name)
    return found


def _refuse_other_order(files: Sequence[MigrationFile]) -> None:
    """Of a tool that sorts by text, its files in the order of numbers must be in its own order, too."""
    for first, second in itertools.pairwise(files):
        if first.file_name > second.file_name:
            raise ConfigError(
                f"{first.path} comes before {second.path} by number, and after it for {first.format}, which sorts "
                "by text",
                hint="write the numbers with as many digits",
            )


def _double(folder: str, first: str, second: str, version: Version) -> ConfigError:
    return ConfigError(
        f"two files have version {version}: {os.path.join(folder, first)} and {os.path.join(folder, second)}",
        hint="bin/migrate renumber gives the later one the next free number",
    )
