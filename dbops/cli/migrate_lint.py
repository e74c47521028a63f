"""`bin/migrate lint`: what is wrong with migration files."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dbops.cli import lint_output
from dbops.cli.connect import load_settings, locate
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.engines.dialect import POSTGRESQL
from dbops.errors import AnswerIsNo, CannotConnect, ConfigError, ExitCode, UsageError
from dbops.events import Note, plural
from dbops.migrations.discovery import discover
from dbops.migrations.model import Folder, State, Status
from dbops.safety.lint.model import Level
from dbops.safety.lint.run import lint as look
from dbops.safety.lint.squawk import program

if TYPE_CHECKING:
    from dbops.engines.session import Session

_PENDING = frozenset({State.PENDING, State.OUT_OF_ORDER, State.CHANGED, State.PARTIAL})


def lint(arguments: argparse.Namespace, out: Output) -> int:
    """Look, tell, and exit 3 where something is as bad as is asked for."""
    form = _form(arguments, out)
    settings = load_settings(arguments, out)
    is_postgres = settings.target.engine == POSTGRESQL
    squawk = program(os.environ.get("PATH", "")) if is_postgres else None  # it reads PostgreSQL's SQL alone
    if squawk is None and is_postgres:
        install = shlex.join([sys.executable, "-m", "pip", "install", "dbops[lint]"])
        out.event(Note(f"squawk is not installed: only dbops' own rules are looked at ({install})"))
    with _session(arguments, settings, out) as session:
        statuses, wanted = _chosen(arguments, settings, session, out)
        found = look(statuses, wanted, settings, session, squawk)
    level = Level[arguments.level.upper()]
    shown = [one for one in found if one.level >= level]
    data = {
        "files": len(wanted),
        "squawk": squawk is not None,
        "findings": [lint_output.data(one) for one in shown],
    }
    out.result(data, lint_output.FORMS[form](shown, len(wanted)))
    if shown:
        below = len(found) - len(shown)
        raise AnswerIsNo(
            f"{plural(len(shown), 'finding')} of level {level.label} or worse{f', {below} below it' if below else ''}",
            hint="mend them; or write -- dbops: ignore RULE -- why, above a statement",
        )
    return ExitCode.DONE


def _form(arguments: argparse.Namespace, out: Output) -> str:
    """How to write it.

    :raises UsageError: two forms are asked for.
    """
    form: str = arguments.format_out or "terminal"
    if form == "json":
        out.as_json = True
    elif out.as_json and arguments.format_out:
        raise UsageError(f"--json and --format-out {form} cannot go together", hint="leave one out")
    return form if form in lint_output.FORMS else "terminal"


@contextlib.contextmanager
def _session(arguments: argparse.Namespace, settings: Settings, out: Output) -> Iterator[Session | None]:
    """The database that is configured; None, and a note, where none is to be had."""
    from dbops.engines.session import open_session

    with contextlib.ExitStack() as stack:
        session = None
        if not arguments.no_database:
            try:
                located = locate(settings, out)
                session = stack.enter_context(open_session(located, "migrate lint", out.event))
            except (CannotConnect, ConfigError) as error:
                out.event(
                    Note(
                        f"no database: {error.message.splitlines()[0]}; every table that was there before may be in use"
                        + (
                            ""
                            if arguments.versions
                            else ", and all files are looked at as if none were applied"
                        )
                    )
                )
        yield session


def _chosen(
    arguments: argparse.Namespace, settings: Settings, session: Session | None, out: Output
) -> tuple[Sequence[Status], frozenset[str]]:
    """The migrations that are looked at together, and the keys of those whose findings are asked for."""
    if session is None:
        folder = discover(
            settings.migrations_dir, settings.migration_format, settings.variables, settings.target.engine
        )
        statuses = [Status(file.version, file.name, State.PENDING, file) for file in folder.files]
    else:
        from dbops.migrations.reader import Reader

        reader = Reader(session, settings, out.event)
        folder, statuses = reader.folder, [one for one in reader.statuses() if one.file is not None]
    named = _named(arguments.versions, folder, statuses) if arguments.versions else None
    if named:
        together = [
            one for one in statuses if one.version.key in named or (session and one.state in _PENDING)
        ]
        return together, named
    together = [one for one in statuses if arguments.all or one.state in _PENDING]
    return together, frozenset(one.version.key for one in together)


def _named(versions: Sequence[str], folder: Folder, statuses: Sequence[Status]) -> frozenset[str]:
    """The keys of the versions that are asked for.

    :raises UsageError: there is no such version.
    """
    from dbops.migrations import verbs

    keys = frozenset(verbs.named(version, folder).key for version in versions)
    known = {status.version.key for status in statuses}
    for version in versions:
        if verbs.named(version, folder).key not in known:
            raise UsageError(f"there is no version {version}", hint="bin/migrate status lists them")
    return keys
