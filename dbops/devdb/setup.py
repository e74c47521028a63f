"""Setting up the development database: server, databases, extensions, migrations, `.env`.

Each part is planned (frozen, what --dry-run shows) and then done.  Ctrl-C
leaves what was there before; a failure leaves what was whole before it; what a
killed run left is put right by the next one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dbops.config.model import Settings, Target
from dbops.devdb import consent, databases, envfile, packages, record, server
from dbops.devdb.choose import Kind
from dbops.devdb.places import Places, exclusive
from dbops.devdb.server import Action, ServerPlan
from dbops.devdb.undo import Undo, undoing
from dbops.errors import CannotConnect, DbopsError
from dbops.events import Note, StepDone

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection
from dbops.devdb.setup_model import DatabaseOutcome, DatabasePlan, Fate, Result, Work


def preview(work: Work) -> list[str]:
    """What `set_up` would do, as sentences; nothing is started or changed.

    :raises DbopsError: what can be foreseen to fail.
    """
    planned = server.plan(work.settings, Places.of(work.settings.project), work.machine)
    lines = planned.sentences()
    if planned.action is Action.NONE:
        with _reach(planned.choice.target, planned, work) as connection:
            lines += [one.sentence() for one in _plan_databases(connection, planned, work)]
    else:
        where = "" if planned.action is Action.MAKE else ", where it is missing"
        lines += [f"make database {name}, marked as development{where}" for name in work.names]
    if work.settings.extensions.value:
        lines.append(
            f"create the extensions {', '.join(work.settings.extensions.value)}, where they are missing"
        )
    lines.append(f"run all pending migrations of {work.settings.migrations_dir.value} in both")
    if env_wanted(work.settings):
        lines.append("write .env")
    return lines


def set_up(work: Work) -> Result:
    """Do it all; does nothing where all is done already.

    :raises DbopsError: a part failed; what was whole before it stays, `.env` is not written.
    """
    began = time.monotonic()
    places = Places.of(work.settings.project)
    with file_errors(), exclusive(places, work.listen), undoing(work.listen) as undo:
        planned = server.plan(work.settings, places, work.machine)
        target = server.bring_up(planned, work.settings, places, work.machine, undo, work.listen)
        target = target.replace(work.settings.database.origin, dbname=work.names[0])
        work.listen(Note(f"database: {target.describe()}"))
        version, tidied, plans = _ensure_databases(target, planned, work, undo)
        if not work.reset:
            undo.settle()
        outcomes = tuple(_fill(target, one, work) for one in plans)
        undo.settle()
        _drop_displaced(target, plans, work, undo)
        env_written = _publish(places, target, work, undo)
    return Result(
        planned.choice.kind, planned.action, version, target, outcomes, tidied, env_written,
        time.monotonic() - began,
    )  # fmt: skip


def _ensure_databases(
    target: Target, planned: ServerPlan, work: Work, undo: Undo
) -> tuple[str, tuple[str, ...], list[DatabasePlan]]:
    with _reach(target, planned, work) as connection:
        databases.lock(connection, work.names[0], work.listen, work.settings.deadline.value)
        tidied = databases.tidy(connection, work.names)
        for sentence in tidied:
            work.listen(Note(sentence))
        plans = _plan_databases(connection, planned, work)
        if work.reset:
            found = databases.existing(connection, work.names)
            losing = [found[name] for name in work.names if name in found]
            consent.require(losing, "drop and make again", work.settings.confirm, work.ask)
        for one in plans:
            if one.fate is Fate.REMAKE:
                _displace(connection, target, one.name, undo)
        for one in plans:
            if one.fate is not Fate.KEEP:
                _make(connection, target, one.name, work, undo)
        return databases.server_version(connection), tuple(tidied), plans


@contextmanager
def _reach(target: Target, planned: ServerPlan, work: Work) -> Iterator[Connection]:
    """A connection to the server; one that does not answer is an error with its remedy."""
    with ExitStack() as stack:
        try:
            yield stack.enter_context(databases.admin(target, work.listen, work.settings.deadline.value))
        except CannotConnect as error:
            if planned.choice.kind is Kind.CONFIGURED and "refused" in error.message:
                error.hint = _remedy(target, work.settings.project)
            raise


def _remedy(target: Target, project: Path) -> str:
    """What helps when nobody listens where a configured server should be."""
    host = target.parts.get("host")
    if host is not None and host.origin.startswith(str(project / ".env")) and record.could_match(target):
        return "start that server; if it was a private one, now gone: rm .env && bin/setup-dev-db"
    return "start that server; or use one of the project's own: bin/setup-dev-db --server private"


@contextmanager
def file_errors() -> Iterator[None]:
    """A full disk or a closed folder is an error for people, not a bug."""
    try:
        yield
    except OSError as error:
        raise DbopsError(
            f"{error.filename or 'a file could not be written'}: {error.strerror or error}",
            hint="bin/setup-dev-db status",
        ) from error


def _plan_databases(connection: Connection, planned: ServerPlan, work: Work) -> list[DatabasePlan]:
    """Decide each database's fate.

    :raises DbopsError: an extension is missing, or the role may not make what has to be made.
    """
    wanted = work.settings.extensions
    if missing := databases.unavailable_extensions(connection, wanted.value):
        major = connection.info.server_version // 10000
        bundled = planned.record is not None and "pginstall" in str(planned.record.bindir)
        raise packages.missing_error(missing, major, wanted.origin, bundled=bundled)
    found = databases.existing(connection, work.names)
    there = Fate.REMAKE if work.reset else Fate.KEEP
    plans = []
    for name in work.names:
        if name not in found:
            plans.append(DatabasePlan(name, Fate.MAKE, marked=True))
        else:
            plans.append(DatabasePlan(name, there, marked=work.reset or found[name].marked))
    if any(one.fate is not Fate.KEEP for one in plans):
        databases.check_may_create(connection)
    return plans


def _make(connection: Connection, target: Target, name: str, work: Work, undo: Undo) -> None:
    began = time.monotonic()
    made: list[int] = []
    undo.add(f"drop database {name}", lambda: _drop_made(target, name, made))
    databases.make(connection, name, made.append)
    work.listen(StepDone(f"made database {name}", time.monotonic() - began))


def _drop_made(target: Target, name: str, made: list[int]) -> None:
    """Drop what this run made, by the number that the server gave it: a name could be another's by now."""
    with databases.admin(target) as connection:
        databases.drop(connection, databases.leftover("new", name))
        for oid in made:
            databases.drop_numbered(connection, oid)


def _displace(connection: Connection, target: Target, name: str, undo: Undo) -> None:
    undo.add(f"bring back database {name}", lambda: _bring_back(target, name))
    databases.end_sessions(connection, name)
    databases.rename(connection, name, databases.leftover("old", name))


def _bring_back(target: Target, name: str) -> None:
    with databases.admin(target) as connection:
        databases.tidy(connection, [name])


def _fill(target: Target, planned: DatabasePlan, work: Work) -> DatabaseOutcome:
    """Extensions and migrations of one database."""
    to = target.replace(work.settings.database.origin, dbname=planned.name)
    added: list[str] = []
    if work.settings.extensions.value:
        with databases.session(to, work.listen) as connection:
            added = databases.add_extensions(connection, work.settings.extensions.value)
    began = time.monotonic()
    migrated = work.migrate(to)
    if migrated.applied:
        what = f"migrated {planned.name} to {migrated.current} ({migrated.applied} applied)"
        work.listen(StepDone(what, time.monotonic() - began))
    return DatabaseOutcome(
        planned.name, planned.fate, planned.marked, tuple(added), migrated.applied, migrated.current
    )


def _drop_displaced(target: Target, plans: list[DatabasePlan], work: Work, undo: Undo) -> None:
    """The end of a reset: from here on there is no way back, and what is cut short the next run finishes."""
    displaced = [databases.leftover("old", one.name) for one in plans if one.fate is Fate.REMAKE]
    if displaced:
        undo.forget()
        with databases.admin(target, work.listen) as connection:
            databases.lock(connection, work.names[0], work.listen, work.settings.deadline.value)
            for name in displaced:
                databases.drop(connection, name)


def env_wanted(settings: Settings) -> bool:
    """`--env NAME` is about another environment: its address does not belong into DATABASE_URL."""
    path = settings.project / ".env"
    return settings.environment is None and not (path.exists() or path.is_symlink())


def _publish(places: Places, target: Target, work: Work, undo: Undo) -> bool:
    """Write what leads to the database; returns whether `.env` was written."""
    test = target.replace(work.settings.test_database.origin, dbname=work.names[1])
    if target.get("service") is None:
        if not (service := places.folder / envfile.SERVICE_FILE).exists():
            undo.add(f"remove {service}", lambda: service.unlink(missing_ok=True))
        envfile.write_service(places.folder, target, test)
    if not env_wanted(work.settings):
        return False
    path, text = work.settings.project / ".env", envfile.content(target, test)
    undo.add(f"remove {path}", lambda: envfile.remove(path, text))
    return envfile.write(path, text)
