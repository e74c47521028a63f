"""PostgreSQL's part of making a backup: one snapshot, read by pg_dump and by the proof."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import itertools
import math
import random
import time
from collections.abc import Callable
from pathlib import Path

from dbops.backups import create, space
from dbops.backups import dump as dumps
from dbops.backups import scope as scopes
from dbops.backups.create import Taken
from dbops.backups.disk import remove_tree
from dbops.backups.manifest import PostgresManifest
from dbops.backups.partial import Partial
from dbops.backups.plan import DumpPlan
from dbops.backups.progress import Progress
from dbops.backups.proof import Proof
from dbops.backups.proving import Proving
from dbops.backups.scope import Names, Scope
from dbops.backups.toc import read as read_toc
from dbops.backups.unpacking import open_for_reading
from dbops.config.model import Target
from dbops.engines.contents import Contents
from dbops.engines.inventory import Inventory, TableSize
from dbops.engines.postgres import inventory, servicefile, snapshot
from dbops.engines.postgres.connection import application_name, connect
from dbops.engines.postgres.pinned import told
from dbops.engines.postgres.waits import Waits
from dbops.errors import CannotConnect, LockNotAcquired
from dbops.events import Listener, Note, StepDone, format_bytes, plural

_ATTEMPTS = 3
_MOST_ATTEMPTS = 10
# pg_dump's own wait for locks: short, since whoever it waits for mostly waits for us.
_LOCK_WAIT = 2.0
_WORK = "work"
_STEMS = {"custom": "archive.dump", "plain": "archive.sql"}


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a backup comes from: the target, and what it is asked with.

    `deadline` is how long to wait for tables that others have locked, in seconds; `expected` the bytes that the last
    backup lets expect.
    """

    target: Target
    command: str
    deadline: float
    tracking_table: str | None = None
    expected: int | None = None


class Dumping:
    """A `Maker` of `dbops.backups.create`.

    :raises LockNotAcquired: from `take`: somebody holds a table, or changes of the schema came between every time.
    :raises ProgramFailed: pg_dump failed.
    """

    def __init__(self, plan: DumpPlan, source: Source, listen: Listener) -> None:
        self._plan = plan
        self._source = source
        self._listen = listen

    def take(self, partial: Partial) -> Taken:
        """See there."""
        return _attempts(self._plan, self._source, partial, self._listen)


def _attempts(plan: DumpPlan, source: Source, partial: Partial, listen: Listener) -> Taken:
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


def _attempt(plan: DumpPlan, source: Source, partial: Partial, listen: Listener) -> Taken:
    application = application_name(source.command)
    with snapshot.hold(source.target, application, source.deadline, listen) as held:
        at = datetime.datetime.now(datetime.UTC)
        data = sum(table.bytes for table in held.tables) if plan.has_data else 0
        takes = space.estimate(data, partial.path, compressed=plan.is_compressed, known=source.expected)
        space.require(takes, partial.path.parent, listen)
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
            listen(StepDone(f"dumped {format_bytes(create.raw_bytes(dumped.written))}", progress.lap()))
            create.read_back(plan, partial.path, dumped.written, progress, listen)
            contents = None
            if plan.proof != "none":
                contents = proving.contents(_scope(plan, partial, dumped, proving.names()))
        if contents is not None:
            listen(StepDone(f"proof of {plural(len(contents.tables), 'table')}", progress.lap()))
        return _taken(plan, dumped, contents, found, at)


def _taken(
    plan: DumpPlan,
    dumped: dumps.Dumped,
    contents: Contents | None,
    found: Inventory,
    at: datetime.datetime,
) -> Taken:
    proof = None
    if contents is not None and plan.proof != "none":
        proof = Proof(plan.proof, contents)
    describe = functools.partial(
        PostgresManifest,
        inventory=found,
        client_version=plan.client.version,
        min_restore_major=found.server_major,
    )
    return Taken(at, dumped.written, proof, describe)


def _watched(
    plan: DumpPlan,
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
    plan: DumpPlan,
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


def _scope(plan: DumpPlan, partial: Partial, dumped: dumps.Dumped, names: Names) -> Scope:
    if plan.format == "plain":
        return scopes.of_lines(dumped.lines, names)
    if plan.format == "directory":
        return scopes.of_toc(read_toc(partial.path / dumps.ARCHIVE), names)
    path = _file(plan, partial)
    with open_for_reading(path) as stream:
        return scopes.of_toc(read_toc(stream, str(path)), names)


def _file(plan: DumpPlan, partial: Partial) -> Path:
    return partial.path / f"{_STEMS[plan.format]}{plan.compression.suffix}"


def _clear(partial: Partial) -> None:
    """Remove what an attempt has written, but the lock."""
    for name in (dumps.ARCHIVE, dumps.RAW):
        if (partial.path / name).exists():
            remove_tree(partial.path / name)
    for path in partial.path.glob("archive.*"):
        path.unlink()
