"""What `bin/restore` restores: a backup by its name, the latest, or a path."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from dbops.backups.entries import Backup, Damaged, Entry, read_entry
from dbops.backups.filtering import Options as Part
from dbops.backups.manifest import MANIFEST, Engine, PostgresManifest
from dbops.backups.store import Store
from dbops.cli import machine
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.config.values import part_problem
from dbops.errors import DbopsError, Refused, UsageError
from dbops.events import Warned
from dbops.restore.content import Archive, Reading
from dbops.restore.inplace import emptying

_LATEST = "latest"


@contextlib.contextmanager
def archive(
    arguments: argparse.Namespace, settings: Settings, store: Store, out: Output
) -> Iterator[Archive]:
    """What the command line names, kept from being pruned while it is read."""
    name = settings.target.get("dbname") or settings.database.value
    found = entry(arguments.name, name, store, "postgresql")
    reading = Reading(
        machine.clients(),
        jobs(arguments.jobs),
        Part(
            tables=tuple(arguments.table or ()),
            schema_only=arguments.schema_only,
            no_owner=arguments.no_owner,
            create_missing_roles=arguments.create_missing_roles,
        ),
        arguments.trust_sql,
        emptying(settings.deadline.value) if arguments.in_place else "",
    )
    if isinstance(found, Path):
        yield Archive(str(found), found, None, reading, out.event)
        return
    if isinstance(found, Damaged):
        raise found.error
    ours = found.path.resolve().parent == store.folder.resolve()
    # what lies elsewhere is pruned by nobody here, and may be on a file system without locks
    with store.lock_shared(found) if ours else contextlib.nullcontext():
        if isinstance(found, Backup):
            if found.refuted is not None:
                out.event(Warned(f"the last verify of {found.name} failed"))
            label = found.name if ours else str(Path(arguments.name))
            yield Archive(label, found.path, of_postgres(found), reading, out.event)
        else:
            yield Archive(found.name, found.path, None, reading, out.event)


def of_postgres(backup: Backup) -> PostgresManifest:
    """Its manifest.

    :raises UsageError: it is of a SQLite database.
    """
    manifest = backup.manifest
    if not isinstance(manifest, PostgresManifest):
        raise UsageError(
            f"{backup.name} is a backup of a SQLite database, and no PostgreSQL server can hold it",
            hint=f"restore it into a file: bin/restore {shlex.quote(backup.name)} --database-url sqlite:///copy.db",
        )
    return manifest


def entry(name: str, database: str, store: Store, engine: Engine) -> Entry | Path:
    """A backup by its name, or a path; `latest` is the newest of that database of that engine.

    :raises UsageError: there is neither.
    """
    if name == _LATEST:
        return _latest(database, store, engine)
    path = Path(name)
    if path.name != name or name in {".", ".."}:
        manifest_beside = path.resolve().parent == store.folder.resolve()
        return store.find(path.resolve().name) if manifest_beside else _elsewhere(path)
    try:
        return store.find(name)
    except UsageError:
        if path.exists():
            return _elsewhere(path)
        raise


def _elsewhere(path: Path) -> Entry | Path:
    """A backup that was copied to another folder is one there, too, with its checksums and its proof."""
    real = path.resolve()
    return (read_entry(real) if os.path.lexists(real / MANIFEST) else None) or path


def _latest(database: str, store: Store, engine: Engine) -> Backup:
    """The newest proven backup of a whole database.

    :raises DbopsError: there is none.
    """
    backups = [
        one
        for one in store.entries()
        if isinstance(one, Backup) and (one.summary.database, one.summary.engine) == (database, engine)
    ]
    whole = [one for one in store.past(backups) if one.proven and not one.summary.options]
    if not whole:
        others = max(backups, key=lambda one: one.summary.created_at, default=None)
        raise DbopsError(
            f"{store.folder} has no proven backup of {database}",
            hint=f"one that is not proven, or a part: bin/restore {others.name}"
            if others
            else "bin/restore lists",
        )
    return max(whole, key=lambda one: (one.summary.created_at, one.name))


def refuse_a_part(whole: Archive, arguments: argparse.Namespace) -> None:
    """A part of a database must not take the place of the whole, unless that place is named.

    :raises Refused: it would.
    """
    if whole.partial is not None and not arguments.to:
        raise Refused(
            f"{whole.partial}, which would take the place of the whole database",
            hint=f"restore it beside: bin/restore {shlex.quote(arguments.name)} --to NAME",
        )


def refuse_name(option: str, name: str) -> None:
    """See that a database can have this name.

    :raises UsageError: PostgreSQL would take another one for it, or none at all.
    """
    if not name:
        raise UsageError(f"{option} is empty, which names no database", hint="bin/restore --help")
    if not name.isprintable():  # a half of a character, too, which is a byte that is no UTF-8
        raise UsageError(f"{option} has a character that cannot be shown", hint="choose another name")
    if problem := part_problem("dbname", name):
        hint = f"{option} is a name on the same server; --database-url names another server"
        raise UsageError(f"{option} {problem[0]}", hint=hint if "://" in name else problem[1])


def jobs(wanted: int | None) -> int:
    """How many sessions; one per processor unless a number is given."""
    if wanted is not None and wanted < 1:
        raise UsageError("--jobs counts from 1", hint="bin/restore NAME --jobs 2")
    return wanted or min(machine.processors(), 8)
