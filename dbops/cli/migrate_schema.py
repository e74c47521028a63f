"""`bin/migrate schema`: the schema as a file, and that file kept up to date after migrations."""

from __future__ import annotations

import argparse
from pathlib import Path

from dbops.cli import machine
from dbops.cli import migrate_show as show
from dbops.cli.connect import connected, on_postgres
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.engines.dialect import POSTGRESQL
from dbops.engines.session import Session
from dbops.errors import AnswerIsNo, DbopsError, ExitCode
from dbops.events import Note, Warned
from dbops.migrations.discovery import SCHEMA_FILE
from dbops.safety import schema_file


def schema(arguments: argparse.Namespace, out: Output) -> int:
    """Write the file, print it, or tell how it differs."""
    with connected(arguments, out) as (session, settings):
        text = _text(session, settings)
        identity = show.identity(session.identity)
        if arguments.output == "-" and not arguments.check:
            out.result({"file": None, "schema": text, "database": identity}, text.splitlines())
            return ExitCode.DONE
        path = Path(arguments.output) if arguments.output not in (None, "-") else _path(settings)
        found = schema_file.difference(path, text)
        writes = bool(found) and not arguments.check and not arguments.dry_run
        if writes:
            schema_file.write(path, text)
        data = {"file": str(path), "changed": bool(found), "written": writes, "difference": found}
        lines = found if arguments.check or arguments.dry_run else []
        out.result({**data, "database": identity}, [*lines, _said(path, bool(found), writes, session)])
        if arguments.check and found:
            raise AnswerIsNo(f"{path} is not the schema of {session.identity}", hint="bin/migrate schema")
    return ExitCode.DONE


def keep(session: Session, settings: Settings, out: Output) -> None:
    """Bring the configured file up to date after migrations ran; what fails is told, and undoes nothing."""
    path = _path(settings)
    if session.dialect != POSTGRESQL:
        out.event(
            Warned(f"{path} is not written: it is a dump of PostgreSQL, which {session.identity} is not")
        )
        return
    try:
        text = _text(session, settings)
        if schema_file.difference(path, text):
            schema_file.write(path, text)
            out.event(Note(f"wrote {path}"))
    except DbopsError as error:
        out.event(Warned(f"{path} is not up to date: {error.message}; bin/migrate schema writes it"))


def _text(session: Session, settings: Settings) -> str:
    postgres = on_postgres(session, "bin/migrate schema")
    found = machine.clients()
    return schema_file.text_of(postgres, found, settings.lock_timeout.value)


def _path(settings: Settings) -> Path:
    configured = settings.schema_file.value
    return settings.migrations_dir.value / SCHEMA_FILE if configured is None else configured


def _said(path: Path, changed: bool, written: bool, session: Session) -> str:
    state = "written" if written else "not up to date" if changed else "up to date"
    return f"{path}: {state}; database {session.identity}"
