"""`bin/backup verify`: read a backup whole, and restore it into a scratch database where that is safe."""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import time
from collections.abc import Callable

from dbops.backups import archive as archives
from dbops.backups.entries import Backup
from dbops.backups.filtering import Options
from dbops.backups.manifest import SqliteManifest, Verification
from dbops.backups.proof import Proof
from dbops.backups.store import Store
from dbops.cli import machine, private_server
from dbops.cli.backup_show import ENGINES
from dbops.cli.connect import database_and_engine, load_settings, named_by
from dbops.cli.output import Output
from dbops.cli.restore_choice import of_postgres
from dbops.config.model import Settings, Target
from dbops.engines.postgres import databases
from dbops.errors import (
    AnswerIsNo,
    CannotConnect,
    DbopsError,
    ExitCode,
    UsageError,
)
from dbops.events import Note, StepDone, Warned, format_seconds
from dbops.restore import sqlite_trial, trial
from dbops.restore.content import Archive, Reading
from dbops.restore.sqlite_content import FileArchive
from dbops.restore.trial import Trial

_SHOWN = 20


def verify(arguments: argparse.Namespace, out: Output) -> int:
    """Check a backup, and write down what came of it.

    :raises AnswerIsNo: it is damaged, does not load, or does not hold what its proof says.
    """
    if arguments.restore_on is not None and not arguments.restore_on.strip():
        raise UsageError("--restore-on is empty", hint="--restore-on postgresql://user@host:port/postgres")
    settings = load_settings(arguments, out)
    store = Store(settings.backups_dir.value, out.event)
    backup = store.named(arguments.name, *database_and_engine(settings))
    place = None if arguments.checksums_only else _place(arguments, settings, backup, out)
    if arguments.dry_run:
        where = f"restore it into {place.described}" if place else "restore nothing"
        out.result({"dry_run": True, "name": backup.name}, [f"would read {backup.name} whole, and {where}"])
        return ExitCode.DONE
    began = time.monotonic()
    with store.lock_shared(backup):
        try:
            done = None if place is None else place.tried()
            if place is None:
                _read(backup, out)
        except AnswerIsNo as error:
            tried = isinstance(error, trial.DoesNotLoad | sqlite_trial.DoesNotOpen)
            how = "restored" if tried else "checksums"
            _record(store, backup, how, None, (error.message,), out)
            raise
        _record(
            store, backup, "restored" if done else "checksums", done, done.differences if done else (), out
        )
    _tell(backup, done, time.monotonic() - began, out)
    return ExitCode.DONE


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a backup is tried."""

    described: str
    tried: Callable[[], Trial]


def _place(arguments: argparse.Namespace, settings: Settings, backup: Backup, out: Output) -> _Place | None:
    """A server; for a backup of a SQLite database a temporary file, which is always at hand."""
    if backup.summary.engine == "sqlite":
        if arguments.restore_on is not None:
            raise UsageError(
                f"--restore-on is for PostgreSQL, and {backup.name} is a backup of a SQLite database",
                hint="leave it out",
            )
        return _Place("a temporary file", lambda: _opened(backup, out))
    server = _server(arguments, settings, out)
    if server is None:
        return None
    described = f"a scratch database on {_address(server)}"
    return _Place(described, lambda: _tried(arguments, backup, server, out))


def _opened(backup: Backup, out: Output) -> Trial:
    manifest = backup.manifest
    assert isinstance(manifest, SqliteManifest)  # as its summary says
    out.event(Note("unpacks it into a temporary file"))
    return sqlite_trial.run(FileArchive(backup.name, backup.path, manifest, out.event), _jobs(), out.event)


def _tried(arguments: argparse.Namespace, backup: Backup, server: Target, out: Output) -> Trial:
    out.event(Note(f"restores it into a scratch database on {_address(server)}"))
    try:
        done = trial.run(_archive(backup, out), server, _jobs(), out.event)
    except CannotConnect as error:
        error.message = error.message.replace(
            f"/{trial.PREFIX}:", ":"
        )  # which is no database that one could make
        if arguments.restore_on is not None:
            error.hint = "check address, user and password in --restore-on"
        raise
    return dataclasses.replace(done, server=_address(server))


def _address(server: Target) -> str:
    """`user@host:port`: the scratch database has a name of its own."""
    return server.describe().rpartition("/")[0] or server.describe()


def _read(backup: Backup, out: Output) -> None:
    began = time.monotonic()
    if backup.manifest.proof is not None:
        Proof.from_json(backup.manifest.proof)
    archives.check(backup.path, backup.manifest.archive, threads=_jobs())
    out.event(StepDone("read it whole; every file is as it was written", time.monotonic() - began))


def _archive(backup: Backup, out: Output) -> Archive:
    """With the roles of that server, whatever the backup's own were: it is the content that is tried.

    Plain SQL has nothing that could be left out.
    """
    plain = backup.manifest.archive.format == "plain"
    options = Options() if plain else Options(no_owner=True, no_privileges=True)
    reading = Reading(machine.clients(), _jobs(), options)
    return Archive(backup.name, backup.path, of_postgres(backup), reading, out.event)


def _jobs() -> int:
    return min(machine.processors(), 8)


# -- on which server ---------------------------------------------------------------------------------------------------


def _server(arguments: argparse.Namespace, settings: Settings, out: Output) -> Target | None:
    """The server that --restore-on names; else the private one, else the configured one where it is for development."""
    if arguments.restore_on is not None:
        return named_by("restore-on", arguments.restore_on, arguments, out)
    if (private := private_server.target(settings, out)) is not None:
        return private
    if _for_development(settings.target, out):
        return settings.target
    out.event(
        Note(
            "no private or development server is at hand, so it is read and not restored; "
            "--restore-on URL names a server to restore it on"
        )
    )
    return None


def _for_development(target: Target, out: Output) -> bool:
    """Whether the configured database is there and marked as development."""
    name = target.get("dbname")
    if not target.names_server or name is None:
        return False
    try:
        with databases.admin(target, "backup", out.event, 5.0) as connection:
            found = databases.existing(connection, [name]).get(name)
    except CannotConnect as error:
        out.event(Warned(error.message))
        return False
    return found is not None and found.marked


# -- what came of it ---------------------------------------------------------------------------------------------------


def _record(
    store: Store, backup: Backup, how: str, done: Trial | None, differences: tuple[str, ...], out: Output
) -> None:
    """What was found is found, also where it cannot be written down."""
    try:
        store.record(
            backup,
            Verification(
                at=datetime.datetime.now(datetime.UTC),
                how="restored" if how == "restored" else "checksums",
                outcome="failed" if differences else "passed",
                server_version=done.server_version if done else None,
                differences=differences[:_SHOWN],
            ),
        )
    except AnswerIsNo:
        raise
    except DbopsError as error:
        out.event(Warned(f"the result could not be written down: {error.message}"))


def _tell(backup: Backup, done: Trial | None, seconds: float, out: Output) -> None:
    for sentence in done.notes if done else ():
        out.event(Note(sentence))
    if done is not None and done.differences:
        raise AnswerIsNo(
            f"{backup.name} does not hold what its proof says: {done.differences[0]}",
            detail="\n".join(done.differences[1:_SHOWN]) or None,
            hint="take another backup now; bin/backup list shows which others are proven",
        )
    data = {
        "name": backup.name,
        "outcome": "passed",
        "how": "restored" if done else "checksums",
        "server": done.server if done else None,
        "server_version": done.server_version if done else None,
        "seconds": round(seconds, 3),
    }
    equal = "restored, and equal to its proof" if backup.manifest.proof else "restored"
    how = f"{equal}, {_where(backup, done)}" if done else "every file is whole and as it was written"
    out.result(data, [f"{backup.name}: {how} ({format_seconds(seconds)})"])


def _where(backup: Backup, done: Trial) -> str:
    on = "in" if backup.summary.engine == "sqlite" else "on"
    return f"{on} {done.server} ({ENGINES[backup.summary.engine]} {done.server_version})"
