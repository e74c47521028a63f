"""A backup restored into a scratch database, to see whether it holds what its proof says; dropped whatever happens."""

from __future__ import annotations

import dataclasses
import re
import secrets
import time
from typing import TYPE_CHECKING

from dbops.backups import proof as proofs
from dbops.backups.proof import Proof
from dbops.backups.said import LoadFailed
from dbops.config.model import Target
from dbops.engines.postgres import databases, fingerprint, making, properties
from dbops.errors import AnswerIsNo, DbopsError, LockNotAcquired
from dbops.events import Listener, Note, StepDone
from dbops.restore.content import Archive
from dbops.restore.holding import COMMAND, hold, outside

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection

PREFIX = "dbops_scratch_"
"""What the names of scratch databases begin with."""
_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{12}}")
_MARK = "dbops=scratch"
_PATIENCE = 10.0
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
    _sweep(target, listen)
    name = f"{PREFIX}{secrets.token_hex(6)}"
    scratch = target.replace("the trial", dbname=name)
    with hold(target, name, listen, _PATIENCE) as connection:
        _check(archive, connection, listen)
        try:
            _make(connection, name, archive, listen)
            began = time.monotonic()
            _load(archive, scratch, connection.info.server_version // 10000)
            listen(StepDone(f"loaded it into {name}", time.monotonic() - began))
            return _compared(archive, scratch, databases.server_version(connection), jobs, listen)
        finally:
            _drop(target, name, listen)


def _check(archive: Archive, connection: Connection, listen: Listener) -> None:
    began = time.monotonic()
    obstacles = archive.check(connection)
    listen(StepDone("read it whole; every file is as it was written", time.monotonic() - began))
    if obstacles:
        raise DbopsError(
            f"{archive.label} cannot be restored on this server: {obstacles[0].text}",
            hint="--restore-on URL names another server; --checksums-only restores nothing",
        )


def _load(archive: Archive, scratch: Target, major: int) -> None:
    try:
        archive.load(scratch)
    except LoadFailed as error:
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
    connection.execute(properties.set_comment(name, _MARK))


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


def _sweep(target: Target, listen: Listener) -> None:
    """Drop the scratch databases of trials that were killed; those of other roles are for these roles."""
    with outside(target, PREFIX, listen, _PATIENCE) as connection:
        rows = connection.execute(
            "select datname from pg_catalog.pg_database where pg_catalog.starts_with(datname, %s)"
            " and pg_catalog.pg_has_role(datdba, 'USAGE')",
            [PREFIX],
        ).fetchall()
    for (name,) in rows:
        if _NAME.fullmatch(name):
            try:
                with hold(target, name, listen, 0) as connection:
                    databases.drop(connection, name)
            except LockNotAcquired:  # another verify is at work in it
                continue
            listen(Note(f"dropped {name}, which an interrupted verify had left"))


def _drop(target: Target, name: str, listen: Listener) -> None:
    """On a session of its own: the former one may be broken."""
    with databases.closing(
        databases.open_any(target, databases.MAINTENANCE, COMMAND, listen, _PATIENCE), target, COMMAND
    ) as connection:
        databases.drop(connection, name)
