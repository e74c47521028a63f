"""Where an Alembic project keeps its revisions, as its configuration says."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.errors import ConfigError

if TYPE_CHECKING:
    from dbops.config.model import Alembic

# What Alembic takes for a revision's file.
_REVISION_FILE = re.compile(r"(?!\.#|__init__).*\.py")
_MARK = re.compile(rb"^down_revision\b", re.MULTILINE)
_LOOKED_INTO = 5
_SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}


@dataclasses.dataclass(frozen=True)
class Source:
    """A revision's file: its bytes' sha256, line ends as `\\n`."""

    path: Path
    content: bytes = dataclasses.field(repr=False)

    @property
    def checksum(self) -> str:
        """The same on every machine, whatever line ends git gives it."""
        return hashlib.sha256(self.content.replace(b"\r\n", b"\n")).hexdigest()


def version_folders(project: Alembic) -> list[Path]:
    """The folders with the revisions; those that are not there are left out.

    :raises ConfigError: the configuration does not say where they are.
    """
    locations = _locations(project)
    folders = [_folder(project, one) for one in locations] if locations else [scripts(project) / "versions"]
    return [_as_seen_from_here(folder) for folder in folders if folder.is_dir()]


def scripts(project: Alembic) -> Path:
    """The folder with env.py; it need not be there.

    :raises ConfigError: the configuration does not name one.
    """
    location = project.values.get("script_location")
    if not isinstance(location, str) or not location:
        where = project.ini or project.folder / "pyproject.toml"
        raise ConfigError(
            f"{where} does not say script_location",
            hint="alembic init writes one; or name the right alembic-ini",
        )
    return _folder(project, location)


def sources(project: Alembic) -> list[Source]:
    """The files of all revisions, by name.

    :raises ConfigError: one cannot be read.
    """
    found = []
    for folder in version_folders(project):
        for path in _files(folder, deep=_is_true(project.values.get("recursive_version_locations"))):
            try:
                found.append(Source(path, path.read_bytes()))
            except OSError as error:
                raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    return found


def a_revision(folder: Path, names: Iterable[str]) -> str | None:
    """One of these files that is a revision of Alembic, by what it sets; None where the first few are none."""
    for name in [name for name in names if _REVISION_FILE.fullmatch(name)][:_LOOKED_INTO]:
        with contextlib.suppress(OSError):  # whoever reads it says what is wrong
            if _MARK.search((folder / name).read_bytes()):
                return name
    return None


def _files(folder: Path, *, deep: bool) -> list[Path]:
    found = folder.rglob("*.py") if deep else folder.glob("*.py")
    return sorted(path for path in found if _REVISION_FILE.fullmatch(path.name) and path.is_file())


def _is_true(value: object) -> bool:
    return value is True or value == "true"


def _locations(project: Alembic) -> list[str]:
    value = project.values.get("version_locations")
    if isinstance(value, str):
        name = project.values.get("path_separator") or project.values.get("version_path_separator")
        separator = _SEPARATORS.get(str(name))
        words = value.split(separator) if separator else re.split(r", *| +", value)
        return [word.strip() for word in words if word.strip()]
    return [str(one) for one in value or ()]


def _as_seen_from_here(folder: Path) -> Path:
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _folder(project: Alembic, location: str) -> Path:
    """A path; or `package:folder`, which Alembic asks Python for, below a folder that Python would look in."""
    package, colon, below = location.partition(":")
    if not colon or os.path.isabs(location):
        return project.folder / location
    inside = Path(*package.split("."), below)
    places = [project.folder / inside, project.folder / "src" / inside]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise ConfigError(
            f"{location!r} in {project.ini or 'pyproject.toml'} is neither {places[0]} nor {places[1]}",
            hint="write it as a path, as %(here)s/migrations",
        )
    return found
