"""Running the pending migrations on a scratch database and writing down what each statement did; then the rounds."""

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
from dbops.engines.postgres import tracing
from dbops.engines.postgres.connection import application_name, connect
from dbops.engines.postgres.tracing import Lock, Seen, Watcher
from dbops.engines.schema import Schema
from dbops.engines.statements import Kind, Statement
from dbops.errors import DbopsError, Refused
from dbops.events import Detail, Listener, ignore
from dbops.migrations import texts
from dbops.migrations.model import MigrationFile
from dbops.migrations.planner import Step, Work
from dbops.migrations.prepare import Prepared, prepare
from dbops.migrations.report import place
from dbops.migrations.script import Mode
from dbops.safety.rounds import run as rounds
from dbops.safety.rounds.model import Failure, Wishes
from dbops.safety.rounds.section import NOT_THE_FILES, Beyond
from dbops.safety.rounds.section import run as run_section
from dbops.safety.trace.copying import Copying
from dbops.safety.trace.model import HeldLock, Trace, TracedMigration, TracedStatement

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
    steps: Sequence[Step],
    identity: Identity,
    copying: Copying,
    scratch: Scratch[Session],
    wishes: Wishes,
    origin: str,
    listen: Listener,
) -> Traced:
    """Run the steps on a copy of the scratch database, then each up, down and up again on others.

    :param identity: the live database.
    :param origin: for people, what the scratch database was made of.
    :raises DbopsError: it could not be tried, which says nothing of the migrations.
    """
    at, checksums = datetime.datetime.now(datetime.UTC), _checksums(steps)
    session = scratch.copy().session
    schema, server = session.schema(), session.identity.server_version.split()[0]
    with _watching(session, copying.server) as watched:
        migrations = watched.run(steps, wishes, listen)
    scratch.drop_copy()
    found = None
    if all(one.failure is None for one in migrations):
        found = rounds.run([step.status for step in steps], schema, scratch, wishes, listen)
    if _checksums(steps) != checksums:
        raise DbopsError("a migration file was edited while it was traced", hint="run the trace again")
    trace = Trace(
        database=identity.database, server=server, at=at, source=copying.source, origin=origin,
        schema=schema.fingerprint, checksums=checksums, migrations=tuple(migrations), rounds=found,
    )  # fmt: skip
    return Traced(trace, schema)


def _checksums(steps: Sequence[Step]) -> dict[str, str]:
    return {step.version.text: checksum(_file(step)) for step in steps}


def checksum(file: MigrationFile) -> str:
    """Over all that can run of a file, up, down and verify, as it is sent: with what stands for its placeholders."""
    migration = texts.read(file)
    sections = (migration.up, migration.down, migration.verify)
    code = migration.code and migration.code.checksum
    parts = [migration.raw_checksum, code, *(section and section.sql for section in sections)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@contextlib.contextmanager
def _watching(session: Session, server: Target) -> Iterator[_Run]:
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
        yield _Run(session, watcher, began)


@dataclasses.dataclass
class _Run:
    """The migrations one after the other, on one session."""

    session: Session
    watcher: Watcher
    began: float

    def run(self, steps: Sequence[Step], wishes: Wishes, listen: Listener) -> list[TracedMigration]:
        """Up to the first that fails; what is invalid at the end is told of the migration that left it."""
        invalid = set(tracing.invalid(self.session.connection))
        found: list[TracedMigration] = []
        for step in steps:
            listen(Detail(f"trace of {step.version} {step.status.name}"))
            found.append(self._migration(step, wishes))
            left = [name for name in tracing.invalid(self.session.connection) if name not in invalid]
            invalid.update(left)
            found[-1] = dataclasses.replace(found[-1], invalid=tuple(left))
            if found[-1].failure is not None:
                break
        still = set(tracing.invalid(self.session.connection))
        return [
            dataclasses.replace(one, invalid=tuple(name for name in one.invalid if name in still))
            for one in found
        ]

    def _migration(self, step: Step, wishes: Wishes) -> TracedMigration:
        prepared = prepare(step, self.session)
        statements = tuple(prepared.script.statements)
        self.watcher.begin({one.text for one in statements if one.kind is Kind.SET})
        began, failure = time.monotonic() - self.began, None
        try:
            run_section(self.session, _file(step), Work.RUN_UP, wishes)
        except NOT_THE_FILES:
            raise
        except DbopsError as error:
            hint = error.hint if isinstance(error, Beyond) else None
            failure = Failure(error.message, error.detail, hint=hint)
        alone = any(not one.in_transaction for one in self.watcher.seen)
        return TracedMigration(
            step.version.text,
            step.status.name,
            (Mode.STEPWISE if alone else prepared.script.mode).value,
            began,
            time.monotonic() - self.began - began,
            tuple(_statements(prepared, statements, self.watcher.seen)),
            failure=failure,
        )


def _file(step: Step) -> MigrationFile:
    assert step.status.file is not None  # only versions with a file are pending
    return step.status.file


def _statements(
    prepared: Prepared, statements: Sequence[Statement], seen: Sequence[Seen]
) -> Iterator[TracedStatement]:
    """What was sent, by the statements of the file; what dbops itself put in between is none of them."""
    numbered = list(enumerate(statements, 1))
    for one in seen:
        at = next((at for at, (_, statement) in enumerate(numbered) if statement.text == one.text), None)
        if at is not None:
            number, statement = numbered[at]
            del numbered[: at + 1]
            line, _ = place(prepared.section, statement.offset)
            yield TracedStatement(
                number, line, statement.redacted, one.in_transaction, one.began, one.seconds,
                tuple(_held(lock) for lock in one.locks), one.rewritten, one.built,
            )  # fmt: skip


def _held(lock: Lock) -> HeldLock:
    return HeldLock(
        lock.relation, lock.kind, lock.mode, lock.began, lock.ended, sampled=lock.sampled, new=lock.new
    )
