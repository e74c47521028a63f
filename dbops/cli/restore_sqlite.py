"""The verbs of `bin/restore` on a SQLite database."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from dbops.backups import create as creation
from dbops.backups.entries import Backup, Damaged
from dbops.backups.manifest import SqliteManifest
from dbops.backups.plan import Request
from dbops.backups.store import Store
from dbops.cli import restore_choice as choice
from dbops.cli import restore_show as show
from dbops.cli.backup_databases import SqliteDatabase
from dbops.cli.confirm import ask
from dbops.cli.hooks import Hooks
from dbops.cli.output import Output
from dbops.config.model import SQLITE_FILE, Setting, Settings, Target
from dbops.devdb import consent
from dbops.devdb.consent import Cost
from dbops.engines.postgres.databases import Found
from dbops.engines.sqlite import protection
from dbops.errors import ExitCode, UsageError
from dbops.events import Note, Warned
from dbops.restore import sqlite_names as names
from dbops.restore import sqlite_undo as undoing
from dbops.restore.plan import Exchange, Wishes
from dbops.restore.sqlite_content import FileArchive
from dbops.restore.sqlite_names import DisplacedFile
from dbops.restore.sqlite_restore import Prepared, Work, hold, prepare, restore

_ONLY_POSTGRES = {
    "--table": "a file is restored as a whole",
    "--schema-only": "a file is restored as a whole",
    "--in-place": "no privilege is needed to make a file beside another",
    "--create-missing-roles": "there are no roles",
    "--no-owner": "there are no roles",
    "--trust-sql": "SQL is loaded with sqlite3",
    "--leave-replication": "there is no replication",
}


def from_(arguments: argparse.Namespace, settings: Settings, out: Output, hook: Hooks) -> int:
    """Restore a backup or a database file."""
    _refuse_postgres_options(arguments)
    if arguments.migrate:
        from dbops.migrations import discovery

        # before anything is unpacked that could not be migrated
        discovery.discover(settings.migrations_dir, settings.migration_format)
    live = _to(arguments.to) if arguments.to is not None else settings.target.real_path
    store = Store(settings.backups_dir.value, out.event)
    with _archive(arguments, settings, store, out) as archive:
        work = _work(arguments, dataclasses.replace(settings, target=_target(live)), archive, store, out)
        if arguments.dry_run:
            prepared = prepare(work)
            out.result(show.plan_data(prepared), show.plan_lines(prepared))
            return ExitCode.REFUSED if prepared.problems else ExitCode.DONE

        def confirm(prepared: Prepared) -> None:
            _consent(prepared, live, settings, out)
            hook.before(settings, live.stem, backup=archive.label)

        done = restore(work, confirm)
        elsewhere = None if live == settings.target.real_path else ""
        out.result(show.done_data(done), show.done_lines(done, elsewhere))
    return ExitCode.DONE


def displaced(settings: Settings) -> list[DisplacedFile]:
    """Those in the database's folder."""
    return names.all_displaced(settings.target.real_path, of_folder=True)


def undo(arguments: argparse.Namespace, settings: Settings, out: Output, hook: Hooks) -> int:
    """Bring a displaced database back."""
    live = settings.target.real_path
    chosen = undoing.named(live, arguments.database) if arguments.database else undoing.newest(live)
    live, deadline = chosen.live, settings.deadline.value
    with hold(live, out.event, deadline):
        at = datetime.datetime.now(datetime.UTC)
        former = names.displaced(live, at)
        exchange = Exchange(names.shown(live), chosen.name, names.shown(former), at, None)
        if arguments.dry_run:
            lines = [
                f"would let {exchange.live} be {exchange.displaced}",
                f"  and rename {exchange.incoming} to {exchange.live}",
            ]
            out.result(show.undo_data(exchange, changed=False), lines)
            return ExitCode.DONE
        out.event(Note(f"database {names.shown(live)}"))
        _require([_found(live)], f"put {chosen.name} in the place of", live, settings, out, cost=Cost.USE)
        hook.before(settings, live.stem)
        undoing.undo(chosen, former, at, out.event, deadline)
        undoing.log_undo(
            live, exchange.incoming, exchange.displaced, settings.tracking_table.value, out.event, deadline
        )
        out.result(show.undo_data(exchange, changed=True), show.undo_lines(exchange))
    return ExitCode.DONE


def discard(arguments: argparse.Namespace, settings: Settings, out: Output, hook: Hooks) -> int:
    """Remove displaced databases."""
    configured = settings.target.real_path
    named = [undoing.named(configured, name) for name in dict.fromkeys(arguments.databases)]
    with contextlib.ExitStack() as held:
        for live in sorted({one.live for one in named} or {configured}):
            held.enter_context(hold(live, out.event, settings.deadline.value))
        chosen = named or names.all_displaced(configured)
        if arguments.dry_run or not chosen:
            out.result(show.discard_data(chosen, changed=False), show.discard_lines(chosen, changed=False))
            return ExitCode.DONE
        for line in show.discard_lines(chosen, changed=False):
            out.event(Note(line))
        found = [Found(one.path.name, None) for one in chosen if not _found(one.live).marked]
        _require(found, "remove for good", configured, settings, out)
        hook.before(settings, configured.stem)
        undoing.discard(chosen, out.event)
        out.result(show.discard_data(chosen, changed=True), show.discard_lines(chosen, changed=True))
    return ExitCode.DONE


# -- what is restored, and where ---------------------------------------------------------------------------------------


def _refuse_postgres_options(arguments: argparse.Namespace) -> None:
    """What this engine cannot do is told before work begins.

    :raises UsageError: for the first such option.
    """
    for flag, reason in _ONLY_POSTGRES.items():
        if getattr(arguments, flag[2:].replace("-", "_")):
            raise UsageError(f"{flag} is for PostgreSQL; with SQLite {reason}", hint=f"leave {flag} out")
    if arguments.jobs not in (None, 1):
        raise UsageError("--jobs is for PostgreSQL; with SQLite there is one file", hint="leave --jobs out")


def _to(name: str) -> Path:
    if not name or "://" in name or not name.isprintable():
        raise UsageError(f"--to {name!r} is not the path of a file", hint="bin/restore NAME --to copy.db")
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"--to {name} is a folder", hint=f"bin/restore NAME --to {name.rstrip('/')}/copy.db")
    return path.resolve()


def _target(path: Path) -> Target:
    return Target({SQLITE_FILE: Setting(str(path), "option --to")})


@contextlib.contextmanager
def _archive(
    arguments: argparse.Namespace, settings: Settings, store: Store, out: Output
) -> Iterator[FileArchive]:
    """What the command line names, kept from being pruned while it is read."""
    entry = choice.entry(arguments.name, settings.target.path.name, store, "sqlite")
    if isinstance(entry, Path):
        yield FileArchive(str(entry), entry, None, out.event)
        return
    if isinstance(entry, Damaged):
        raise entry.error
    ours = entry.path.resolve().parent == store.folder.resolve()
    # what lies elsewhere is pruned by nobody here, and may be on a file system without locks
    with store.lock_shared(entry) if ours else contextlib.nullcontext():
        if not isinstance(entry, Backup):
            yield FileArchive(entry.name, entry.path, None, out.event)
            return
        if entry.refuted is not None:
            out.event(Warned(f"the last verify of {entry.name} failed"))
        manifest = entry.manifest
        if not isinstance(manifest, SqliteManifest):
            raise UsageError(
                f"{entry.name} is a backup of a PostgreSQL database, which no SQLite file can hold",
                hint=f"restore it on a server: bin/restore {shlex.quote(entry.name)} --database-url postgresql://...",
            )
        yield FileArchive(entry.name if ours else arguments.name, entry.path, manifest, out.event)


def _work(
    arguments: argparse.Namespace, settings: Settings, archive: FileArchive, store: Store, out: Output
) -> Work:
    wishes = Wishes(
        jobs=1,
        migrate=arguments.migrate,
        pre_backup=arguments.pre_backup,
        keep_side=arguments.keep_side,
    )
    return Work(
        settings.target.path, archive, wishes, out.event, settings.deadline.value, settings.tracking_table.value,
        migrate=_migrating(settings, out), pre_backup=lambda: _backed_up(settings, store, out),
    )  # fmt: skip


def _migrating(settings: Settings, out: Output) -> Callable[[Target], object]:
    def migrate(target: Target) -> object:
        from dbops.engines.session import open_session
        from dbops.migrations.migrator import Migrator
        from dbops.migrations.planner import plan_up

        there = dataclasses.replace(settings, target=target)
        with open_session(there, "restore", out.event) as session:
            migrator = Migrator(session, there, out.event)
            prepared = migrator.prepare(plan_up)
            return migrator.change(prepared, plan_up) if prepared.plan.steps else None

    return migrate


def _backed_up(settings: Settings, store: Store, out: Output) -> str:
    """The restore holds the lock that a backup takes otherwise."""
    database = SqliteDatabase(settings)
    made = database.plan(Request(), store)
    return creation.create(made, database.maker(made, store, out), database.origin(), store).name


# -- consent -----------------------------------------------------------------------------------------------------------


def _consent(prepared: Prepared, live: Path, settings: Settings, out: Output) -> None:
    """Show what would be displaced and where, then ask, unless it is a development database or none.

    :raises Refused: there is no consent.
    """
    made = prepared.plan
    out.event(Note(f"database {made.live}"))
    if made.exists:
        out.event(Note(f"{made.live} will be displaced: it stays as {made.displaced}"))
        _require([_found(live)], f"put {made.label} in the place of", live, settings, out, cost=Cost.USE)


def _found(live: Path) -> Found:
    return Found(live.stem, protection.read_comment(live))


def _require(
    found: list[Found], what: str, live: Path, settings: Settings, out: Output, *, cost: Cost = Cost.DATA
) -> None:
    """A database may be named by its path, and the live one with its file's ending, too."""
    given = settings.confirm
    if given.value is not None:
        named = [Path(one).name for one in given.value.split(",")]
        named = [live.stem if one == live.name else one for one in named]
        given = Setting(",".join(named), given.origin)
    consent.require(found, what, given, lambda question: ask(question, out), cost=cost)
