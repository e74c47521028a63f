"""A backup restored into a scratch database, to see whether it holds what its proof says; dropped whatever happens."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from dbops.backups import proof as proofs
from dbops.backups.proof import Proof
from dbops.backups.said import LoadFailed
from dbops.config.model import Target
from dbops.engines.postgres import databases, fingerprint, making, property_changes
from dbops.errors import AnswerIsNo, DbopsError
from dbops.events import Listener, StepDone
from dbops.restore import loading
from dbops.restore import scratch as scratches
from dbops.restore.content import Archive
from dbops.restore.holding import hold

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

PREFIX = "dbops_scratch_"
"""What the names of scratch databases begin with."""
_MARK = "dbops=scratch"
# What a server says that is full, or that somebody stops: nothing against the archive.
_NOT_ITS_FAULT = (
    "No space left on device",
    "Disk quota exceeded",
    "connection to server",
    "terminating connection",
)


class DoesNotLoad(AnswerIsNo):
    """A server of the version that the backup is of does not take it."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """How it ended.  `differences` are sentences, none where the restored database equals its proof."""

    server: str
    server_version: str
    differences: tuple[str, ...]
    notes: tuple[str, ...]


def run(archive: Archive, target: Target, jobs: int, listen: Listener) -> Trial:
    """Check an archive, restore it on this server, and compare.

    :param target: any database of the server.
    :raises AnswerIsNo: the archive is damaged, or does not load.
    :raises DbopsError: it could not be tried here, or not on a server of this version, which says nothing of the archive.
    """
    scratches.sweep(target, PREFIX, listen)
    name = scratches.new_name(PREFIX)
    scratch = target.replace("the trial", dbname=name)
    with hold(target, name, listen, scratches.PATIENCE) as connection:
        _check(archive, connection, listen)
        try:
            _make(connection, name, archive, listen)
            began = time.monotonic()
            _load(archive, scratch, connection, listen)
            listen(StepDone(f"loaded it into {name}", time.monotonic() - began))
            return _compared(archive, scratch, databases.server_version(connection), jobs, listen)
        finally:
            scratches.drop(target, name, listen)


def _check(archive: Archive, connection: Connection, listen: Listener) -> None:
    began = time.monotonic()
    obstacles = archive.check(connection)
    listen(StepDone("read it whole; every file is as it was written", time.monotonic() - began))
    if obstacles:
        raise DbopsError(
            f"{archive.label} cannot be restored on this server: {obstacles[0].text}",
            hint="--restore-on URL names another server; --checksums-only restores nothing",
        )


def _load(archive: Archive, scratch: Target, connection: Connection, listen: Listener) -> None:
    name = str(scratch.get("dbname"))

    def anew() -> None:
        databases.drop(connection, name)
        archive.abandon(scratch.replace("the trial", dbname=connection.info.dbname))
        _make(connection, name, archive, listen)

    try:
        loading.load(archive, scratch, connection, anew, listen)
    except LoadFailed as error:
        major = connection.info.server_version // 10000
        told = f"{error.message}\n{error.detail or ''}"
        if archive.server_major != major or any(words in told for words in _NOT_ITS_FAULT):
            raise
        raise DoesNotLoad(
            f"{archive.label} cannot be restored: {error.message}",
            detail=error.detail,
            hint="take another backup now; bin/backup list shows which others are proven",
        ) from error


def _make(connection: Connection, name: str, archive: Archive, listen: Listener) -> None:
    making.anywhere(lambda how: connection.execute(making.statement(name, how)), archive.making, listen)
    connection.execute(property_changes.set_comment(name, _MARK))


def _compared(archive: Archive, scratch: Target, version: str, jobs: int, listen: Listener) -> Trial:
    expected = archive.expected
    described = f"{scratch.get('host') or 'localhost'}:{scratch.get('port') or 5432}"
    if expected is None:
        return Trial(
            described, version, (), ("there is no proof to compare with: it loads, and that is all",)
        )
    began = time.monotonic()
    tables = [(table.schema, table.name) for table in expected.contents.tables]
    only = tables if archive.partial is not None else None
    found = Proof(expected.level, fingerprint.measure(scratch, None, expected.level, jobs, listen, only))
    listen(StepDone(f"compared it with its proof: {expected.summary()}", time.monotonic() - began))
    differences = tuple(one.sentence() for one in proofs.compare(expected, found))
    return Trial(described, version, differences, proofs.notes(expected, found))
