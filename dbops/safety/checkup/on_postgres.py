"""The three forms of `validate` on a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dbops.engines.postgres.effects.live import LiveCatalog
from dbops.engines.postgres.effects.statements import created, effects
from dbops.errors import DbopsError
from dbops.migrations.model import Status
from dbops.migrations.planner import Step, Work
from dbops.migrations.prepare import Prepared, prepare
from dbops.safety.analysis import analyse
from dbops.safety.checkup import breaking, coming, missing, undoing
from dbops.safety.checkup.asking import LIMIT, Asker
from dbops.safety.checkup.model import Finding
from dbops.safety.checkup.run import checkup
from dbops.safety.checkup.upcoming import pending

if TYPE_CHECKING:
    from dbops.engines.names import QualifiedName
    from dbops.engines.postgres.session import Session


def asker(session: Session, limit: float) -> Asker:
    """What asks on a session; `limit` is the configured statement timeout in seconds, 0 for none."""
    return Asker(session.connection, limit or LIMIT)


def database(session: Session, statuses: Sequence[Status] | Finding, ask: Asker) -> Iterator[Finding]:
    """What is wrong with what is there, what is missing, and what stands in the way of what is pending.

    :param statuses: or why the migrations are not known.
    """
    yield from checkup(ask)
    yield from missing.left_by_migrations(session)
    if isinstance(statuses, Finding):
        yield statuses
        return
    applied = [one for one in statuses if one.is_applied and one.file]
    yield from missing.made_by_files(session, ask, applied)
    yield from breaking.look(ask, pending(session, statuses))


def migration(session: Session, prepared: Prepared, ask: Asker, free: int | None) -> Iterator[Finding]:
    """What stands in the way of one that is to run.

    :param free: bytes that are free for the server, where that was told.
    """
    (found,) = analyse([prepared], LiveCatalog(session.connection))
    free = coming.free_space(session.connection) if free is None else free
    statements = [statement.text for statement in prepared.script.statements]
    yield from coming.look(session.connection, found, statements, free)
    yield from breaking.look(ask, [prepared])


def rollback(
    session: Session, prepared: Prepared, statuses: Sequence[Status], ask: Asker
) -> Iterator[Finding]:
    """What undoing one would break and lose."""
    (found,) = analyse([prepared], LiveCatalog(session.connection))
    later = {
        one.version.text: _touched(one, session)
        for one in statuses
        if one.is_applied and one.file is not None and one.version > prepared.step.version
    }
    statements = [statement.text for statement in prepared.script.statements]
    yield from undoing.look(ask, found, statements, later)


def _touched(status: Status, session: Session) -> frozenset[QualifiedName]:
    """The relations that the up section of an applied migration names; none where it cannot be read any more."""
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
