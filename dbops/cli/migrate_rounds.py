"""`bin/migrate verify`: each migration up, down and up again on a scratch database, and what differs."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dbops.cli import migrate_show as show
from dbops.cli.connect import connected, on_postgres
from dbops.cli.migrate_drift import told
from dbops.cli.output import Output, table
from dbops.config.model import Settings
from dbops.engines.dialect import SQLITE
from dbops.engines.schema import Change, Difference, Schema
from dbops.errors import AnswerIsNo, ExitCode, UsageError
from dbops.events import plural
from dbops.migrations.reader import Reader
from dbops.safety.rounds import run as running
from dbops.safety.rounds.model import Bare, Lost, Round, Rounds, Verdict, Way, Wishes

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from dbops.engines.base import Identity
    from dbops.engines.session import Session
    from dbops.safety.rounds.scratch import Scratch

_BECAME = {Change.ADDED: "left", Change.CHANGED: "changed", Change.GONE: "gone"}
"""Of an object that should be as it was, by what became of it."""
_LOSES = {Way.UP_AND_DOWN: "up and down lose values", Way.DOWN_AND_UP: "down loses values"}
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class _Ground:
    """What rounds begin with.

    :param live: the schema of the configured database.
    :param made: makes the scratch database.
    :param place: where, a word of the JSON contract.
    :param own: the server is for it alone.
    """

    live: Schema
    made: AbstractContextManager[Scratch[Session]]
    place: str
    own: bool = False


def rounds(arguments: argparse.Namespace, out: Output) -> int:
    """Run them and tell; nothing of the configured database changes.

    :raises AnswerIsNo: something differs, or does not run.
    """
    with connected(arguments, out) as (session, settings):
        statuses, identity = Reader(session, settings, out.event).statuses(), session.identity
        look = _on_sqlite if session.dialect == SQLITE else _on_postgres
        ground = look(session, arguments, settings, out)
    wishes = Wishes(
        every=arguments.all,
        with_rows=not arguments.empty,
        twice=arguments.twice,
        own_server=ground.own,
        deadline=settings.deadline.value,
        ignored=settings.drift_ignore,
    )
    with ground.made as scratch:
        found = running.run(statuses, ground.live, scratch, wishes, out.event)
    out.result({**data(found, identity), "scratch": ground.place}, lines(found, identity))
    _require_good(found)
    return ExitCode.DONE


def _on_postgres(found: Session, arguments: argparse.Namespace, settings: Settings, out: Output) -> _Ground:
    from dbops.cli import migrate_scratch
    from dbops.engines.postgres import making
    from dbops.safety.rounds.postgres import scratch

    session = on_postgres(found, "bin/migrate verify")
    like = making.like(session.connection, session.identity.database) or making.Making()
    ground = migrate_scratch.found(arguments, settings, session, "verify", out)
    made = scratch.made(settings, ground.server, like, "verify", out.event)
    return _Ground(session.schema(), made, ground.place.value, ground.own)


def _on_sqlite(found: Session, arguments: argparse.Namespace, settings: Settings, out: Output) -> _Ground:
    """:raises UsageError: --scratch-url."""
    from dbops.engines.sqlite.session import Session as SqliteSession
    from dbops.engines.sqlite.throwaway import one_form
    from dbops.safety.rounds.sqlite import scratch

    assert isinstance(found, SqliteSession)  # by its dialect
    if arguments.scratch_url is not None:
        raise UsageError(
            "--scratch-url is for PostgreSQL: scratch files are made where temporary files are",
            hint="leave it out; TMPDIR=/path names another place",
        )
    return _Ground(one_form(found), scratch.made(settings), "temporary")


def _require_good(found: Rounds) -> None:
    bad = [one for one in found.rounds if not one.verdict.good]
    if bad:
        raise AnswerIsNo(
            f"{plural(len(bad), 'migration')} of {len(found.rounds)} not verified; the first is "
            f"{bad[0].file.version}: {bad[0].verdict.value}",
            hint="mend the down section, or the up section, of a file that is not applied yet",
        )
    if found.history.differences:
        raise AnswerIsNo(
            f"{plural(len(found.history.differences), 'difference')} between the database and what its files make",
            hint="write a migration that makes them, or undo them; bin/migrate drift tells what came since the last one",
        )


# -- what is shown -----------------------------------------------------------------------------------------------------


def data(found: Rounds, identity: Identity) -> dict[str, Any]:
    """For --json."""
    return {
        "database": show.identity(identity),
        "migrations": [_round(one) for one in found.rounds],
        "history": {
            "unknown": found.history.unknown,
            "differences": [_difference(one) for one in found.history.differences],
        },
    }


def _round(one: Round) -> dict[str, Any]:
    failure = one.failure
    return {
        "version": one.file.version.text,
        "name": one.file.name,
        "result": one.verdict.value,
        "verified": one.verdict.good,
        "differences": [{"after": each.after.value, **_difference(each.difference)} for each in one.found],
        "message": failure and failure.message,
        "detail": failure and failure.detail,
        "only_with_rows": failure and failure.only_with_rows,
        "lost": [_lost(each) for each in one.lost],
        "without_rows": [dataclasses.asdict(each) for each in one.bare],
    }


def _lost(one: Lost) -> dict[str, Any]:
    what = {"table": one.table, "column": one.column, "values": one.values}
    return {**what, "way": one.way.value, "of_sequence": one.of_sequence}


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "object": one.object,
        "change": _BECAME[one.change],
        "expected": one.before,
        "found": one.after,
    }


def lines(found: Rounds, identity: Identity) -> Iterator[str]:
    """A table, then what is to be said of each, then of the history."""
    rows = [
        (one.file.version.text, one.file.name, one.verdict.value + (", loses data" if one.lost else ""))
        for one in found.rounds
    ]
    if rows:
        yield from table(("version", "name", "result"), rows)
    for one in found.rounds:
        yield from _details(one)
    good = sum(1 for one in found.rounds if one.verdict.good)
    yield ""
    yield from _without_rows(found.rounds)
    for each in found.history.differences:
        yield from told(each, f"{_BECAME[each.change]} in the database")

    history = found.history
    if history.unknown:
        yield f"not compared with the database: {history.unknown}"
    elif not history.differences:
        yield "what the applied files make is what is in the database"
    yield f"{good} of {len(rows)} verified; database {identity}"


def _details(one: Round) -> Iterator[str]:
    if one.verdict in {Verdict.COMES_BACK, Verdict.NO_DOWN, Verdict.NOT_RUN} and not one.lost:
        return
    yield ""
    yield f"{one.file.version} {one.file.name}: {one.verdict.value}"
    if one.failure is not None:
        yield f"  {one.failure.message}" + (
            " (only with rows in the tables)" if one.failure.only_with_rows else ""
        )
        yield from (f"    {line}" for line in (one.failure.detail or "").splitlines())
    for each in one.found:
        yield from told(each.difference, f"{_BECAME[each.difference.change]} after {each.after.value}")
    for (way, name), losses in itertools.groupby(one.lost, key=lambda lost: (lost.way, lost.table)):
        columns = ", ".join(_column(lost) for lost in losses)
        yield f"  {_LOSES[way]} of {name}: {columns}"


def _column(one: Lost) -> str:
    return f"{one.column} (its sequence begins anew)" if one.of_sequence else f"{one.column} ({one.values})"


def _without_rows(found: Sequence[Round]) -> Iterator[str]:
    """Each table once, with the rounds in which it had none."""
    versions: dict[Bare, list[str]] = {}
    for one in found:
        for bare in one.bare:
            versions.setdefault(bare, []).append(one.file.version.text)
    for bare, of in versions.items():
        more = f" and {len(of) - _NAMED} more" if len(of) > _NAMED else ""
        yield f"without rows in {bare.table}, version {', '.join(of[:_NAMED])}{more}: {bare.reason}"
