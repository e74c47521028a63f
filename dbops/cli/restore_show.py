"""What `bin/restore` shows: results as JSON data and as lines for people."""

from __future__ import annotations

import dataclasses
import datetime
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from dbops.backups.listing import Row, ago
from dbops.cli import backup_tables
from dbops.cli.output import table
from dbops.events import format_bytes, format_seconds, plural
from dbops.restore.names import Displacement
from dbops.restore.plan import Exchange, FilePlan, Plan, Restored
from dbops.restore.preflight import Problem


class Displaced(Protocol):
    """A displaced database of either engine.  `bytes` is None where the role may not see its size."""

    @property
    def name(self) -> str:
        """Its name; of SQLite the path of its file."""

    @property
    def displacement(self) -> Displacement:
        """What became of it."""

    @property
    def bytes(self) -> int | None:
        """Its size."""


class Prepared(Protocol):
    """A plan with what stands in its way, of either engine."""

    @property
    def plan(self) -> Plan:
        """What would be done."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What stands in the way."""


def plan_data(prepared: Prepared) -> dict[str, Any]:
    """`plan`: what would be done; `problems`: what stands in the way."""
    made = prepared.plan
    return {
        "dry_run": True,
        "plan": {
            "restore": made.label,
            "server": made.server,
            "database": made.live,
            "exists": made.exists,
            "side": made.side,
            "displaced": made.displaced,
            "steps": [step.value for step in made.steps],
        },
        "problems": [dataclasses.asdict(problem) for problem in prepared.problems],
    }


def plan_lines(prepared: Prepared) -> list[str]:
    """The steps in order, and what stands in their way."""
    made = prepared.plan
    where = "in" if isinstance(made, FilePlan) else "on"
    lines = [f"would restore {made.label} as {made.live} {where} {made.server}:"]
    lines += [f"  {step.value:10}  {made.sentence(step)}" for step in made.steps]
    for problem in prepared.problems:
        lines += [f"problem: {problem.text}", *([f"  {problem.remedy}"] if problem.remedy else [])]
    return lines


def done_data(done: Restored) -> dict[str, Any]:
    """What was restored, where, and how to undo it."""
    made, swapped = done.plan, done.swapped
    return {
        "restored": made.label,
        "server": made.server,
        "database": made.live,
        "displaced": made.displaced,
        "proof": done.proven,
        "pre_backup": done.pre_backup,
        "closed_seconds": None if swapped is None else swapped.seconds,
        "sessions_ended": None if swapped is None else swapped.ended,
        "seconds": done.seconds,
    }


def done_lines(done: Restored, elsewhere: str | None = None) -> list[str]:
    """What was restored, and what to do next.

    :param elsewhere: options that name the server again, where it was not the configured database; else None.
    """
    made = done.plan
    took = format_seconds(done.seconds)
    lines = [f"{made.live} is restored from {made.label}, {proven_words(done.proven)}, in {took}"]
    if made.displaced is not None:
        ours = [] if elsewhere is None else [shlex.quote(made.displaced), *filter(None, [elsewhere])]
        undo, discard = (" ".join(["bin/restore", verb, *ours]) for verb in ("undo", "discard"))
        width = len(discard) + 2
        lines += [
            f"the former database is {made.displaced}",
            f"{undo:{width}} brings it back",
            f"{discard:{width}} drops it",
        ]
    return lines


def proven_words(proof: str | None) -> str:
    """Whether what was restored is known to be what was backed up."""
    return f"equal to its proof ({proof})" if proof else "without a proof to compare with"


def list_data(rows: Sequence[Row], displaced: Sequence[Displaced], folder: Path) -> dict[str, Any]:
    """`backups` as `bin/backup list` has them, the newest first; `displaced` databases of the server."""
    return {**backup_tables.list_data(rows, folder), "displaced": [_displaced(one) for one in displaced]}


def list_lines(
    rows: Sequence[Row], displaced: Sequence[Displaced], folder: Path, now: datetime.datetime
) -> list[str]:
    """A table of backups, and one of displaced databases."""
    lines = backup_tables.list_lines(rows, folder)
    if displaced:
        lines += ["", "displaced by a restore:", *_table(displaced, now)]
    if rows:
        lines += ["", "bin/restore NAME restores one of them, bin/restore latest the newest proven one"]
    return lines


def undo_data(exchange: Exchange, *, changed: bool) -> dict[str, Any]:
    """What came back, and what the former database is called."""
    return {
        "changed": changed,
        "database": exchange.live,
        "returned": exchange.incoming,
        "displaced": exchange.displaced,
    }


def undo_plan_lines(exchange: Exchange, chosen: Displaced) -> list[str]:
    """What undo would do."""
    since = chosen.displacement.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return [
        f"would rename {exchange.live} to {exchange.displaced}",
        f"  and {exchange.incoming}, displaced {since}, to {exchange.live}, in one transaction",
    ]


def undo_lines(exchange: Exchange) -> list[str]:
    """What undo has done."""
    return [f"{exchange.live} is what {exchange.incoming} was; the former database is {exchange.displaced}"]


def discard_data(chosen: Sequence[Displaced], *, changed: bool) -> dict[str, Any]:
    """The databases, and whether they are gone."""
    return {"changed": changed, "displaced": [_displaced(one) for one in chosen]}


def discard_lines(chosen: Sequence[Displaced], *, changed: bool) -> list[str]:
    """The databases with their sizes and ages."""
    if not chosen:
        return ["there is no displaced database of this one"]
    now = datetime.datetime.now(datetime.UTC)
    size = format_bytes(sum(one.bytes or 0 for one in chosen))
    if changed:
        return [f"{plural(len(chosen), 'displaced database')} dropped, {size}"]
    return [*_table(chosen, now), f"{size} in all"]


def _table(displaced: Sequence[Displaced], now: datetime.datetime) -> list[str]:
    cells = [
        (
            one.name, one.displacement.database, ago(one.displacement.at, now),
            "" if one.bytes is None else format_bytes(one.bytes), one.displacement.backup or "undo",
        )
        for one in displaced
    ]  # fmt: skip
    return [str(line) for line in table(("database", "was", "displaced", "size", "replaced by"), cells)]


def _displaced(one: Displaced) -> dict[str, Any]:
    return {
        "name": one.name,
        "database": one.displacement.database,
        "at": one.displacement.at.isoformat(),
        "backup": one.displacement.backup,
        "bytes": one.bytes,
    }
