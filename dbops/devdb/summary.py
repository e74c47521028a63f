"""What a set-up came to, in about ten lines or as JSON; no password in either."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Any

from dbops import programs
from dbops.config.model import Settings, Target
from dbops.devdb import envfile
from dbops.devdb.choose import Kind
from dbops.devdb.places import Places
from dbops.devdb.server import Action
from dbops.devdb.setup_model import DatabaseOutcome, Fate, Result
from dbops.events import format_seconds

_KINDS = {Kind.CONFIGURED: "configured", Kind.LOCAL: "found on localhost", Kind.PRIVATE: "private"}


def lines(
    result: Result, settings: Settings, psql: str | None, seeded: str | None = None, *, changed: bool
) -> list[str]:
    """The summary for people.

    :param seeded: what was loaded, None where nothing was to be.
    :param changed: whether anything was done at all, loading included.
    """
    took = format_seconds(result.seconds)
    head = f"The development database is ready ({took})" if changed else f"Nothing to do ({took})"
    shown = [
        head,
        f"  server     {_server(result)}",
        *(f"  database   {_database(one)}" for one in result.databases),
        *([f"  data       {seeded}"] if seeded else []),
        f"  url        {envfile.shown_url(result.target)}",
        f"  .env       {_env(result, settings)}",
    ]
    shown += [f"  psql       {psql}"] if psql else []
    return [*shown, f"  next       {_next(result, settings)}"]


def as_json(result: Result, psql: str | None) -> dict[str, Any]:
    """The same for programs."""
    return {
        "changed": result.changed,
        "seconds": round(result.seconds, 3),
        "server": {"kind": result.kind.value, "action": result.server.value, "version": result.version},
        "databases": [
            {
                "name": one.name,
                "made": one.fate is not Fate.KEEP,
                "marked": one.marked,
                "extensions_added": list(one.extensions),
                "applied": one.applied,
                "version": one.current,
            }
            for one in result.databases
        ],
        "url": envfile.shown_url(result.target),
        "env_written": result.env_written,
        "tidied": list(result.tidied),
        "psql": psql,
    }


def psql_command(target: Target, project: Path, cwd: Path, search_path: str) -> str | None:
    """A line that opens psql when it is pasted into a shell; None where no psql is found.

    The password is read from the service file, so that it stands in no command line.
    """
    shown = "psql" if _psql_on(search_path) else _found_psql(project, search_path)
    if shown is None:
        return None
    if service := target.get("service"):
        connection = f"service={_value(service)} dbname={_value(target.get('dbname') or '')}"
        return f"{shown} {shlex.quote(connection)}"
    folder = Places.of(project).folder
    file = folder / envfile.SERVICE_FILE
    path = file.relative_to(project) if cwd.resolve() == project.resolve() else file
    connection = f"service=dev dbname={_value(target.get('dbname') or '')}"
    return f"PGSERVICEFILE={shlex.quote(str(path))} {shown} {shlex.quote(connection)}"


def _psql_on(search_path: str) -> bool:
    """Whether PATH has a psql that works; Debian's wrapper is there without any client behind it, too."""
    program = shutil.which("psql", path=search_path)
    wrapped = program is not None and os.path.basename(os.path.realpath(program)) == "pg_wrapper"
    return program is not None and (not wrapped or any(Path("/usr/lib/postgresql").glob("*/bin/psql")))


def _found_psql(project: Path, search_path: str) -> str | None:
    record = Places.of(project).load()
    if record is not None and (record.bindir / "psql").exists():
        return shlex.quote(str(record.bindir / "psql"))
    for installation in programs.find(search_path or os.defpath, None).found:
        if installation.program("psql").exists():
            return shlex.quote(str(installation.program("psql")))
    return None


def _value(text: str) -> str:
    """A value in libpq's key=value form."""
    if text.isidentifier():
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _server(result: Result) -> str:
    if result.kind is Kind.FILE:
        return f"none is needed: the database is a file of SQLite {result.version}"
    done = {Action.MAKE: ", made now", Action.START: ", started now", Action.NONE: ""}[result.server]
    target = result.target
    address = f"{target.get('host') or target.get('hostaddr') or 'localhost'}:{target.get('port') or '5432'}"
    if service := target.get("service"):
        address = f"service {service}"
    stays = "; runs until bin/setup-dev-db stop" if result.kind is Kind.PRIVATE else ""
    return f"{_KINDS[result.kind]}, PostgreSQL {result.version} at {address}{done}{stays}"


def _database(one: DatabaseOutcome) -> str:
    words = {Fate.MAKE: "made", Fate.REMAKE: "made again", Fate.KEEP: "was there"}
    migrations = f"{one.applied} migrations applied" if one.applied != 1 else "1 migration applied"
    at = f"at {one.current}" if one.current else "no migration applied"
    extensions = [f"extensions {', '.join(one.extensions)}"] if one.extensions else []
    unmarked = [] if one.marked else ["was there before, so not marked as development"]
    first = [] if unmarked else [words[one.fate]]
    return f"{one.name}: " + ", ".join(
        [*first, *extensions, *([migrations] if one.applied else []), at, *unmarked]
    )


def _next(result: Result, settings: Settings) -> str:
    """The next command, with what this run was told about the database and another shell line would not know."""
    if settings.environment is not None:
        return f"bin/migrate --env {settings.environment} status"
    given, _, name = settings.database.origin.rpartition(" ")
    if result.env_written or given != "environment variable" or name not in {"DB_NAME", "PGDATABASE"}:
        return "bin/migrate status"
    return f"{name}={shlex.quote(settings.database.value)} bin/migrate status"


def _env(result: Result, settings: Settings) -> str:
    if result.env_written:
        return "written, readable by you alone"
    if (settings.project / ".env").is_dir():
        return (
            "not written, since it is a folder: the other commands need DATABASE_URL, or the private server"
        )
    if settings.environment is not None:
        return f"not written, since --env {settings.environment} is about another environment"
    return "was there, unchanged"
