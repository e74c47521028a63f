"""`bin/migrate validate`: the database, one migration before it runs, or one before it is undone."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dbops.cli import migrate_show as show
from dbops.cli.connect import connected, on_postgres
from dbops.cli.output import Output
from dbops.config.values import size
from dbops.engines.dialect import SQLITE
from dbops.errors import AnswerIsNo, DbopsError, ExitCode, UsageError
from dbops.events import plural
from dbops.migrations import verbs
from dbops.migrations.model import Status
from dbops.migrations.planner import Step, Work
from dbops.migrations.prepare import Prepared, prepare
from dbops.migrations.reader import Reader
from dbops.safety.checkup import own
from dbops.safety.checkup.model import Finding, Level

if TYPE_CHECKING:
    from dbops.engines.session import Session


def validate(arguments: argparse.Namespace, out: Output) -> int:
    """Look, tell, and exit 3 where a problem was found."""
    form, version = _form(arguments.words)
    free = size(arguments.free_space, "option --free-space") if arguments.free_space else None
    with connected(arguments, out) as (opened, settings):
        reader = Reader(opened, settings, out.event)
        look = _on_sqlite if opened.dialect == SQLITE else _on_postgres
        found = [*look(form, version, reader, free), *own.look(opened, settings, form)]
        found.sort(key=lambda one: one.level is Level.HINT)
        out.result(_data(form, found, opened), _lines(form, found, opened, verbose=out.verbose))
    problems = [one for one in found if one.level is Level.PROBLEM]
    if problems:
        unseen = any(one.query for one in problems) and not out.verbose
        raise AnswerIsNo(
            f"{plural(len(problems), 'problem')} found",
            hint="-v shows the queries that found them" if unseen else None,
        )
    return ExitCode.DONE


def _form(words: Sequence[str]) -> tuple[str, str]:
    """schema, migration or rollback, and the version.

    :raises UsageError: neither of the three forms.
    """
    match list(words):
        case [] | ["schema"]:
            return "schema", ""
        case [("migration" | "rollback") as form, version]:
            return form, version
        case [("migration" | "rollback") as form]:
            raise UsageError(
                f"validate {form}: of which version?", hint=f"bin/migrate validate {form} VERSION"
            )
    raise UsageError(
        f"validate {' '.join(words)} is not known",
        hint="bin/migrate validate, validate migration VERSION, or validate rollback VERSION",
    )


def _on_postgres(form: str, version: str, reader: Reader, free: int | None) -> Iterator[Finding]:
    from dbops.safety.checkup import on_postgres as checks

    session = on_postgres(reader.session, "this")
    ask = checks.asker(session, reader.settings.statement_timeout.value)
    if form == "schema":
        yield from checks.database(session, _statuses(reader), ask)
        return
    prepared = _prepared(form, version, reader)
    if isinstance(prepared, Finding):
        yield prepared
    elif form == "migration":
        yield from checks.migration(session, prepared, ask, free)
    else:
        yield from checks.rollback(session, prepared, reader.statuses(), ask)


def _on_sqlite(form: str, version: str, reader: Reader, free: int | None) -> Iterator[Finding]:
    from dbops.engines.sqlite.session import Session as SqliteSession
    from dbops.safety.checkup import missing, on_sqlite, sqlite_duplicates
    from dbops.safety.checkup.upcoming import pending

    session = reader.session
    assert isinstance(session, SqliteSession)  # by its dialect
    if form == "schema":
        yield from on_sqlite.database(session.connection)
        yield from missing.left_by_migrations(session)
        statuses = _statuses(reader)
        yield from (
            [statuses]
            if isinstance(statuses, Finding)
            else sqlite_duplicates.look(session.connection, pending(session, statuses))
        )
        return
    prepared = _prepared(form, version, reader)
    if isinstance(prepared, Finding):
        yield prepared
    elif form == "migration":
        yield from on_sqlite.migration(reader.settings.target.path, free)
        yield from sqlite_duplicates.look(session.connection, [prepared])
    else:
        yield from on_sqlite.rollback(session.connection, list(prepared.script.statements))


def _prepared(form: str, version: str, reader: Reader) -> Prepared | Finding:
    """The migration that is asked about, ready to run; or why it cannot."""
    step = Step(Work.RUN_UP if form == "migration" else Work.RUN_DOWN, _status(reader, version))
    if (wrong := _not_now(step)) is not None:
        return wrong
    try:
        return prepare(step, reader.session)
    except DbopsError as error:
        return _unsound(step, error)


def _statuses(reader: Reader) -> Sequence[Status] | Finding:
    """All of them; a database can be looked at without its files, and then that is said."""
    try:
        return reader.statuses()
    except DbopsError as error:
        about = "what migrations ask for"
        return Finding("migrations", Level.HINT, about, f"is not known: {error.message}", "", error.hint)


def _status(reader: Reader, version: str) -> Status:
    wanted = verbs.named(version, reader.folder)
    for status in reader.statuses():
        if status.version == wanted:
            return status
    raise UsageError(f"there is no version {version}", hint="bin/migrate status lists them")


def _problem(check: str, about: str, said: str, mend: str | None) -> Finding:
    return Finding(check, Level.PROBLEM, about, said, "", mend)


def _not_now(step: Step) -> Finding | None:
    """What is said of a migration that is applied already, or of one to be undone that is not."""
    about = f"version {step.version}"
    if step.work is Work.RUN_UP and step.status.is_applied:
        return _problem("applied-already", about, "is applied already", "bin/migrate status")
    if step.work is Work.RUN_DOWN and not step.status.is_applied:
        return _problem("not-applied", about, "is not applied", "bin/migrate status")
    return None


def _unsound(step: Step, error: DbopsError) -> Finding:
    """What is said of a section that cannot be read, or is not there."""
    about = f"version {step.version}"
    if step.work is Work.RUN_UP:
        return _problem("file", about, f"cannot run: {error.message}", error.hint)
    return _problem("no-way-back", about, f"cannot be undone: {error.message}", error.hint)


def _data(form: str, found: Sequence[Finding], session: Session) -> dict[str, Any]:
    return {
        "form": form,
        "database": show.identity(session.identity),
        "findings": [
            {
                "check": one.check,
                "level": one.level.value,
                "about": one.about,
                "message": one.said,
                "query": one.query or None,
                "mend": one.mend,
            }
            for one in found
        ],
    }


def _lines(form: str, found: Sequence[Finding], session: Session, *, verbose: bool) -> Iterator[str]:
    for one in found:
        yield f"{one.level.value:<8} {one.check}: {one.about} {one.said}"
        if one.mend:
            yield f"{'':9}{one.mend}"
        if verbose and one.query:
            yield from (f"{'':9}  {line}" for line in one.query.splitlines())
    counted = [sum(one.level is level for one in found) for level in Level]
    yield f"{form}: {plural(counted[0], 'problem')}, {plural(counted[1], 'hint')}; database {session.identity}"
