"""`bin/migrate validate`: the database, one migration before it runs, or one before it is undone."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dbops.cli import migrate_show as show
from dbops.cli.connect import connected, on_postgres
from dbops.cli.output import Output
from dbops.errors import AnswerIsNo, DbopsError, ExitCode, UsageError
from dbops.events import plural
from dbops.migrations import verbs
from dbops.migrations.model import Status
from dbops.migrations.planner import Step, Work
from dbops.migrations.prepare import prepare
from dbops.migrations.reader import Reader
from dbops.safety.checkup.model import Finding, Level

if TYPE_CHECKING:
    from dbops.config.model import Settings
    from dbops.engines.postgres.session import Session
    from dbops.engines.postgres.targets import QualifiedName
    from dbops.safety.analysis import Analysed


def validate(arguments: argparse.Namespace, out: Output) -> int:
    """Look, tell, and exit 3 where a problem was found."""
    form, version = _form(arguments.words)
    with connected(arguments, out) as (opened, settings):
        session = on_postgres(opened, f"bin/migrate validate {form}")
        found = list(_findings(form, version, Reader(session, settings, out.event), session, settings))
        out.result(_data(form, found, session), _lines(form, found, session, verbose=out.verbose))
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


def _findings(
    form: str, version: str, reader: Reader, session: Session, settings: Settings
) -> Iterator[Finding]:
    from dbops.safety.checkup import own
    from dbops.safety.checkup.run import checkup

    if form == "schema":
        yield from checkup(session.connection)
    elif form == "migration":
        yield from _of_migration(_status(reader, version), session)
    else:
        statuses = reader.statuses()
        yield from _of_rollback(_status(reader, version), statuses, session)
    yield from own.look(session.connection, settings.checks, form)


def _status(reader: Reader, version: str) -> Status:
    wanted = verbs.named(version, reader.folder)
    for status in reader.statuses():
        if status.version == wanted:
            return status
    raise UsageError(f"there is no version {version}", hint="bin/migrate status lists them")


def _problem(check: str, about: str, said: str, mend: str | None) -> Finding:
    return Finding(check, Level.PROBLEM, about, said, "", mend)


def _of_migration(status: Status, session: Session) -> Iterator[Finding]:
    from dbops.safety.checkup import coming

    about = f"version {status.version}"
    if status.is_applied:
        yield _problem("applied-already", about, "is applied already", "bin/migrate status")
        return
    try:
        analysed = _analysed(Step(Work.RUN_UP, status), session)
    except DbopsError as error:
        yield _problem("file", about, f"cannot run: {error.message}", error.hint)
        return
    yield from coming.look(session.connection, analysed, coming.free_space(session.connection))


def _of_rollback(status: Status, statuses: Sequence[Status], session: Session) -> Iterator[Finding]:
    from dbops.safety.checkup import undoing

    about = f"version {status.version}"
    if not status.is_applied:
        yield _problem("not-applied", about, "is not applied", "bin/migrate status")
        return
    try:
        analysed = _analysed(Step(Work.RUN_DOWN, status), session)
    except DbopsError as error:
        yield _problem("no-way-back", about, f"cannot be undone: {error.message}", error.hint)
        return
    later = {
        one.version.text: _touched(one, session)
        for one in statuses
        if one.is_applied and one.file is not None and one.version > status.version
    }
    yield from undoing.look(session.connection, analysed, later)


def _analysed(step: Step, session: Session) -> Analysed:
    from dbops.engines.postgres.effects.live import LiveCatalog
    from dbops.safety.analysis import analyse

    (found,) = analyse([prepare(step, session)], LiveCatalog(session.connection))
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
