"""New migration files, in the format and the numbering that the folder has."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path

from dbops import interrupts
from dbops.config.model import Setting
from dbops.errors import ConfigError, DbopsError, UsageError
from dbops.migrations import discovery, numbering
from dbops.migrations.detection import AUTO
from dbops.migrations.formats import Format, by_name
from dbops.migrations.formats.naming import joined
from dbops.migrations.model import Folder, MigrationFile
from dbops.migrations.version import Version

_UNFIT = re.compile(r"[\x00-\x1f\x7f/\\]")


def create(
    folder: Setting[Path],
    version: str | None,
    name: str,
    format_name: Setting[str] = AUTO,
    *,
    timestamp: bool = False,
    dry_run: bool = False,
) -> list[Path]:
    """Write the files of a new migration and return them; the folder is made if it is missing.

    Two that do so at once in one folder take turns, so that each gets a number of its own.

    :param version: None for the next one, as the folder counts.
    :param timestamp: number it with the present time, whatever the folder has.
    :raises DbopsError: where the name is not fit for a file, the version is taken, or the disk refuses; of the files
        none is left.
    """
    discovery.require_known(format_name)
    if dry_run:
        return list(begun(folder, name, format_name, version=version, timestamp=timestamp).texts)
    with turn(folder.value):
        made = begun(folder, name, format_name, version=version, timestamp=timestamp)
        write(made)
    return list(made.texts)


@dataclasses.dataclass(frozen=True)
class New:
    """A new migration that is not written yet: its format, and its files with their texts."""

    format: str
    texts: dict[Path, str]


def begun(
    folder: Setting[Path],
    name: str,
    format_name: Setting[str] = AUTO,
    *,
    version: str | None = None,
    timestamp: bool = False,
) -> New:
    """The files of a new migration, without statements; to be called in one's turn, if they shall be written.

    :raises DbopsError: as `create`.
    """
    name = re.sub(r"\s+", "_", name.strip())
    if not name or name.startswith(".") or _UNFIT.search(name) or len(os.fsencode(name)) > 200:
        raise UsageError(
            f"{name!r} is not fit for a file name", hint="for example: bin/migrate new add_user_preferences"
        )
    if version is not None and timestamp:
        raise UsageError("--timestamp makes the version itself", hint="leave one of the two out")
    if version is not None:
        Version.parse(version)
    return _texts(folder, version, name, format_name, timestamp)


def _texts(
    folder: Setting[Path], version: str | None, name: str, format_name: Setting[str], timestamp: bool
) -> New:
    found = _existing(folder, format_name)
    like = found.newest if found else None
    written = format_name.value
    if written == AUTO.value:
        written = like.format if like else "single"
    known = by_name(written)
    following = numbering.following(known, like, timestamp=timestamp) if version is None else version
    if found and any(file.version == Version.named(following) for file in found.files):
        raise UsageError(f"version {version} is taken", hint=_next_one(known, like))
    made = known.file_names(following, joined(name, like), like)
    _refuse_other_order(known, next(iter(made)), like, newest=version is None)
    return New(written, {folder.value / file_name: text for file_name, text in made.items()})


def _next_one(known: Format, like: MigrationFile | None) -> str:
    return f"the next one is {numbering.following(known, like)}"


def _refuse_other_order(known: Format, made: str, like: MigrationFile | None, *, newest: bool) -> None:
    """:raises UsageError: where a tool that sorts by text would not take the next number for the newest."""
    if newest and known.order == "text" and like is not None and made <= like.file_name:
        raise UsageError(
            f"{made} would come before {like.file_name} for {known.name}, which sorts by text",
            hint="rename the files so that their numbers have as many digits, and one to spare",
        )


def _existing(folder: Setting[Path], format_name: Setting[str]) -> Folder | None:
    """The folder as it is; None where it is missing or has no migration yet."""
    if not folder.value.is_dir():
        return None
    found = discovery.scan(folder, format_name)
    return found if found.files else None


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, from looking for the next number to having taken it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}") from None
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks: then there are no turns
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(new: New) -> None:
    """Write all of its files, or none.

    :raises DbopsError: one is there already, or cannot be written.
    """
    written: list[Path] = []
    try:
        with interrupts.held_back():
            for path, text in new.texts.items():
                _write(path, text)
                written.append(path)
    except BaseException:
        for path in written:
            path.unlink()
        raise


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "x", encoding="utf-8")  # noqa: SIM115  # closed below; what cannot be opened is not removed
    except FileExistsError:
        raise DbopsError(f"{path} is there already") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with file:
            file.write(text)
    except BaseException as error:
        path.unlink()
        if isinstance(error, OSError):
            raise DbopsError(f"{path} cannot be written: {error.strerror}") from None
        raise
