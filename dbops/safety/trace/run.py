"""A trace from end to end: the pending migrations on a scratch database, watched; then the rounds."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dbops.engines.base import Identity
from dbops.engines.postgres.connection import application_name, connect
from dbops.engines.postgres.tracing import Watcher
from dbops.engines.schema import Schema
from dbops.errors import DbopsError, Refused
from dbops.events import Listener, ignore
from dbops.migrations import texts
from dbops.migrations.model import MigrationFile
from dbops.migrations.planner import Plan, Step
from dbops.safety.rounds import run as rounds
from dbops.safety.rounds.model import Wishes
from dbops.safety.trace.copying import Copying
from dbops.safety.trace.model import Trace
from dbops.safety.trace.recording import Recorder, file_of

if TYPE_CHECKING:
    from dbops.config.model import Target
    from dbops.engines.postgres.session import Session
    from dbops.safety.rounds.scratch import Scratch


@dataclasses.dataclass(frozen=True)
class Traced:
    """The trace, and the schema that it began with, to be held against the live one."""

    trace: Trace
    schema: Schema


def refuse_begun(steps: Sequence[Step]) -> None:
    """:raises Refused: a migration stopped in the middle, so that what it does from its beginning is not to be seen."""
    begun = next((step for step in steps if step.status.journal), None)
    if begun is not None:
        raise Refused(
            f"version {begun.version} stopped in the middle: a trace of what is left of it would say little",
            hint="bin/migrate up goes on with it; then trace the rest",
        )


def run(
    plan: Plan,
    identity: Identity,
    copying: Copying,
    scratch: Scratch[Session],
    wishes: Wishes,
    origin: str,
    listen: Listener,
) -> Traced:
    """Run a plan's steps on a copy of the scratch database, then each up, down and up again on others.

    :param identity: the live database.
    :param origin: for people, what the scratch database was made of.
    :raises DbopsError: it could not be tried, which says nothing of the migrations.
    """
    steps = plan.runs
    at, checksums = datetime.datetime.now(datetime.UTC), _checksums(steps)
    session = scratch.copy().session
    schema, server = session.schema(), session.identity.server_version.split()[0]
    with _recorder(session, copying.server, wishes, listen) as recorder:
        migrations = recorder.together(plan) if plan.single_transaction else recorder.one_by_one(steps)
    scratch.drop_copy()
    found = None
    if all(one.failure is None for one in migrations):
        found = rounds.run([step.status for step in steps], schema, scratch, wishes, listen)
    if _checksums(steps) != checksums:
        raise DbopsError("a migration file was edited while it was traced", hint="run the trace again")
    trace = Trace(
        database=identity.database, target=str(identity), server=server, at=at, source=copying.source, origin=origin,
        schema=schema.fingerprint, checksums=checksums, migrations=tuple(migrations), rounds=found,
        scratch=copying.place, single_transaction=plan.single_transaction,
    )  # fmt: skip
    return Traced(trace, schema)


def _checksums(steps: Sequence[Step]) -> dict[str, str]:
    return {step.version.text: checksum(file_of(step)) for step in steps}


def checksum(file: MigrationFile) -> str:
    """Over all that can run of a file, up, down and verify, as it is sent: with what stands for its placeholders."""
    migration = texts.read(file)
    sections = (migration.up, migration.down, migration.verify)
    code = migration.code and migration.code.checksum
    parts = [migration.raw_checksum, code, *(section and section.sql for section in sections)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@contextlib.contextmanager
def _recorder(session: Session, server: Target, wishes: Wishes, listen: Listener) -> Iterator[Recorder]:
    began = time.monotonic()
    target = server.replace("the scratch database", dbname=session.identity.database)
    watcher = Watcher(
        session.connection,
        session.tables,
        lambda: connect(target, application=application_name("migrate plan (watching)"), listen=ignore),
        lambda: time.monotonic() - began,
    )
    session.observe(watcher)
    with contextlib.closing(watcher):
        yield Recorder(session, watcher, began, wishes, listen)
