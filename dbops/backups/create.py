"""Making a backup: an engine brings the archive and its proof; published when all of it has been read back."""

from __future__ import annotations

import dataclasses
import datetime
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from dbops import __version__
from dbops.backups import archive as archives
from dbops.backups.entries import Backup
from dbops.backups.manifest import ArchiveInfo, Manifest, Member
from dbops.backups.packing import Written
from dbops.backups.partial import Partial
from dbops.backups.plan import Plan
from dbops.backups.progress import Progress
from dbops.backups.proof import Proof
from dbops.backups.store import Store
from dbops.engines.account import account_name
from dbops.errors import DbopsError
from dbops.events import Listener, StepDone


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where a backup comes from, as the manifest says it: the server's address, the project's commit."""

    server: str
    git_commit: str | None = None


@dataclasses.dataclass(frozen=True)
class Taken:
    """What an engine has brought: the archive's files, their proof, and the time of which both are.

    :param describe: makes the engine's manifest of what all manifests have.
    :param notes: sentences for whoever restores it.
    """

    at: datetime.datetime
    written: tuple[Written, ...]
    proof: Proof | None
    describe: Callable[..., Manifest]
    notes: tuple[str, ...] = ()


class Maker(Protocol):
    """An engine's part of making a backup."""

    def take(self, partial: Partial) -> Taken:
        """Write the archive into the folder, read it back (`read_back`), and prove it.

        The folder may hold nothing else afterwards; where it fails, anything.

        :raises Refused: the disk is too small.
        :raises OSError: the disk is full, and the like.
        """


def create(plan: Plan, maker: Maker, origin: Origin, store: Store) -> Backup:
    """Make a backup; it has its name when this returns, and nothing has it otherwise.

    The caller holds the migration lock, so that no migration comes between.

    :raises Refused: the name is taken, or the disk too small.
    :raises DbopsError: what the engine says, or the disk was full, and the like; nothing is left but, where we are
        killed, a folder that the next run sweeps.
    """
    began = time.monotonic()
    with store.begin(plan.name) as partial:
        try:
            taken = maker.take(partial)
        except OSError as error:
            raise _failed(partial, error) from error
        return partial.publish(_manifest(plan, origin, taken, partial.path, time.monotonic() - began))


def read_back(
    plan: Plan, place: Path, written: Sequence[Written], progress: Progress, listen: Listener
) -> None:
    """Bring the archive's files to disk, and read them from there.

    :raises DbopsError: the disk has not what was written.
    """
    folders = {one.path.parent for one in written}
    archives.sync([*(one.path for one in written), *folders], plan.threads)
    progress.begin("reading back", sum(one.size for one in written))
    raw = archives.check(place, _info(plan, place, written), threads=plan.threads, on_bytes=progress.add)
    if raw != raw_bytes(written):
        raise DbopsError(
            f"{raw} bytes were read back of {raw_bytes(written)}: this machine's memory or disk is not sound",
            hint="take the backup on another machine, and test this one",
        )
    progress.end()
    listen(StepDone("brought to disk and read back", progress.lap()))


def raw_bytes(written: Sequence[Written]) -> int:
    """What went into the files, before compression."""
    return sum(one.raw_size for one in written)


def _manifest(plan: Plan, origin: Origin, taken: Taken, place: Path, duration: float) -> Manifest:
    return taken.describe(
        name=plan.name,
        created_at=taken.at,
        duration=round(duration, 3),
        dbops_version=__version__,
        hostname=socket.gethostname(),
        who=account_name() or f"uid {os.geteuid()}",
        server=origin.server,
        archive=_info(plan, place, taken.written),
        proof=taken.proof.to_json() if taken.proof is not None else None,
        git_commit=origin.git_commit,
        notes=(*plan.warnings, *taken.notes),
    )


def _info(plan: Plan, place: Path, written: Sequence[Written]) -> ArchiveInfo:
    members = [Member(str(one.path.relative_to(place)), one.size, one.sha256) for one in written]
    return ArchiveInfo(
        plan.format,
        plan.compression.value,
        tuple(sorted(members, key=lambda member: member.path)),
        raw_bytes(written),
        plan.options,
    )


def _failed(partial: Partial, error: OSError) -> DbopsError:
    folder = partial.path.parent
    return DbopsError(
        f"the backup could not be written to {folder}: {error.strerror}; nothing of it is left",
        hint=f"df -h {folder}",
    )
