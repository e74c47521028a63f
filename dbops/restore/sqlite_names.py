"""Side and displaced databases of SQLite: files beside the live one, and the marks that say what was displaced.

A displaced database has the live one's name with `.before_` and the time; a file with the ending `.dbops-displaced`
beside it is its mark.  Without a mark a file is nobody's, whatever its name.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
from pathlib import Path

from dbops.backups.disk import sync_folder, write_file
from dbops.engines.sqlite.openers import siblings
from dbops.events import Listener, Note
from dbops.restore.names import Displacement

MARK = ".dbops-displaced"
_LARGEST = 1 << 16


@dataclasses.dataclass(frozen=True)
class DisplacedFile:
    """A displaced database: its file, and what its mark says."""

    path: Path
    displacement: Displacement
    journal_mode: str
    bytes: int

    @property
    def name(self) -> str:
        """For people, as they would write it from here."""
        return shown(self.path)

    @property
    def live(self) -> Path:
        """The database that it was."""
        return self.path.with_name(self.displacement.database)


def shown(path: Path) -> str:
    """A path, relative where it is below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def side(live: Path) -> Path:
    """The file that a restore unpacks into."""
    return live.with_name(f".{live.name}.restoring")


def displaced(live: Path, at: datetime.datetime) -> Path:
    """A name for the live database once it is displaced, that nothing has."""
    stem, attempt = f"{live.name}.before_{at.astimezone(datetime.UTC):%Y%m%d_%H%M%S}", 0
    path = live.with_name(stem)
    while os.path.lexists(path) or os.path.lexists(_mark(path)):
        attempt += 1
        path = live.with_name(f"{stem}_{attempt}")
    return path


def mark(path: Path, displacement: Displacement, journal_mode: str) -> None:
    """Write the mark of a file that is about to get this name.

    :raises DbopsError: it cannot be written; nothing is there then.
    """
    fields = {
        "database": displacement.database,
        "at": displacement.at.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        "backup": displacement.backup,
        "journal_mode": journal_mode,
    }
    write_file(_mark(path), [json.dumps(fields), "\n"])


def unmark(path: Path) -> None:
    """Remove the mark: the file has this name no longer.

    :raises OSError: it cannot be removed.
    """
    _mark(path).unlink(missing_ok=True)
    sync_folder(path.parent)


def all_displaced(live: Path, *, of_folder: bool = False) -> list[DisplacedFile]:
    """Those of a database, or of all in its folder, the newest first."""
    found = []
    for beside in live.parent.glob(f"*{MARK}"):
        one = read(beside.with_name(beside.name.removesuffix(MARK)))
        if one is not None and (of_folder or one.live == live):
            found.append(one)
    return sorted(found, key=lambda one: (one.displacement.at, one.name), reverse=True)


def read(path: Path) -> DisplacedFile | None:
    """The displaced database at a path; None where there is none with a mark."""
    try:
        with open(_mark(path), "rb") as file:
            fields = json.loads(file.read(_LARGEST))
        at = datetime.datetime.fromisoformat(fields["at"])
        database, backup, mode = fields["database"], fields["backup"], fields["journal_mode"]
        found = os.lstat(path)
        if at.tzinfo is None or Path(database).name != database:
            return None
        if _is_one_file(found, path.with_name(database)):
            return None  # a swap was killed before its rename
    except (OSError, ValueError, KeyError, TypeError):
        return None
    displacement = Displacement(database, at, backup if isinstance(backup, str) else None)
    return DisplacedFile(path, displacement, str(mode), found.st_size)


def sweep(live: Path, listen: Listener) -> None:
    """Remove what a killed restore or undo of this database has left; its lock must be held.

    :raises OSError: something cannot be removed.
    """
    remove_side(live, listen)
    take_back(live, listen)


def take_back(live: Path, listen: Listener) -> None:
    """Remove second names of the live file, which a swap has made and not come to use, with their marks.

    :raises OSError: something cannot be removed.
    """
    for beside in live.parent.glob(f"{live.name}.before_*{MARK}"):
        path = beside.with_name(beside.name.removesuffix(MARK))
        try:
            found = os.lstat(path)
        except FileNotFoundError:
            beside.unlink(missing_ok=True)
            continue
        if _is_one_file(found, live):
            for one in siblings(path):
                _give_back(one, live.with_name(live.name + one.name.removeprefix(path.name)))
            path.unlink()
            beside.unlink()
            listen(Note(f"removed {shown(path)}, which an interrupted restore had left"))


def remove_side(live: Path, listen: Listener | None = None) -> None:
    """Remove the side database with all that is beside it, if it is there.

    :param listen: told, where a killed restore had left it.
    """
    path = side(live)
    there = [one for one in (path, *siblings(path)) if os.path.lexists(one)]
    for one in there:
        one.unlink(missing_ok=True)
    if there and listen is not None:
        listen(Note(f"removed {shown(path)}, which an interrupted restore had left"))


def _give_back(path: Path, to: Path) -> None:
    if not os.path.lexists(to):
        os.rename(path, to)


def _is_one_file(found: os.stat_result, other: Path) -> bool:
    try:
        return os.path.samestat(found, os.lstat(other))
    except FileNotFoundError:
        return False


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}{MARK}")
