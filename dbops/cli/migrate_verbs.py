"""The verbs of `bin/migrate` that run migrations, one function each: from arguments to a plan, its execution and its report."""

from __future__ import annotations

import argparse
import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dbops.cli import hooks
from dbops.cli import migrate_show as show
from dbops.cli.confirm import ask
from dbops.cli.connect import connected
from dbops.cli.hooks import Hooks
from dbops.cli.migrate_told import Told
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.errors import AnswerIsNo, ExitCode, UsageError
from dbops.events import Listener, Note, ignore, plural
from dbops.migrations import planner, verbs
from dbops.migrations.migrator import MakePlan, Migrator
from dbops.migrations.model import Folder
from dbops.migrations.planner import Plan
from dbops.migrations.preparation import Preparation

if TYPE_CHECKING:
    from dbops.engines.log import LogEntry
    from dbops.engines.session import Session
    from dbops.engines.statements import Statement
    from dbops.migrations.prepare import Prepared
    from dbops.migrations.stepwise import Decide


@contextlib.contextmanager
def opened(
    arguments: argparse.Namespace, out: Output, listen: Listener | None = None
) -> Iterator[tuple[Migrator, Session, Settings]]:
    """A migrator on the database that the arguments and the configuration name."""
    with connected(arguments, out) as (session, settings):
        yield Migrator(session, settings, listen or out.event, _decide(arguments, out)), session, settings


# -- verbs that run SQL ------------------------------------------------------------------------------------------------


def up(arguments: argparse.Namespace, out: Output) -> int:
    """Apply what is pending."""
    if arguments.check:
        return _check_pending(arguments, out)
    return carried_out(arguments, out, functools.partial(planned_up, arguments))


def down(arguments: argparse.Namespace, out: Output) -> int:
    """Undo."""

    def make(migrator: Migrator) -> MakePlan:
        _one_of(arguments, "count", "steps", "to", "through")
        steps = _steps(arguments, migrator.folder)
        return verbs.down(migrator, steps=steps, to=arguments.to, through=arguments.through)

    return carried_out(arguments, out, make)


def goto(arguments: argparse.Namespace, out: Output) -> int:
    """Up or down to a version."""

    def make(migrator: Migrator) -> MakePlan:
        return verbs.goto(
            migrator,
            arguments.to,
            out_of_order=arguments.out_of_order,
            single_transaction=arguments.single_transaction,
        )

    return carried_out(arguments, out, make)


def redo(arguments: argparse.Namespace, out: Output) -> int:
    """Down and up again."""

    def make(migrator: Migrator) -> MakePlan:
        _one_of(arguments, "count", "steps", "through")
        return verbs.redo(migrator, steps=_steps(arguments, migrator.folder), through=arguments.through)

    return carried_out(arguments, out, make)


def _check_pending(arguments: argparse.Namespace, out: Output) -> int:
    """What `up` would run, in short."""
    with opened(arguments, out) as (migrator, session, _):
        made = migrator.prepare(planned_up(arguments, migrator)).plan
        out.result(
            show.plan_data(made, session.identity),
            show.plan_lines(made, migrator.folder, session, out.verbose),
        )
        if made.steps:
            raise AnswerIsNo(pending(made), hint="bin/migrate up")
    return ExitCode.DONE


def pending(made: Plan) -> str:
    """What is pending, in words."""
    if not made.runs:
        return f"{plural(len(made.moves), 'record')} to move: renumbered since"
    return f"{plural(len(made.runs), 'migration')} pending"


def planned_up(arguments: argparse.Namespace, migrator: Migrator) -> MakePlan:
    """What `up` and `plan` plan."""
    _one_of(arguments, "count", "steps", "to", "only")
    return verbs.up(
        migrator,
        steps=_steps(arguments, migrator.folder),
        to=arguments.to,
        only=arguments.only,
        out_of_order=arguments.out_of_order,
        single_transaction=arguments.single_transaction,
    )


def carried_out(
    arguments: argparse.Namespace,
    out: Output,
    make: Callable[[Migrator], MakePlan],
) -> int:
    """Plan, show or confirm, carry out, report."""
    with hooks.around("migrate", f"migrate {arguments.verb}", arguments, out) as hook:
        return _planned(arguments, out, make, hook)


def _planned(
    arguments: argparse.Namespace,
    out: Output,
    make: Callable[[Migrator], MakePlan],
    hook: Hooks,
) -> int:
    told = Told(hook, out.event)
    with opened(arguments, out, told.event) as (migrator, session, settings):
        make_plan = make(migrator)
        prepared = migrator.prepare(make_plan)
        made = prepared.plan
        if arguments.dry_run or not made.steps:
            _show_only(migrator, prepared, out, dry_run=arguments.dry_run)
            return ExitCode.DONE
        out.event(Note(f"database {session.identity}"))
        if made.loses_data:
            _confirm(made, out, session, settings)
        approve = functools.partial(_require_rehearsal, arguments, session, settings, ignore)
        _require_rehearsal(arguments, session, settings, out.event, made)
        told.begins(made, session.read().rows)
        hook.before(settings, session.identity.database, versions=[step.version.text for step in made.steps])
        backup = _backup_first(arguments, made, session, settings, out)
        hook.tell(backup=backup.detail["backup"] if backup and backup.detail else None)
        if backup is not None and session.initialised:
            session.log(backup)
            backup = None
        refuse_drift = getattr(arguments, "fail_on_drift", False)
        done = migrator.change(prepared, make_plan, refuse_drift=refuse_drift, approve=approve)
        if backup is not None:  # the first migration made the event log
            session.log(backup)
        newest = migrator.newest()
        told.ended(done, newest)
        if done.runs:
            _keep_schema_file(session, settings, out)
        out.result(show.done_data(done, session.identity), show.done_lines(done, newest, session))
    return ExitCode.DONE


def _show_only(migrator: Migrator, prepared: Preparation, out: Output, *, dry_run: bool) -> None:
    """The plan, or that there is nothing to do; then a former run may have left something to be written down."""
    made, session = prepared.plan, migrator.session
    if dry_run:
        lines = show.plan_lines(made, migrator.folder, session, out.verbose)
        out.result(show.plan_data(made, session.identity), lines)
        return
    statuses = migrator.statuses() if migrator.catch_up() else prepared.statuses
    lines = show.nothing_lines(made, migrator.folder, statuses, session)
    out.result(show.done_data(made, session.identity), lines)


def _require_rehearsal(
    arguments: argparse.Namespace, session: Session, settings: Settings, listen: Listener, made: Plan
) -> None:
    if getattr(arguments, "require_rehearsal", False) or settings.require_rehearsal:
        from dbops.cli import migrate_rehearsal

        asked = getattr(arguments, "require_rehearsal", False)
        migrate_rehearsal.require(made, session, settings, listen, asked=asked)


def _keep_schema_file(session: Session, settings: Settings, out: Output) -> None:
    if settings.schema_file.value is not None:
        from dbops.cli import migrate_schema

        migrate_schema.keep(session, settings, out)


def _backup_first(
    arguments: argparse.Namespace, made: Plan, session: Session, settings: Settings, out: Output
) -> LogEntry | None:
    """See that there is a fresh backup, where one is asked for and migrations are about to run."""
    asked = getattr(arguments, "require_fresh_backup", None)
    if asked is None and settings.backup_before_migrate.value is None:
        return None
    from dbops.cli import fresh_backup

    age = (
        None if asked is None else fresh_backup.age(asked)
    )  # a wrong one is told also where nothing is pending
    if all(step.work is not planner.Work.RUN_UP for step in made.steps):
        return None
    return fresh_backup.ensure(session, settings, out, age)


def _confirm(made: Plan, out: Output, session: Session, settings: Settings) -> None:
    """Tell each step, and ask whether its data may be lost."""
    from dbops.devdb import consent
    from dbops.devdb.databases import Found

    for step in made.steps:
        out.event(Note(f"  {show.step_line(step)}"))
    database = Found(session.identity.database, session.comment())
    what = verbs.what_is_lost(made)
    consent.require([database], what, settings.confirm, lambda question: ask(question, out))


# -- reading arguments -------------------------------------------------------------------------------------------------


def _steps(arguments: argparse.Namespace, folder: Folder) -> int | None:
    """A number of steps; where it could as well be a version of this folder, both readings are spelled out.

    :raises UsageError: for that, and for what is not a number from 1.
    """
    explicit, text = getattr(arguments, "steps", None), arguments.count
    if text is None:
        if explicit is not None and explicit < 1:
            raise UsageError("--steps counts from 1", hint=f"bin/migrate {arguments.verb} --help")
        return explicit
    option = "--through" if arguments.verb == "redo" else "--to"
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        raise UsageError(
            f"{text!r} is not a number of steps",
            hint=f"bin/migrate {arguments.verb} {option} VERSION takes a version",
        )
    if text.startswith("0") or any(file.version.text == text for file in folder.files):
        raise UsageError(
            f"{text!r} could be a number of steps or a version",
            hint=f"bin/migrate {arguments.verb} --steps {int(text)} counts steps, "
            f"bin/migrate {arguments.verb} {option} {text} names the version",
        )
    return int(text)


def _one_of(arguments: argparse.Namespace, *names: str) -> None:
    given = {"N" if name == "count" else f"--{name}": getattr(arguments, name, None) for name in names}
    verbs.at_most_one(f"bin/migrate {arguments.verb} --help", **given)


def _decide(arguments: argparse.Namespace, out: Output) -> Decide:
    """Who says whether a started statement took effect: the option, else the person at the terminal."""

    def decide(prepared: Prepared, statement: Statement) -> bool | None:
        answer = getattr(arguments, "started_statement", None)
        if answer is None:
            typed = ask(
                f"{statement.redacted}\n"
                f"This statement of {prepared.section.label} was started when the process ended.\n"
                "Did it take effect? [y: go on after it / n: run it again / anything else: stop] ",
                out,
            )
            answer = {"y": "done", "n": "again"}.get((typed or "").strip().lower())
        return None if answer is None else answer == "done"

    return decide
