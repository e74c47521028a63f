"""`bin/migrate drift`: whether the schema still is what the last migration left, and what differs."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dbops.cli import migrate_show as show
from dbops.cli.connect import connected
from dbops.cli.output import Output
from dbops.engines.schema import Change, Difference
from dbops.errors import AnswerIsNo, ExitCode, Refused
from dbops.events import Warned, plural
from dbops.migrations import schema_drift
from dbops.migrations.schema_drift import Drift

if TYPE_CHECKING:
    from dbops.engines.base import Identity
    from dbops.engines.session import Session

_SIGNS = {Change.ADDED: "+", Change.CHANGED: "~", Change.GONE: "-"}


def drift(arguments: argparse.Namespace, out: Output) -> int:
    """Compare and tell, exit 3 where something differs; or accept what is there."""
    with connected(arguments, out) as (session, _):
        if arguments.accept:
            return _accept(session, arguments, out)
        if (holder := session.lock_holder()) is not None:
            out.event(Warned(f"migrations are running, and what they have done so far may differ: {holder}"))
        found = schema_drift.look(session)
        out.result(
            {**data(found), "database": show.identity(session.identity)}, lines(found, session.identity)
        )
        if found.differences:
            raise AnswerIsNo(
                f"{plural(len(found.differences), 'difference')} from what the last migration left",
                hint="undo them, write a migration that makes them, or accept them: bin/migrate drift --accept",
            )
    return ExitCode.DONE


def _accept(session: Session, arguments: argparse.Namespace, out: Output) -> int:
    if not session.initialised:
        raise Refused("no migration ever ran here", hint="bin/migrate init, or bin/migrate up")
    if not arguments.dry_run:
        session.acquire_lock()
    found = schema_drift.look(session)
    needed = bool(found.differences or found.unknown)
    if needed and not arguments.dry_run:
        schema_drift.accept(session, found)
    word = "would accept" if arguments.dry_run else "accepted"
    text = (
        f"{word} {plural(len(found.differences), 'difference')}"
        if found.differences
        else f"{word} the schema as it is"
    )
    said = text if needed else "nothing to accept: the schema is as the last migration left it"
    out.result(
        {
            **data(found),
            "accepted": needed and not arguments.dry_run,
            "database": show.identity(session.identity),
        },
        [*(_line(one) for one in found.differences), f"{said}; database {session.identity}"],
    )
    return ExitCode.DONE


def data(found: Drift) -> dict[str, Any]:
    """`drifted` is null where it is not known; then `unknown` says why."""
    return {
        "drifted": None if found.unknown else bool(found.differences),
        "unknown": found.unknown,
        "version": found.left and found.left.version,
        "stored_at": found.left and found.left.at.isoformat(),
        "fingerprint": found.live.fingerprint,
        "objects": len(found.live.objects),
        "differences": [
            {"object": one.object, "change": one.change.value, "before": one.before, "after": one.after}
            for one in found.differences
        ],
    }


def lines(found: Drift, database: Identity) -> Iterator[str]:
    """Each object with what is new in its definition and what is missing."""
    for one in found.differences:
        yield _line(one)
        yield from (f"    {line}" for line in _definition(one))
    if found.unknown or not found.differences or found.left is None:
        yield f"{found.sentence()}; database {database}"
        return
    what = f"what {found.left.version or 'the last migration'} left on {show.when(found.left.at)}"
    yield f"{plural(len(found.differences), 'difference')} from {what}; database {database}"


def _line(one: Difference) -> str:
    return f"{_SIGNS[one.change]} {one.object}: {one.change.value}"


def told(one: Difference, became: str) -> Iterator[str]:
    """An object, what became of it, and how its definition differs; indented, for a list below something else."""
    yield f"  {one.object}: {became}"
    yield from (f"      {line}" for line in _definition(one))


def _definition(one: Difference) -> Iterator[str]:
    """The lines of its definition that differ."""
    before, after = (one.before or "").splitlines(), (one.after or "").splitlines()
    for line in difflib.ndiff(before, after):
        if line.startswith(("+ ", "- ")):
            yield line.rstrip()
