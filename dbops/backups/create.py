"""Making a backup: one snapshot, read by pg_dump and by the proof; published when all of it has been read back."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import itertools
import math
import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dbops import __version__
from dbops.backups import archive as archives
from dbops.backups import dump as dumps
from dbops.backups import scope as scopes
from dbops.backups import space
from dbops.backups.compression import Compression, Written, open_for_reading
from dbops.backups.disk import remove_tree
from dbops.backups.entries import Backup
from dbops.backups.manifest import ArchiveInfo, Manifest, Member
from dbops.backups.partial import Partial
from dbops.backups.plan import Plan
from dbops.backups.progress import Progress
from dbops.backups.proof import Proof
from dbops.backups.proving import Proving
from dbops.backups.scope import Names, Scope
from dbops.backups.store import Store
from dbops.backups.toc import read as read_toc
from dbops.config.model import Target
from dbops.engines.contents import Contents
from dbops.engines.inventory import TableSize
from dbops.engines.postgres import inventory, servicefile, snapshot
from dbops.engines.postgres.connection import account_name, application_name, connect
from dbops.engines.postgres.pinned import told
from dbops.engines.postgres.waits import Waits
from dbops.errors import CannotConnect, DbopsError, LockNotAcquired
from dbops.events import Listener, Note, StepDone, format_bytes, plural

if TYPE_CHECKING:
    from dbops.engines.inventory import Inventory

_ATTEMPTS = 3
_MOST_ATTEMPTS = 10
# pg_dump's own wait for locks: short, since whoever it waits for mostly waits for us.
_LOCK_WAIT = 2.0
_WORK = "work"
_STEMS = {"custom": "archive.dump", "plain": "archive.sql"}


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a backup comes from: the target, how it is reached for people, and what it is asked with.

    `deadline` is how long to wait for tables that others have locked, in seconds; `expected` the bytes that the last
    backup lets expect.
    """

    target: Target
    described: str
    command: str
    deadline: float
    tracking_table: str | None = None
    git_commit: str | None = None
    expected: int | None = None


@dataclasses.dataclass(frozen=True)
class _Taken:
    """What one attempt has brought: the archive's files, the proof, what the database was."""

    written: tuple[Written, ...]
    contents: Contents | None
    inventory: Inventory
    at: datetime.datetime


def create(plan: Plan, source: Source, store: Store, listen: Listener) -> Backup:
    """Make a backup; it has its name when this returns, and nothing has it otherwise.

    The caller holds the migration lock, so that no migration comes between.

    :raises Refused: the name is taken, or the disk too small.
    :raises LockNotAcquired: somebody holds a table, or changes of the schema came between every time.
    :raises ProgramFailed: pg_dump failed.
    :raises DbopsError: the disk was full, and the like; nothing is left but, where we are killed, a folder that the
        next run sweeps.
    """
    began = time.monotonic()
    with store.begin(plan.name) as partial:
        try:
            taken = _attempts(plan, source, partial, listen)
        except OSError as error:
            raise _failed(partial, error) from error
        return partial.publish(_manifest(plan, source, taken, partial.path, time.monotonic() - began))


def _attempts(plan: Plan, source: Source, partial: Partial, listen: Listener) -> _Taken:
    """Again with one job where a change of the schema in another session came between the workers' locks.

    Between the attempts our locks are free, so that the other session gets on.
    """
    work = partial.path / _WORK
    until = math.inf
    for attempt in itertools.count(1):
        work.mkdir(mode=0o700)
        try:
            return _attempt(plan, source, partial, listen)
        except dumps.TableLocked as error:
            until = min(until, time.monotonic() + source.deadline)
            if attempt >= _MOST_ATTEMPTS or (attempt >= _ATTEMPTS and time.monotonic() >= until):
                raise
            listen(Note(f"{error.message}: once more, with one job"))
            plan = dataclasses.replace(plan, jobs=1)
            _clear(partial)
        finally:
            remove_tree(work)
        time.sleep(random.uniform(0.05, 0.3))  # noqa: S311  # jitter, not a secret
    raise AssertionError("the last attempt returns or raises")


def _attempt(plan: Plan, source: Source, partial: Partial, listen: Listener) -> _Taken:
    application = application_name(source.command)
    with snapshot.hold(source.target, application, source.deadline, listen) as held:
        at = datetime.datetime.now(datetime.UTC)
        data = sum(table.bytes for table in held.tables) if plan.has_data else 0
        _require_space(plan, source, data, partial, listen)
        found = inventory.read(held.connection, source.tracking_table)
        sizes = tuple(TableSize(table.schema, table.name, table.bytes) for table in held.tables)
        found = dataclasses.replace(found, tables=sizes)
        environ = servicefile.environ(held.connection, partial.path / _WORK, application=application)
        run = dumps.Dump(
            plan.client, environ, held.id, plan.jobs, plan.options, min(source.deadline, _LOCK_WAIT),
            plan.threads, plan.level,
        )  # fmt: skip
        progress = Progress(listen)
        with Proving(plan, source.target, held, progress.beside) as proving:
            progress.begin("dumping", data)
            dumped = _watched(plan, run, partial, progress, source, proving.check, listen)
            listen(StepDone(f"dumped {format_bytes(_raw(dumped.written))}", progress.lap()))
            _read_back(plan, partial, dumped.written, progress)
            listen(StepDone("brought to disk and read back", progress.lap()))
            contents = None
            if plan.proof != "none":
                contents = proving.contents(_scope(plan, partial, dumped, proving.names()))
        if contents is not None:
            listen(StepDone(f"proof of {plural(len(contents.tables), 'table')}", progress.lap()))
        return _Taken(dumped.written, contents, found, at)


def _require_space(plan: Plan, source: Source, data: int, partial: Partial, listen: Listener) -> None:
    compressed = plan.compression is not Compression.NONE
    estimate = space.estimate(data, partial.path, compressed=compressed, known=source.expected)
    space.require(estimate, partial.path.parent, listen)


def _watched(
    plan: Plan,
    run: dumps.Dump,
    partial: Partial,
    progress: Progress,
    source: Source,
    check: Callable[[], None],
    listen: Listener,
) -> dumps.Dumped:
    """Run pg_dump, while somebody looks whether its sessions wait for a lock, or whether `check` raises.

    :raises TableLocked: one waits for a session that waits for us; named.
    :raises LockNotAcquired: one waits for longer than the deadline.
    """
    with Waits(source.target, application_name(source.command), source.deadline, listen) as waits:

        def watch() -> None:
            check()
            if (found := waits.too_long()) is not None:
                blocker, in_turn = found
                kind = dumps.TableLocked if in_turn else LockNotAcquired
                raise kind(f"pg_dump waits for a lock of {blocker}", hint=dumps.WHEN_IT_HAS_ENDED)

        try:
            return _dumped(plan, run, partial, progress, watch, listen)
        except dumps.TableLocked as error:
            if not error.named and (holder := _holder(source, listen)):
                error.message = f"{error.message}: {holder}"
            raise


def _holder(source: Source, listen: Listener) -> str | None:
    """Who waits for a table that we have locked; None where that one is gone."""
    with contextlib.suppress(CannotConnect):
        connection = connect(source.target, application=application_name("watch"), listen=listen, deadline=0)
        with contextlib.closing(connection), told():
            return next(iter(snapshot.blockers(connection)), None)
    return None


def _dumped(
    plan: Plan,
    run: dumps.Dump,
    partial: Partial,
    progress: Progress,
    watch: Callable[[], None],
    listen: Listener,
) -> dumps.Dumped:
    """Run pg_dump; what `watch` raises ends it."""
    if plan.format == "directory":
        return dumps.into_folder(run, partial.path, progress, watch, listen)
    return dumps.into_file(run, _file(plan, partial), plan.format, plan.compression, progress, watch, listen)


def _read_back(plan: Plan, partial: Partial, written: Sequence[Written], progress: Progress) -> None:
    folders = {one.path.parent for one in written}
    archives.sync([*(one.path for one in written), *folders], plan.threads)
    progress.begin("reading back", sum(one.size for one in written))
    raw = archives.check(
        partial.path, _info(plan, partial.path, written), threads=plan.threads, on_bytes=progress.add
    )
    if raw != _raw(written):
        raise DbopsError(
            f"{raw} bytes were read back of {_raw(written)}: this machine's memory or disk is not sound",
            hint="take the backup on another machine, and test this one",
        )
    progress.end()


def _scope(plan: Plan, partial: Partial, dumped: dumps.Dumped, names: Names) -> Scope:
    if plan.format == "plain":
        return scopes.of_lines(dumped.lines, names)
    if plan.format == "directory":
        return scopes.of_toc(read_toc(partial.path / dumps.ARCHIVE), names)
    path = _file(plan, partial)
    with open_for_reading(path) as stream:
        return scopes.of_toc(read_toc(stream, str(path)), names)


def _file(plan: Plan, partial: Partial) -> Path:
    return partial.path / f"{_STEMS[plan.format]}{plan.compression.suffix}"


def _manifest(plan: Plan, source: Source, taken: _Taken, place: Path, duration: float) -> Manifest:
    proof = None
    if taken.contents is not None and plan.proof != "none":
        proof = Proof(plan.proof, taken.contents).to_json()
    return Manifest(
        name=plan.name,
        created_at=taken.at,
        duration=round(duration, 3),
        dbops_version=__version__,
        client_version=plan.client.version,
        hostname=socket.gethostname(),
        who=account_name() or f"uid {os.geteuid()}",
        server=source.described,
        inventory=taken.inventory,
        archive=_info(plan, place, taken.written),
        min_restore_major=taken.inventory.server_major,
        proof=proof,
        git_commit=source.git_commit,
        notes=plan.warnings,
    )


def _info(plan: Plan, place: Path, written: Sequence[Written]) -> ArchiveInfo:
    members = [Member(str(one.path.relative_to(place)), one.size, one.sha256) for one in written]
    return ArchiveInfo(
        plan.format,
        plan.compression.value,
        tuple(sorted(members, key=lambda member: member.path)),
        _raw(written),
        plan.options,
    )


def _raw(written: Sequence[Written]) -> int:
    return sum(one.raw_size for one in written)


def _clear(partial: Partial) -> None:
    """Remove what an attempt has written, but the lock."""
    for name in (dumps.ARCHIVE, dumps.RAW):
        if (partial.path / name).exists():
            remove_tree(partial.path / name)
    for path in partial.path.glob("archive.*"):
        path.unlink()


def _failed(partial: Partial, error: OSError) -> DbopsError:
    folder = partial.path.parent
    return DbopsError(
        f"the backup could not be written to {folder}: {error.strerror}; nothing of it is left",
        hint=f"df -h {folder}",
    )
