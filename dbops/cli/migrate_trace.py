"""`bin/migrate plan --trace`: the pending migrations on a scratch database, and what was seen next to what plan says."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbops.backups.filtering import Options
from dbops.backups.store import Store
from dbops.cli import migrate_forecast as forecast
from dbops.cli import migrate_rounds
from dbops.cli import migrate_show as show
from dbops.cli.connect import on_postgres
from dbops.cli.migrate_verbs import opened, planned_up
from dbops.cli.output import Output
from dbops.cli.restore_choice import of_postgres
from dbops.config.model import Settings
from dbops.engines.base import Identity
from dbops.engines.marks import is_development
from dbops.engines.postgres import making
from dbops.engines.postgres.effects.model import LockMode
from dbops.engines.postgres.making import Making
from dbops.engines.schema import Schema, differences
from dbops.errors import AnswerIsNo, UsageError
from dbops.events import Note, Warned, format_seconds, plural
from dbops.migrations.planner import Plan
from dbops.programs import clients
from dbops.restore.content import Archive, Reading
from dbops.safety.rounds import scratch
from dbops.safety.rounds.model import Round, Wishes
from dbops.safety.trace import compare, keeping
from dbops.safety.trace import run as running
from dbops.safety.trace.copying import Copying
from dbops.safety.trace.model import Source, Trace, TracedMigration, TracedStatement

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session
    from dbops.migrations.migrator import MakePlan, Migrator
    from dbops.safety.analysis import Analysed

Differing = Mapping[str, Mapping[int, tuple[str, ...]]]
"""What was otherwise than plan says, by version and statement."""


@dataclasses.dataclass(frozen=True)
class _Asked:
    """What is known before the session on the live database ends: a copy of all of it wants nobody connected."""

    made: Plan
    found: Sequence[Analysed]
    identity: Identity
    schema: Schema
    like: Making
    development: bool
    settings: Settings


def trace(arguments: argparse.Namespace, out: Output) -> tuple[Plan, Sequence[Analysed]]:
    """Trace what is pending, keep the report, and tell; nothing of the configured database changes.

    :raises AnswerIsNo: a migration fails, leaves something invalid, or does not come back.
    """
    _refuse_together(arguments)
    with opened(arguments, out) as (migrator, found, settings):
        session = on_postgres(found, "bin/migrate plan --trace")
        asked = _asked(migrator, planned_up(arguments, migrator), session, settings)
    if not asked.made.runs:
        out.result(
            {**show.plan_data(asked.made, asked.identity), "trace": None},
            [f"nothing to trace; database {asked.identity}"],
        )
        return asked.made, asked.found
    running.refuse_begun(asked.made.runs)
    traced = _traced(arguments, asked, out)
    _tell_otherwise(asked, traced, out)
    path = keeping.keep(traced.trace, asked.settings.backups_dir.value)
    differing = _differing(asked.found, traced.trace)
    out.result(
        data(asked.made, asked.identity, traced.trace, path, differing), lines(traced.trace, path, differing)
    )
    _require_passed(traced.trace)
    return asked.made, asked.found


def _refuse_together(arguments: argparse.Namespace) -> None:
    for name in ("markdown", "single_transaction"):
        if getattr(arguments, name):
            raise UsageError(
                f"--trace and --{name.replace('_', '-')} cannot go together", hint="bin/migrate plan --help"
            )


def _asked(migrator: Migrator, make: MakePlan, session: Session, settings: Settings) -> _Asked:
    preparation = migrator.prepare(make)
    identity = session.identity
    return _Asked(
        preparation.plan,
        forecast.analysed(preparation, session),
        identity,
        session.schema(),
        making.like(session.connection, identity.database) or Making(),
        is_development(session.comment()),
        settings,
    )


def _traced(arguments: argparse.Namespace, asked: _Asked, out: Output) -> running.Traced:
    settings = asked.settings
    elsewhere = arguments.scratch_url is not None
    server = migrate_rounds.scratch_server(arguments, settings, out)
    backup = _backup(arguments, settings, elsewhere, out)
    copying = Copying(
        live=settings.target, server=server, like=asked.like, clients=_clients(), listen=out.event,
        backup=backup, whole=asked.development, elsewhere=elsewhere, lock_wait=settings.lock_timeout.value,
    )  # fmt: skip
    wishes = Wishes(
        every=True, with_rows=True, twice=False, own_server=elsewhere, deadline=settings.deadline.value
    )
    origin = str(asked.identity) if backup is None else backup.label
    with scratch.made(settings, server, asked.like, out.event, copying) as made:
        return running.run(asked.made.runs, asked.identity, copying, made, wishes, origin, out.event)


def _clients() -> tuple[Any, ...]:
    return clients(os.environ.get("PATH", os.defpath))


def _backup(
    arguments: argparse.Namespace, settings: Settings, elsewhere: bool, out: Output
) -> Archive | None:
    """What --from-backup names.

    :raises UsageError: there is none of that name.
    """
    if arguments.from_backup is None:
        return None
    store = Store(settings.backups_dir.value, out.event)
    found = store.named(arguments.from_backup, settings.target.get("dbname"), "postgresql")
    options = Options(no_owner=elsewhere, no_privileges=elsewhere)
    return Archive(found.name, found.path, of_postgres(found), Reading(_clients(), 1, options), out.event)


def _tell_otherwise(asked: _Asked, traced: running.Traced, out: Output) -> None:
    """Where the scratch database was not as the live one is, and what its times are worth."""
    if asked.schema.spelling != traced.schema.spelling:
        out.event(
            Warned(
                f"the scratch database is of {traced.schema.spelling}, and the live one of {asked.schema.spelling}"
            )
        )
    elif found := differences(asked.schema, traced.schema):
        first = f"{found[0].object} ({found[0].change.value})"
        out.event(
            Warned(
                f"the scratch database was not as the live one is: {plural(len(found), 'difference')}, the first: {first}; "
                "up --require-rehearsal will not take this trace"
            )
        )
    if traced.trace.source is Source.SCHEMA:
        out.event(Note("the tables of the trace were empty: its times are those of empty tables"))


def _differing(found: Sequence[Analysed], trace: Trace) -> Differing:
    forecasts = {one.step.version.text: one.statements for one in found}
    return {one.version: compare.differences(forecasts[one.version], one) for one in trace.migrations}


def _require_passed(trace: Trace) -> None:
    failed = next((one for one in trace.migrations if one.failure or one.invalid), None)
    if failed is not None:
        why = failed.failure.message if failed.failure else f"it leaves {', '.join(failed.invalid)} invalid"
        raise AnswerIsNo(f"version {failed.version} did not pass: {why}", hint="mend it before it is applied")
    bad = next((one for one in trace.rounds.rounds if not one.verdict.good), None) if trace.rounds else None
    if bad is not None:
        raise AnswerIsNo(
            f"version {bad.file.version} did not pass: {_outcome(bad)}",
            hint="bin/migrate verify tells more of it",
        )


# -- what is shown -----------------------------------------------------------------------------------------------------


def data(made: Plan, identity: Identity, trace: Trace, path: Path, differing: Differing) -> dict[str, Any]:
    """For --json: the plan, and the trace as it is kept, with what differs from the plan."""
    return {
        **show.plan_data(made, identity),
        "trace": keeping.data(trace),
        "file": str(path),
        "otherwise": [
            {"version": version, "statement": number, "differences": list(sentences)}
            for version, by_number in differing.items()
            for number, sentences in by_number.items()
        ],
    }


def lines(trace: Trace, path: Path, differing: Differing) -> Iterator[str]:
    """Each migration with its statements, then its round, then the whole."""
    verdicts = {one.file.version.text: one for one in trace.rounds.rounds} if trace.rounds else {}
    for one in trace.migrations:
        yield f"{one.version} {one.name}: {one.mode}, {format_seconds(one.seconds)}"
        yield from _migration(one, differing[one.version])
        if one.version in verdicts:
            yield f"  up, down and up again: {_outcome(verdicts[one.version])}"
        yield ""
    count = sum(len(by_number) for by_number in differing.values())
    yield (
        "plan was right about every statement"
        if not count
        else f"plan was wrong about {plural(count, 'statement')}"
    )
    yield f"{'passed' if trace.passed else 'not passed'}; traced on PostgreSQL {trace.server}, a copy of {_what(trace)}"
    yield f"kept as {path}"


def _outcome(one: Round) -> str:
    why = f": {one.failure.message}" if one.failure else ""
    when = " (only with rows in the tables)" if one.failure and one.failure.only_with_rows else ""
    return f"{one.verdict.value}{', loses data' if one.lost else ''}{why}{when}"


def _what(trace: Trace) -> str:
    return {
        Source.SCHEMA: f"the schema of {trace.origin}",
        Source.BACKUP: f"the backup {trace.origin}",
        Source.TEMPLATE: f"{trace.origin} with its rows",
    }[trace.source]


def _migration(one: TracedMigration, differing: Mapping[int, tuple[str, ...]]) -> Iterator[str]:
    if not one.statements and one.failure is None:
        yield "  what Python sends is not traced statement by statement"
    for statement in one.statements:
        yield from _statement(statement, differing.get(statement.number, ()))
    if one.invalid:
        yield f"  left invalid: {', '.join(one.invalid)}"
    if one.failure is not None:
        yield f"  failed: {one.failure.message}"


def _statement(one: TracedStatement, differing: Sequence[str]) -> Iterator[str]:
    outside = "" if one.in_transaction else " (outside a transaction: locks are sampled)"
    yield f"{one.number:>5} {format_seconds(one.seconds):>8}  {forecast.short(one.text)}{outside}"
    strongest: dict[str, LockMode] = {}
    for lock in one.locks:
        if not lock.new and "index" not in lock.kind:
            strongest[lock.relation] = max(lock.mode, strongest.get(lock.relation, lock.mode))
    facts = [f"{mode.words} on {relation}" for relation, mode in strongest.items()]
    facts += [f"{name} written anew" for name in one.rewritten]
    facts += [f"index {name} built" for name in one.built]
    yield from (f"{'':16}{fact}" for fact in facts)
    yield from (f"{'':16}differs: {sentence}" for sentence in differing)
