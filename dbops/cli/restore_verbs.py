"""The verbs of `bin/restore`, one function each: from arguments to a plan, consent, its execution and its report."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dbops.backups import listing
from dbops.backups.retention import Policy
from dbops.backups.store import Store
from dbops.cli import hooks, restore_sqlite
from dbops.cli import restore_choice as choice
from dbops.cli import restore_show as show
from dbops.cli.confirm import ask
from dbops.cli.connect import load_settings, locate, located
from dbops.cli.hooks import Hooks
from dbops.cli.output import Output
from dbops.config.model import Settings, Target
from dbops.devdb import consent
from dbops.devdb.consent import Cost
from dbops.engines.postgres.databases import Found
from dbops.errors import CannotConnect, ConfigError, DbopsError, ExitCode
from dbops.events import Note, Warned
from dbops.migrations import discovery
from dbops.restore import record
from dbops.restore import undo as undoing
from dbops.restore.holding import described, hold, outside
from dbops.restore.inplace import WARNING, restore_in_place
from dbops.restore.plan import Exchange
from dbops.restore.restore import Prepared, Work, prepare, restore

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection
from dbops.cli.restore_work import concerned, live_target, name_of, work_of


def from_(arguments: argparse.Namespace, out: Output, hook: Hooks) -> int:
    """Restore a backup or a dump."""
    settings = load_settings(arguments, out)
    if settings.target.engine == "sqlite":
        return restore_sqlite.from_(arguments, settings, out, hook)
    if arguments.to is not None:
        choice.refuse_name("--to", arguments.to)
    settings = locate(settings, out)
    if arguments.migrate:
        # before anything is loaded that could not be migrated
        discovery.discover(settings.migrations_dir, settings.migration_format)
    store = Store(settings.backups_dir.value, out.event)
    target = live_target(settings, arguments.to)
    with choice.archive(arguments, settings, store, out) as archive:
        choice.refuse_a_part(archive, arguments)
        work = work_of(arguments, settings, target, archive, out)
        if arguments.in_place:
            return _in_place(work, settings, out, hook, dry_run=arguments.dry_run)
        if arguments.dry_run:
            with outside(target, work.live, out.event, settings.deadline.value) as connection:
                prepared = prepare(work, connection)
                out.result(show.plan_data(prepared), show.plan_lines(prepared))
            return ExitCode.REFUSED if prepared.problems else ExitCode.DONE

        def confirm(prepared: Prepared) -> None:
            _consent(prepared, settings, out)
            hook.before(settings, work.live, backup=work.content.label)

        done = restore(work, confirm)
        out.result(show.done_data(done), show.done_lines(done, _elsewhere(arguments)))
    return ExitCode.DONE


def _elsewhere(arguments: argparse.Namespace) -> str | None:
    """The options that name the server again; None where undo finds by itself what this command has displaced."""
    if arguments.env is not None:
        return f"--env {shlex.quote(arguments.env)}"
    if arguments.database_url is not None:
        return "--database-url URL"  # which may hold a password
    return "" if arguments.to is not None else None


def _in_place(work: Work, settings: Settings, out: Output, hook: Hooks, *, dry_run: bool) -> int:
    """Without a side database."""
    label = work.content.label
    if dry_run:
        lines = [f"would restore {label} as {work.live}", f"  {WARNING}"]
        out.result({"dry_run": True, "in_place": True, "restore": label, "database": work.live}, lines)
        return ExitCode.DONE

    def confirm(server: str, comment: str | None) -> None:
        out.event(Note(f"server {server}, database {work.live}"))
        _require([Found(work.live, comment)], f"drop everything in, and load {label} into,", settings, out)
        hook.before(settings, work.live, backup=label)

    proven = restore_in_place(work, confirm)
    data = {"restored": label, "database": work.live, "displaced": None, "in_place": True, "proof": proven}
    out.result(data, [f"{work.live} is restored from {label}, in place, {show.proven_words(proven)}"])
    return ExitCode.DONE


def list_(arguments: argparse.Namespace, out: Output) -> int:
    """What can be restored: backups, dumps without a manifest, displaced databases."""
    settings = load_settings(arguments, out)
    store = Store(settings.backups_dir.value, out.event)
    now = datetime.datetime.now(datetime.UTC)
    rows = listing.rows(store.entries(), Policy(), now)
    rows = sorted(
        rows, key=lambda row: (row.created_at is not None, row.created_at or now, row.name), reverse=True
    )
    displaced = _displaced(settings, out)
    out.result(
        show.list_data(rows, displaced, store.folder), show.list_lines(rows, displaced, store.folder, now)
    )
    return ExitCode.DONE


def _displaced(settings: Settings, out: Output) -> Sequence[show.Displaced]:
    if settings.target.engine == "sqlite":
        return restore_sqlite.displaced(settings)
    try:
        target = live_target(locate(settings, out), None)
        with outside(target, name_of(target), out.event, 0) as connection:
            return undoing.displaced(connection)
    except (CannotConnect, ConfigError) as error:  # what is in the folder can be told all the same
        out.event(Warned(f"displaced databases are not listed: {error.message}"))
        return []


def undo(arguments: argparse.Namespace, out: Output, hook: Hooks) -> int:
    """Bring a displaced database back."""
    settings = located(arguments, out)
    if settings.target.engine == "sqlite":
        return restore_sqlite.undo(arguments, settings, out, hook)
    names = [] if arguments.database is None else [arguments.database]
    (target,) = concerned(settings, names, out)
    live = name_of(target)
    with hold(target, live, out.event, settings.deadline.value) as connection:
        there = undoing.displaced(connection, live)
        chosen = undoing.named(there, names[0]) if names else undoing.newest(there, live)
        undoing.check(connection, live, chosen.name, leave_replication=arguments.leave_replication)
        at = datetime.datetime.now(datetime.UTC)
        exchange = Exchange(live, chosen.name, undoing.new_name(connection, live, at), at, None)
        if arguments.dry_run:
            out.result(show.undo_data(exchange, changed=False), show.undo_plan_lines(exchange, chosen))
            return ExitCode.DONE
        out.event(Note(f"server {described(connection)}, database {live}"))
        _require(
            [_found(connection, live)], f"put {chosen.name} in the place of", settings, out, cost=Cost.USE
        )
        hook.before(settings, live)
        undoing.undo(connection, target, exchange, out.event, settings.deadline.value)
        _log_undo(target, exchange, settings, out)
        out.result(show.undo_data(exchange, changed=True), show.undo_lines(exchange))
    return ExitCode.DONE


def discard(arguments: argparse.Namespace, out: Output, hook: Hooks) -> int:
    """Drop displaced databases."""
    settings = located(arguments, out)
    if settings.target.engine == "sqlite":
        return restore_sqlite.discard(arguments, settings, out, hook)
    targets = concerned(settings, arguments.databases, out)
    with contextlib.ExitStack() as held:
        deadline = settings.deadline.value
        sessions = [held.enter_context(hold(one, name_of(one), out.event, deadline)) for one in targets]
        connection = sessions[0]
        there = [one for target in targets for one in undoing.displaced(connection, name_of(target))]
        wanted = dict.fromkeys(arguments.databases)
        chosen = [undoing.named(there, name) for name in wanted] or there
        if arguments.dry_run or not chosen:
            out.result(show.discard_data(chosen, changed=False), show.discard_lines(chosen, changed=False))
            return ExitCode.DONE
        out.event(Note(f"server {described(connection)}"))
        for line in show.discard_lines(chosen, changed=False):
            out.event(Note(line))
        _require([one.found for one in chosen], "drop for good", settings, out)
        hook.before(settings, name_of(targets[0]))
        undoing.discard(connection, chosen, out.event)
        out.result(show.discard_data(chosen, changed=True), show.discard_lines(chosen, changed=True))
    return ExitCode.DONE


def _log_undo(target: Target, exchange: Exchange, settings: Settings, out: Output) -> None:
    """Only afterwards: the displaced database is left as it was where it cannot come back."""
    try:
        record.restored(
            target, settings.tracking_table.value, label=exchange.incoming, displaced=exchange.displaced,
            listen=out.event,
        )  # fmt: skip
    except DbopsError as error:
        out.event(Warned(f"the event log has no entry of this: {error.message}"))


def _consent(prepared: Prepared, settings: Settings, out: Output) -> None:
    """Show what would be displaced and where, then ask, unless it is a development database or none.

    :raises Refused: there is no consent.
    """
    made = prepared.plan
    out.event(Note(f"server {made.server}, database {made.live}"))
    if made.exists:
        out.event(Note(f"{made.live} will be displaced: it stays as {made.displaced}"))
        found = [Found(made.live, prepared.comment)]
        _require(found, f"put {made.label} in the place of", settings, out, cost=Cost.USE)


def _with_hooks(
    command: str, verb: Callable[[argparse.Namespace, Output, Hooks], int]
) -> Callable[[argparse.Namespace, Output], int]:
    def run(arguments: argparse.Namespace, out: Output) -> int:
        with hooks.around("restore", command, arguments, out) as hook:
            return verb(arguments, out, hook)

    return run


def _require(
    found: Sequence[Found], what: str, settings: Settings, out: Output, *, cost: Cost = Cost.DATA
) -> None:
    consent.require(found, what, settings.confirm, lambda question: ask(question, out), cost=cost)


def _found(connection: Connection, name: str) -> Found:
    from dbops.engines.postgres import databases

    return databases.existing(connection, [name])[name]


FUNCTIONS: dict[str, Callable[[argparse.Namespace, Output], int]] = {
    "from": _with_hooks("restore", from_),
    "list": list_,
    "undo": _with_hooks("restore undo", undo),
    "discard": _with_hooks("restore discard", discard),
}
