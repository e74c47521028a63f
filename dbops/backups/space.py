"""Whether a backup can fit on its disk, asked before it is begun."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from dbops.errors import Refused
from dbops.events import Listener, Warned, format_bytes

# zstd leaves a tenth to a third of ordinary tables; of what is compressed already, nearly all.
_USUAL = 0.25
_LEAST = 0.08
_ALWAYS = 1 << 20  # manifest, tables of contents, the file system's own


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Bytes: what the tables take in the database, what their backup will about take, what the disk has."""

    data: int
    expected: int
    least: int
    free: int


def estimate(data: int, folder: Path, *, compressed: bool, known: int | None) -> Estimate:
    """What a backup will take.

    :param data: bytes of the tables whose rows are dumped, without indexes.
    :param known: what the last such backup lets expect, in bytes, where there is one.
    """
    if known is not None:
        return Estimate(data, known + _ALWAYS, int(known * 0.7), _free(folder))
    if not compressed:
        usual, least = 1.0, 0.5
    else:
        usual, least = _USUAL, _LEAST
    return Estimate(data, int(data * usual) + _ALWAYS, int(data * least) + _ALWAYS, _free(folder))


def require(estimated: Estimate, folder: Path, listen: Listener) -> None:
    """Return if the backup can fit; warn where it may not.

    :raises Refused: it cannot.
    """
    if estimated.free < estimated.least:
        raise Refused(
            f"{folder} has {format_bytes(estimated.free)} free, and the backup takes about "
            f"{format_bytes(estimated.expected)} (tables of {format_bytes(estimated.data)})",
            hint="make room: bin/backup prune --keep-last 3 shows what could go; or --backups-dir on another disk",
        )
    if estimated.free < estimated.expected:
        listen(
            Warned(
                f"{folder} has {format_bytes(estimated.free)} free, and the backup may take "
                f"{format_bytes(estimated.expected)}; if it does not fit, nothing of it is left"
            )
        )


def _free(folder: Path) -> int:
    """Free bytes where a folder is or will be, for this account."""
    there = folder
    while not there.exists():
        there = there.parent
    found = os.statvfs(there)
    return found.f_bavail * found.f_frsize
