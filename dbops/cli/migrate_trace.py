"""`bin/migrate plan --trace`: the pending migrations on a scratch database, and what was seen next to what plan says."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbops.backups.filtering import Options
from dbops.backups.store import Store
from dbops.cli import machine, migrate_scratch
from dbops.cli import migrate_forecast as forecast
from dbops.cli import migrate_show as show
from dbops.cli import migrate_trace_show as trace_show
from dbops.cli.connect import on_postgres
from dbops.cli.migrate_scratch import Ground
from dbops.cli.migrate_trace_show import Report
from dbops.cli.migrate_verbs import opened, planned_up
from dbops.cli.output import Output
from dbops.cli.restore_choice import of_postgres
from dbops.config.model import Settings
from dbops.engines.base import Identity
from dbops.engines.marks import is_development
from dbops.engines.postgres import making
from dbops.engines.postgres.making import Making
from dbops.engines.schema import Schema, differences
from dbops.errors import AnswerIsNo, DbopsError, UsageError
from dbops.events import Note, Warned, plural
from dbops.migrations.planner import Plan
from dbops.restore.content import Archive, Reading
from dbops.safety.rounds.model import Wishes
from dbops.safety.rounds.postgres import scratch
from dbops.safety.trace import keeping, retention
from dbops.safety.trace import run as running
from dbops.safety.trace.copying import Copying
from dbops.safety.trace.model import Source, Trace

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session
    from dbops.migrations.migrator import MakePlan, Migrator
    from dbops.migrations.model import Status
    from dbops.safety.analysis import Analysed


@dataclasses.dataclass(frozen=True)
class _Asked:
    """What is known before the session on the live database ends: a copy of all of it wants nobody connected."""

    made: Plan
    statuses: Sequence[Status]
    found: Sequence[Analysed]
    plan: dict[str, Any]
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
        ground = _ground(arguments, asked, session, out)
    if ground is None:
        out.result(
            {**asked.plan, "trace": None},
            [f"nothing to trace; database {asked.identity}"],
        )
        return asked.made, asked.found
    traced = _traced(arguments, asked, ground, out)
    _tell_otherwise(asked, traced, out)
    report = Report(traced.trace, _kept(traced.trace, asked, out), asked.found)
    out.result({**asked.plan, **trace_show.data(report)}, trace_show.lines(report))
    _require_passed(traced.trace)
    return asked.made, asked.found


def _refuse_together(arguments: argparse.Namespace) -> None:
    if arguments.markdown:
        raise UsageError("--trace and --markdown cannot go together", hint="bin/migrate plan --help")


def _asked(migrator: Migrator, make: MakePlan, session: Session, settings: Settings) -> _Asked:
    preparation = migrator.prepare(make)
    identity, found = session.identity, forecast.analysed(preparation, session)
    return _Asked(
        preparation.plan,
        preparation.statuses,
        found,
        {**show.plan_data(preparation.plan, identity), **forecast.data(found)},
        identity,
        session.schema(),
        making.like(session.connection, identity.database) or Making(),
        is_development(session.comment()),
        settings,
    )


def _ground(arguments: argparse.Namespace, asked: _Asked, session: Session, out: Output) -> Ground | None:
    """Where it is traced; None where nothing is pending."""
    running.refuse_begun(asked.made.runs)
    if not asked.made.runs:
        return None
    return migrate_scratch.found(arguments, asked.settings, session, "plan --trace", out)


def _traced(arguments: argparse.Namespace, asked: _Asked, ground: Ground, out: Output) -> running.Traced:
    settings = asked.settings
    wishes = Wishes(
        every=True, with_rows=True, twice=False, own_server=ground.own, deadline=settings.deadline.value
    )
    with _backup(arguments, settings, ground.elsewhere, out) as backup:
        copying = Copying(
            live=settings.target, server=ground.server, place=ground.place, like=asked.like,
            clients=machine.clients(), listen=out.event, backup=backup, whole=asked.development,
            lock_wait=settings.lock_timeout.value,
        )  # fmt: skip
        origin = str(asked.identity) if backup is None else backup.label
        with scratch.made(settings, ground.server, asked.like, "plan --trace", out.event, copying) as made:
            return running.run(asked.made, asked.identity, copying, made, wishes, origin, out.event)


@contextlib.contextmanager
def _backup(
    arguments: argparse.Namespace, settings: Settings, elsewhere: bool, out: Output
) -> Iterator[Archive | None]:
    """What --from-backup names, kept from being pruned.

    :raises UsageError: there is none of that name.
    """
    if arguments.from_backup is None:
        yield None
        return
    store = Store(settings.backups_dir.value, out.event)
    found = store.named(arguments.from_backup, settings.target.get("dbname"), "postgresql")
    options = Options(no_owner=elsewhere, no_privileges=elsewhere)
    with store.lock_shared(found):
        yield Archive(
            found.name, found.path, of_postgres(found), Reading(machine.clients(), 1, options), out.event
        )


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


def _kept(trace: Trace, asked: _Asked, out: Output) -> Path | None:
    """Where it is kept; what was seen is told all the same where it cannot be."""
    backups = asked.settings.backups_dir.value
    try:
        path = keeping.keep(trace, backups)
    except DbopsError as error:
        out.event(Warned(f"the trace is not kept: {error.message}"))
        return None
    retention.sweep(backups, trace.target, asked.statuses, trace.at, out.event)
    return path


def _require_passed(trace: Trace) -> None:
    failed = next((one for one in trace.migrations if one.failure or one.invalid), None)
    if failed is not None:
        why = failed.failure.message if failed.failure else f"it leaves {', '.join(failed.invalid)} invalid"
        hint = (failed.failure and failed.failure.hint) or "mend it before it is applied"
        raise AnswerIsNo(f"version {failed.version} did not pass: {why}", hint=hint)
    bad = next((one for one in trace.rounds.rounds if not one.verdict.good), None) if trace.rounds else None
    if bad is not None:
        raise AnswerIsNo(
            f"version {bad.file.version} did not pass: {trace_show.outcome(bad)}",
            hint="bin/migrate verify tells more of it",
        )
