"""Setting up a development database that is a SQLite file: no server, but the same marks, twin, migrations and `.env`.

A file is made under another name beside its place, migrated there, and renamed last: what has its name is whole,
whenever the work was killed, and `--reset` leaves the former one untouched until its successor is ready.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from dbops.config.model import SQLITE_FILE, Setting, Settings, Target
from dbops.devdb import consent, envfile
from dbops.devdb.choose import Kind
from dbops.devdb.consent import Ask
from dbops.devdb.databases import Found
from dbops.devdb.lifecycle import Status
from dbops.devdb.places import Places, exclusive
from dbops.devdb.server import Action
from dbops.devdb.setup import env_wanted, file_errors
from dbops.devdb.setup_model import DatabaseOutcome, DatabasePlan, Fate, Result, Work
from dbops.devdb.undo import Undo, undoing
from dbops.engines.marks import MARK, is_development
from dbops.engines.sqlite import connection as connections
from dbops.engines.sqlite import lock as locks
from dbops.engines.sqlite import openers, protection
from dbops.errors import CannotConnect, ConfigError, Refused
from dbops.events import Listener, Note, StepDone, ignore

_BESIDE = ("", "-wal", "-shm", "-journal", locks.ENDING, protection.ENDING)
"""What belongs to a database file, by what its name has behind the file's."""


def preview(work: Work) -> list[str]:
    """What `set_up` would do, as sentences; nothing is changed.

    :raises DbopsError: what can be foreseen to fail.
    """
    _require_possible(work.settings)
    paths = _paths(work.settings)
    lines = [one.sentence() for one in _plans(work, paths)]
    lines.append(f"run all pending migrations of {work.settings.migrations_dir.value} in both")
    return [*lines, *(["write .env"] if env_wanted(work.settings) else [])]


def set_up(work: Work) -> Result:
    """Do it all; does nothing where all is done already.

    :raises DbopsError: a part failed; a file that was not whole is gone again, and `.env` is not written.
    """
    began = time.monotonic()
    _require_possible(work.settings)
    paths = _paths(work.settings)
    places = Places.of(work.settings.project)
    with file_errors(), exclusive(places, work.listen), undoing(work.listen) as undo:
        work.listen(Note(f"database: {paths[0]}"))
        _make_folder(paths[0].parent, work.settings.project)
        tidied = tuple(sentence for path in paths for sentence in _tidy(path))
        plans = _plans(work, paths)
        if work.reset:
            _require_consent(work, paths)
        outcomes = tuple(_fill(path, one, work, undo) for path, one in zip(paths, plans, strict=True))
        for path, one in zip(paths, plans, strict=True):
            if one.fate is not Fate.KEEP:
                _publish(path, one, undo)
        undo.settle()
        targets = tuple(_target(path, work.settings) for path in paths)
        env_written = _write_env(targets[0], targets[1], work, undo)
    return Result(
        Kind.FILE, Action.NONE, version(), work.settings.target, outcomes, tidied, env_written,
        time.monotonic() - began,
    )  # fmt: skip


def status(settings: Settings) -> Status:
    """What there is; changes nothing."""
    paths = _paths(settings)
    found = {path.name: _state(path) for path in paths}
    state = "not made" if found[paths[0].name] == "missing" else "there"
    return Status(Kind.FILE, state, str(paths[0]), version(), found)


def destroy(settings: Settings, ask: Ask, listen: Listener) -> bool:
    """Remove the files of both databases; `.env` stays.  False where there is none.

    :raises Refused: one is not marked as development, and there is no consent.
    :raises LockNotAcquired: another program has one open.
    """
    paths = [path for path in _paths(settings) if path.exists()]
    with file_errors(), exclusive(Places.of(settings.project), listen):
        consent.require(_found(paths), "remove", settings.confirm, ask)
        for path in paths:
            _let_go(path)
        for path in paths:
            _remove(path)
    return bool(paths)


def refuse_server(settings: Settings, verb: str) -> None:
    """Start and stop are for a server.

    :raises Refused: always.
    """
    raise Refused(
        f"there is no server to {verb}: {settings.target.describe()} is a SQLite database, which is a file",
        hint="bin/setup-dev-db status shows it",
    )


def version() -> str:
    """SQLite's."""
    import sqlite3

    return sqlite3.sqlite_version


def _require_possible(settings: Settings) -> None:
    """Return if SQLite can do what is configured.

    :raises ConfigError: it asks for what only a server has.
    """
    if settings.server.value == "private":
        raise ConfigError(
            f"{settings.server.origin} asks for a private server, and {settings.target.parts[SQLITE_FILE].origin} names"
            " a SQLite database, which needs none",
            hint="leave one of them out",
        )
    if settings.extensions.value:
        raise ConfigError(
            f"{settings.extensions.origin} asks for extensions, which SQLite does not have",
            hint="take them out, or give a PostgreSQL DATABASE_URL",
        )


def _paths(settings: Settings) -> tuple[Path, Path]:
    """The files of the development database and its twin: where one is a link, what it leads to, so that it stays."""
    path = settings.target.path
    twin = path.with_name(f"{settings.test_database.value}{path.suffix}")
    return _behind(path), _behind(twin)


def _behind(path: Path) -> Path:
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _plans(work: Work, paths: Sequence[Path]) -> list[DatabasePlan]:
    plans = []
    for path in paths:
        fate = Fate.MAKE if not path.exists() else Fate.REMAKE if work.reset else Fate.KEEP
        marked = fate is not Fate.KEEP or is_development(protection.read_comment(path))
        plans.append(DatabasePlan(path.name, fate, marked))
    return plans


def _found(paths: Sequence[Path]) -> list[Found]:
    return [Found(path.stem, protection.read_comment(path)) for path in paths if path.exists()]


def _require_consent(work: Work, paths: Sequence[Path]) -> None:
    consent.require(_found(paths), "remove and make again", work.settings.confirm, work.ask)
    for path in paths:
        if path.exists():
            _let_go(path)  # rather before the migrations run than after


def _make_folder(folder: Path, project: Path) -> None:
    """A folder within the project is made; one elsewhere could be a slip, and is the user's to make."""
    if folder.absolute().is_relative_to(project.absolute()):
        folder.mkdir(parents=True, exist_ok=True)


def _new(path: Path) -> Path:
    """Where a file is made."""
    return path.with_name(f".{path.name}.dbops-new")


def _tidy(path: Path) -> list[str]:
    """Remove what a killed run had begun."""
    if not any(Path(f"{_new(path)}{ending}").exists() for ending in _BESIDE):
        return []
    _remove(_new(path))
    return [f"removed what an interrupted run had begun for {path.name}"]


def _remove(path: Path) -> None:
    for ending in _BESIDE:
        Path(f"{path}{ending}").unlink(missing_ok=True)


def _fill(path: Path, planned: DatabasePlan, work: Work, undo: Undo) -> DatabaseOutcome:
    """A database with all migrations: in its place where it is kept, else beside it."""
    began = time.monotonic()
    where = path
    if planned.fate is not Fate.KEEP:
        where = _new(path)
        undo.add(f"remove {where}", lambda: _remove(where))
        with contextlib.closing(connections.connect(where, listen=ignore, deadline=0, create=True)):
            work.listen(StepDone(f"made database {path.name}", time.monotonic() - began))
    began = time.monotonic()
    migrated = work.migrate(Target({SQLITE_FILE: Setting(str(where), work.settings.database.origin)}))
    if migrated.applied:
        what = f"migrated {planned.name} to {migrated.current} ({migrated.applied} applied)"
        work.listen(StepDone(what, time.monotonic() - began))
    return DatabaseOutcome(planned.name, planned.fate, planned.marked, (), migrated.applied, migrated.current)


def _publish(path: Path, planned: DatabasePlan, undo: Undo) -> None:
    """Give a database its name, with its mark; the former one is gone."""
    _let_go(_new(path))
    if planned.fate is Fate.MAKE:
        undo.add(f"remove {path}", lambda: _remove(path))
    else:
        _let_go(path)
        undo.forget()
    protection.write_comment(path, MARK)  # first: what has its name has its mark
    _new(path).replace(path)


def _let_go(path: Path) -> None:
    """Return if it is a database that no other program has open, with all of it in the one file.

    :raises LockNotAcquired: another program has; it is named.
    :raises CannotConnect: it is not a database.
    """
    connections.connect(path, listen=ignore, deadline=1, read_only=True).close()
    with openers.alone(path, ignore, deadline=1):
        pass


def _write_env(development: Target, twin: Target, work: Work, undo: Undo) -> bool:
    if not env_wanted(work.settings):
        return False
    file, text = work.settings.project / ".env", envfile.content(development, twin)
    undo.add(f"remove {file}", lambda: envfile.remove(file, text))
    return envfile.write(file, text)


def _target(path: Path, settings: Settings) -> Target:
    """A database as `.env` names it: relative paths are counted from the project, so that it may be moved."""
    project, here = settings.project.absolute(), path.absolute()
    written = here.relative_to(project) if here.is_relative_to(project) else here
    return Target({SQLITE_FILE: Setting(str(written), settings.database.origin)})


def _state(path: Path) -> str:
    if not path.exists():
        return "missing"
    try:
        connections.connect(path, listen=ignore, deadline=0, read_only=True).close()
    except CannotConnect as error:
        return error.message
    return "marked" if is_development(protection.read_comment(path)) else "unmarked"
