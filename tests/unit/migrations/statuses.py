"""Statuses made from words, as a folder and a database could show them."""

from __future__ import annotations

from dbops.engines.records import Action, Applied, Direction, JournalLine
from dbops.migrations.model import MigrationFile, State, Status
from dbops.migrations.planner import Plan
from dbops.migrations.version import Version


def file(version: str, name: str = "x") -> MigrationFile:
    """A single file of that version."""
    return MigrationFile(Version.parse(version), name, "single", "/m", f"{version}_{name}.sql")


def row(version: str, name: str = "x") -> Applied:
    """A row of the tracking table."""
    return Applied(version, Version.parse(version).key, name)


def line(
    version: str, direction: Direction = Direction.UP, action: Action = Action.STATEMENT_DONE
) -> JournalLine:
    """A line of the journal, of the first statement."""
    return JournalLine(version, direction, 1, "checksum", action)


def status(version: str, state: State, direction: Direction = Direction.UP) -> Status:
    """A status in that state; a partial one stopped in that direction."""
    has_row = state in {State.APPLIED, State.DRIFTED, State.MISSING}
    partial = state is State.PARTIAL
    return Status(
        Version.parse(version),
        "x",
        state,
        None if state is State.MISSING else file(version),
        row(version) if has_row or (partial and direction is Direction.DOWN) else None,
        (line(version, direction),) if partial else (),
    )


def statuses(words: str) -> list[Status]:
    """`"1:applied 2:pending 3:partial-down"` as statuses."""
    made = []
    for word in words.split():
        version, _, state = word.partition(":")
        name, _, direction = state.partition("-")
        made.append(status(version, State(name.replace("_", " ")), Direction(direction or "up")))
    return made


def steps(plan: Plan) -> list[str]:
    """The steps as words."""
    return [f"{step.work.value} {step.version}" for step in plan.steps]
