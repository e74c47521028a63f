"""New migration files, in the format and the numbering that the folder has."""

from __future__ import annotations

import datetime
import os
import re
import time
from pathlib import Path

from dbops.config.model import Setting
from dbops.errors import ConfigError, DbopsError, UsageError
from dbops.migrations import discovery
from dbops.migrations.detection import AUTO
from dbops.migrations.formats import by_name
from dbops.migrations.model import Folder
from dbops.migrations.version import Version

TIMESTAMP = "%Y%m%d%H%M%S"
_UNFIT = re.compile(r"[\x00-\x1f\x7f/\\]")


def create(
    folder: Setting[Path],
    version: str | None,
    name: str,
    format_name: Setting[str] = AUTO,
    *,
    dry_run: bool = False,
) -> list[Path]:
    """Write the files of a new migration and return them; the folder is made if it is missing.

    :param version: None for the next one, as the folder counts.
    :raises DbopsError: where the name is not fit for a file, the version is taken, or the disk refuses.
    """
    name = re.sub(r"\s+", "_", name.strip())
    if not name or name.startswith(".") or _UNFIT.search(name) or len(os.fsencode(name)) > 200:
        raise UsageError(
            f"{name!r} is not fit for a file name", hint="for example: bin/migrate new add_user_preferences"
        )
    discovery.require_known(format_name)
    found = _existing(folder, format_name)
    if version is None:
        version = next_version(found)
    elif found and any(file.version == Version.named(version) for file in found.files):
        raise UsageError(f"version {version} is taken", hint=f"the next one is {next_version(found)}")
    Version.parse(version)
    written = format_name.value
    if written == AUTO.value:
        written = found.newest.format if found else "single"
    texts = {folder.value / name: text for name, text in by_name(written).file_names(version, name).items()}
    if not dry_run:
        for path, text in texts.items():
            _write(path, text)
    return list(texts)


def next_version(folder: Folder | None) -> str:
    """The number after the highest one, as wide as that; a timestamp where the folder has timestamps."""
    if folder is None:
        return "001"
    last = folder.newest.version.text
    if not last.replace(".", "").isdigit():
        raise UsageError(
            f"the newest version {last} is no number, so there is no next one",
            hint="make the file with the tool that the format comes from",
        )
    if len(last) == 13 and last.startswith("1"):  # milliseconds, as node-pg-migrate counts
        return str(max(time.time_ns() // 1_000_000, int(last) + 1))
    if len(last) == 14 and last.startswith("20") and last.isdigit():
        # Another clock, or another time zone, may be ahead of this one.
        return max(datetime.datetime.now(datetime.UTC).strftime(TIMESTAMP), str(int(last) + 1))
    head, dot, tail = last.rpartition(".")
    return f"{head}{dot}{int(tail) + 1:0{len(tail)}d}"


def _existing(folder: Setting[Path], format_name: Setting[str]) -> Folder | None:
    """The folder as it is; None where it is missing or has no migration yet."""
    if not folder.value.is_dir():
        return None
    found = discovery.scan(folder, format_name)
    return found if found.files else None


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
