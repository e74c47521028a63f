"""What the tests of `migrate diff` share."""

from __future__ import annotations

from typing import Any

from tests.conftest import Outcome, Project
from tests.postgres import scratching
from tests.servers import Database

HERE = "CREATE TABLE person (id int PRIMARY KEY, name text NOT NULL);"
THERE = f"{HERE} ALTER TABLE person ADD COLUMN age int; CREATE INDEX person_age ON person (age);"
"""What there is, and a schema to get to."""


def diff(project: Project, to: str, *options: str, code: int = 0) -> Outcome:
    """Run `diff --to`, whose exit code must be this one."""
    outcome = project.run("migrate", "diff", "--to", to, *options)
    assert outcome.code == code, outcome
    return outcome


def found(project: Project, to: str, *options: str, code: int = 0) -> dict[str, Any]:
    """The result that it tells with --json."""
    events = diff(project, to, "--json", *options, code=code).events
    return dict(next(event for event in events if event["type"] == "result"))


def files(project: Project) -> set[str]:
    """Those of the migrations folder."""
    folder = project.folder / "migrations"
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def scratches(database: Database) -> list[str]:
    """Its scratch databases that are there."""
    return scratching.scratches(database, "dbops_diff_")
