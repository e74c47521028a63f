"""`bin/migrate validate`: the database, one migration before it runs, or one before it is undone."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dbops.cli import migrate_show as show
from dbops.cli.connect import connected, on_postgres
from dbops.cli.output import Output
from dbops.engines.dialect import SQLITE
from dbops.errors import AnswerIsNo, DbopsError, ExitCode, UsageError
from dbops.events import plural
from dbops.migrations import verbs
from dbops.migrations.model import Status
from dbops.migrations.planner import Step, Work
from dbops.migrations.prepare import prepare
from dbops.migrations.reader import Reader
from dbops.safety.checkup import own
from dbops.safety.checkup.model import Finding, Level

if TYPE_CHECKING:
    from dbops.engines.postgres.session import Session
    from dbops.engines.postgres.targets import QualifiedName
    from dbops.engines.session import Session as AnySession
    from dbops.safety.analysis import Analysed


def validate(arguments: argparse.Namespace, out: Output) -> int:
    """Look, tell, and exit 3 where a problem was found."""
    form, version = _form(arguments.words)
    with connected(arguments, out) as (opened, settings):
        reader = Reader(opened, settings, out.event)
        look = _on_sqlite if opened.dialect == SQLITE else _on_postgres
        found = [*look(form, version, reader), *own.look(opened, settings.checks, form)]
        out.result(_data(form, found, opened), _lines(form, found, opened, verbose=out.verbose))
    problems = sum(one.level is Level.PROBLEM for one in found)
    if problems:
        raise AnswerIsNo(f"{plural(problems, 'problem')} found", hint="-v shows the queries that found them")
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
    raise UsageError(
        f"validate {' '.join(words)} is not known",
        hint="bin/migrate validate, validate migration VERSION, or validate rollback VERSION",
    )


def _on_postgres(form: str, version: str, reader: Reader) -> Iterator[Finding]:
    from dbops.safety.checkup.run import checkup

    session = on_postgres(reader.session, "this")
    if form == "schema":
        yield from checkup(session.connection)
    elif form == "migration":
        yield from _of_migration(_status(reader, version), session)
    else:
        yield from _of_rollback(_status(reader, version), reader.statuses(), session)


def _on_sqlite(form: str, version: str, reader: Reader) -> Iterator[Finding]:
    from dbops.engines.sqlite.session import Session as SqliteSession
    from dbops.safety.checkup import on_sqlite

    session = reader.session
    assert isinstance(session, SqliteSession)  # by its dialect
    if form == "schema":
        yield from on_sqlite.database(session.connection)
        return
    status = _status(reader, version)
    step = Step(Work.RUN_UP if form == "migration" else Work.RUN_DOWN, status)
    if (wrong := _not_now(step)) is not None:
        yield wrong
        return
    try:
        prepared = prepare(step, session)
    except DbopsError as error:
        yield _unsound(step, error)
        return
    if form == "migration":
        yield from on_sqlite.migration(reader.settings.target.path)
    else:
        yield from on_sqlite.rollback(session.connection, list(prepared.script.statements))


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


def _of_migration(status: Status, session: Session) -> Iterator[Finding]:
    from dbops.safety.checkup import coming

    found = _analysed(Step(Work.RUN_UP, status), session)
    if isinstance(found, Finding):
        yield found
    else:
        yield from coming.look(session.connection, found, coming.free_space(session.connection))


def _of_rollback(status: Status, statuses: Sequence[Status], session: Session) -> Iterator[Finding]:
    from dbops.safety.checkup import undoing

    found = _analysed(Step(Work.RUN_DOWN, status), session)
    if isinstance(found, Finding):
        yield found
        return
    later = {
        one.version.text: _touched(one, session)
        for one in statuses
        if one.is_applied and one.file is not None and one.version > status.version
    }
    yield from undoing.look(session.connection, found, later)


def _analysed(step: Step, session: Session) -> Analysed | Finding:
    """What a step does; or why it cannot be asked."""
    from dbops.engines.postgres.effects.live import LiveCatalog
    from dbops.safety.analysis import analyse

    if (wrong := _not_now(step)) is not None:
        return wrong
    try:
        prepared = prepare(step, session)
    except DbopsError as error:
        return _unsound(step, error)
    (found,) = analyse([prepared], LiveCatalog(session.connection))
    return found


def _touched(status: Status, session: Session) -> frozenset[QualifiedName]:
    """The relations that the up section of an applied migration names; none where it cannot be read any more."""
    from dbops.engines.postgres.effects.live import LiveCatalog
    from dbops.engines.postgres.effects.statements import created, effects

    try:
        prepared = prepare(Step(Work.RUN_UP, status), session)
    except DbopsError:
        return frozenset()
    live = LiveCatalog(session.connection)
    texts = [statement.text for statement in prepared.script.statements]
    return frozenset(
        name
        for text in texts
        for name in (*created(text), *(effect.relation for effect in effects(text, live)))
    )


def _data(form: str, found: Sequence[Finding], session: AnySession) -> dict[str, Any]:
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


def _lines(form: str, found: Sequence[Finding], session: AnySession, *, verbose: bool) -> Iterator[str]:
    for one in found:
        yield f"{one.level.value:<8} {one.check}: {one.about} {one.said}"
        if one.mend:
            yield f"{'':9}{one.mend}"
        if verbose and one.query:
            yield from (f"{'':9}  {line}" for line in one.query.splitlines())
    counted = [sum(one.level is level for one in found) for level in Level]
    yield f"{form}: {plural(counted[0], 'problem')}, {plural(counted[1], 'hint')}; database {session.identity}"
