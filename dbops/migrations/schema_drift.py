"""Whether the schema still is what the last migrations left: stored when they have run, compared before the next.

Read before and after a run, and between two migrations where that is a small
part of what they take: of a thousand small ones the schema would be read a
thousand times.  A process that is killed before it could store it leaves an
event log that is newer than the stored schema, so that nothing false is told of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence

from dbops.engines.base import SessionLost, StatementFailed
from dbops.engines.log import LogEntry, Record
from dbops.engines.records import Action
from dbops.engines.schema import Difference, Left, Schema, carried, differences
from dbops.engines.session import Session
from dbops.errors import CannotConnect, DbopsError, Interrupted, Refused
from dbops.events import Detail, Listener, Warned, plural
from dbops.migrations.compare import newest_row
from dbops.migrations.planner import Plan

_NAMED = 5
_SHARE = 0.02
"""What storing the schema between migrations may take, as a part of the time of the run."""


@dataclasses.dataclass(frozen=True)
class Drift:
    """A schema held against the one that was stored.

    `unknown` is why they cannot be compared, None where they were; then `differences` is all that differs.
    """

    live: Schema
    left: Left | None
    unknown: str | None = None
    differences: tuple[Difference, ...] = ()

    def sentence(self) -> str:
        """For people, without the database's name."""
        if self.unknown:
            return f"schema drift is not known: {self.unknown}"
        if not self.differences:
            return f"the schema is as the last migration left it ({plural(len(self.live.objects), 'object')})"
        return f"the schema is not as the last migration left it: {named(self.differences)}"


def look(session: Session) -> Drift:
    """Compare what is there now with what was stored.

    :raises DbopsError: the schema cannot be read.
    """
    return compare(_live(session), _left(session))


def _live(session: Session) -> Schema:
    return session.schema().without(session.drift_ignore)


def _left(session: Session) -> Left | None:
    """What was stored, perhaps before the project said what to leave out."""
    left = session.schema_left()
    return left and dataclasses.replace(left, schema=left.schema.without(session.drift_ignore))


def compare(live: Schema, left: Left | None) -> Drift:
    """What differs, or why that cannot be told."""
    if left is None:
        unknown = "no schema was stored yet; the next migration stores it"
    elif not left.newest:
        unknown = "migrations ran, and their process ended before it stored the schema; the next migration stores it"
    elif left.schema.spelling != live.spelling:
        unknown = f"stored by {left.schema.spelling}, and this is {live.spelling}; the next migration stores it anew"
    else:
        return Drift(live, left, None, differences(left.schema, live))
    return Drift(live, left, unknown)


def named(found: Sequence[Difference]) -> str:
    """The objects and what became of them, the first of many."""
    words = [f"{one.object} ({one.change.value})" for one in found[:_NAMED]]
    more = [f"{len(found) - _NAMED} more"] if len(found) > _NAMED else []
    return ", ".join([*words, *more])


def accept(session: Session, drift: Drift) -> None:
    """Store what is there now as what is to be expected; the caller holds the lock."""
    changed = {one.object: one.change.value for one in drift.differences}
    session.record(
        [
            LogEntry(Action.DRIFT_ACCEPTED, detail={"objects": changed}, duration_ms=0),
            _entry(session, drift.live),
        ]
    )


@contextlib.contextmanager
def watched(session: Session, plan: Plan, listen: Listener, *, refuse: bool) -> Iterator[Callable[[], None]]:
    """Around a run: tell of drift before it, store the schema after it, also after one that stopped.

    Yields what is to be called between two migrations, and stores it then if that is cheap enough.
    What had drifted and the run did not touch goes on to differ: a migration does not make it good.

    :param refuse: do not run where there is drift.
    :raises Refused: that.
    """
    runs_sql, began = plan.action is None, time.monotonic()
    drift = _before(session, listen, refuse=refuse) if runs_sql else None
    cost = time.monotonic() - began if drift else 0.0
    try:
        yield _Between(session, drift, listen, cost).store
    except (CannotConnect, Interrupted):
        raise
    except DbopsError:
        _store(session, drift, listen, only_news=True)
        raise
    _store(session, drift, listen, only_news=not runs_sql)


class _Between:
    """Stores the schema between migrations, unless it was stored a short while ago for what it costs.

    :param cost: seconds that reading took before the run; 0 where nobody knows, so that the first time tells.
    """

    def __init__(self, session: Session, drift: Drift | None, listen: Listener, cost: float) -> None:
        self._session, self._drift, self._listen = session, drift, listen
        self._cost, self._since = cost, time.monotonic()

    def store(self) -> None:
        """Do so if it is time."""
        began = time.monotonic()
        if began - self._since >= self._cost / _SHARE:
            _store(self._session, self._drift, self._listen, only_news=False)
            self._since = time.monotonic()
            self._cost = self._since - began


def _before(session: Session, listen: Listener, *, refuse: bool) -> Drift | None:
    """What has drifted; None where nothing was stored, or nothing can be read."""
    left = _left(session)
    if left is None:
        return None
    try:
        drift = compare(_live(session), left)
    except CannotConnect:
        raise
    except DbopsError as error:
        if refuse:
            raise
        listen(Warned(f"schema drift is not known: {error.message}"))
        return None
    if drift.unknown:
        listen(Detail(drift.sentence()))
    if drift.differences:
        if refuse:
            raise Refused(
                drift.sentence(), hint="bin/migrate drift shows it; bin/migrate drift --accept accepts it"
            )
        listen(Warned(f"{drift.sentence()}; bin/migrate drift tells more"))
    return drift


def _store(session: Session, drift: Drift | None, listen: Listener, *, only_news: bool) -> None:
    """Write down what is there now; that this fails is no failure of the migrations.

    :param only_news: nothing, unless something was recorded since the schema was stored last.
    """
    try:
        if only_news and not _something_ran(session):
            return
        after = _live(session)
        expected = carried(drift.live, drift.differences, after) if drift else after
        session.record([_entry(session, expected)])
    except (DbopsError, StatementFailed, SessionLost) as error:
        listen(Warned(f"the schema could not be stored, so that drift will not be known: {error}"))


def _something_ran(session: Session) -> bool:
    left, recorded = session.schema_left(), session.read()
    return not left.newest if left else bool(recorded.rows or recorded.journal)


def _entry(session: Session, schema: Schema) -> Record:
    newest = newest_row(session.read().rows)
    detail = {"version": newest and newest.version, "schema": schema.packed()}
    return LogEntry(Action.SCHEMA_STORED, detail=detail, duration_ms=0)
