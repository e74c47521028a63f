"""`migrate status`, `history`, `current`, `heads` and `new`; the shapes of --json."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import dump, ran, single
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


def test_status_as_a_table(abc: Project, database: Database) -> None:
    """One line per version with state, date, time and who; then the counts, the database and the folder."""
    ran(abc, "up", "2")
    lines = ran(abc, "status").stdout.splitlines()
    assert lines[0].split() == ["version", "name", "state", "applied", "took", "by"]
    assert re.fullmatch(r"001 +a +applied +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +\d+ ms +\S+@\S+", lines[1])
    assert re.fullmatch(r"003 +c +pending", lines[3])
    assert lines[5].startswith("1 pending, 2 applied; database ")
    assert lines[5].endswith(f"/{database.name}, folder migrations")


def test_status_as_json(abc: Project, database: Database) -> None:
    """The contract: `migrations`, each with version, name, state, file, applied_at, applied_by, execution_time_ms."""
    ran(abc, "up", "1")
    abc.write("migrations/notes.txt", "")
    outcome = ran(abc, "status", "--json")
    assert len(outcome.events) == 1
    result = outcome.json
    assert {key: result[key] for key in ("type", "format", "command", "current", "folder")} == {
        "type": "result",
        "format": 1,
        "command": "migrate",
        "current": "001",
        "folder": "migrations",
    }
    assert result["database"] == {
        "user": database.user,
        "host": "127.0.0.1",
        "port": str(database.server.port),
        "database": database.name,
    }
    assert result["passed_over"] == [{"file": "notes.txt", "reason": "not an .sql file"}]
    first, second = result["migrations"][:2]
    assert datetime.fromisoformat(first.pop("applied_at")).tzinfo is not None
    assert "@" in first.pop("applied_by")
    assert isinstance(first.pop("execution_time_ms"), int)
    assert first == {
        "version": "001",
        "name": "a",
        "state": "applied",
        "applied_as": None,
        "file": "migrations/001_a.sql",
        "down": True,
    }
    assert second == {
        "version": "002",
        "name": "b",
        "state": "pending",
        "applied_as": None,
        "file": "migrations/002_b.sql",
        "down": True,
        "applied_at": None,
        "applied_by": None,
        "execution_time_ms": None,
    }


def test_reading_changes_nothing(abc: Project, database: Database) -> None:
    """status, history, current and heads on a database that was never migrated make no table in it."""
    before = dump(database)
    assert "3 pending" in ran(abc, "status").stdout
    assert ran(abc, "history").stdout.startswith("no history")
    assert ran(abc, "current").stdout == "none: no migration is applied\n"
    assert ran(abc, "current", "--json").json["version"] is None
    assert dump(database) == before


def test_current_and_heads(abc: Project) -> None:
    """The newest applied version, and the newest of the folder, for which no database is asked."""
    ran(abc, "up", "2")
    assert ran(abc, "current").stdout == "002 b\n"
    assert ran(abc, "version").stdout == "002 b\n"
    assert ran(abc, "heads", environ={"DATABASE_URL": "postgresql://nowhere.invalid/x"}).stdout == "003 c\n"
    assert ran(abc, "heads", "--json").json["version"] == "003"


def test_history(abc: Project, connect: Connect) -> None:
    """Date, version, name, description, who, duration and outcome of everything, failures included."""
    abc.write("migrations/002_b.sql", "SELECT 1/0;")
    abc.run("migrate", "up")
    ran(abc, "mark", "2")
    lines = ran(abc, "history").stdout.splitlines()
    assert lines[0].split() == ["date", "version", "name", "description", "by", "took", "status"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \S+ +001 +a +The table a +\S+@\S+ +\d+ ms +applied", lines[2])
    assert lines[3].endswith("failed: division by zero (22012)")
    assert lines[4].endswith("marked")
    result = ran(abc, "history", "--json").json
    assert [event["action"] for event in result["events"]] == ["initialised", "applied", "failed", "marked"]
    assert result["events"][2]["sqlstate"] == "22012"
    assert result["events"][2]["statement"] == "SELECT 1/0"
    assert result["events"][1]["description"] == "The table a"


def test_history_as_markdown(project: Project, database: Database) -> None:
    """A table for a deployment log; a bar in a description does not break it."""
    project.use(database)
    project.write("migrations/001_a.sql", single("CREATE TABLE a ();", description="this | that"))
    ran(project, "up")
    lines = ran(project, "history", "--markdown").stdout.splitlines()
    assert lines[0] == "| date | version | name | description | by | took | status |"
    assert lines[1] == "| --- | --- | --- | --- | --- | --- | --- |"
    assert "| 001 | a | this \\| that |" in lines[3]


def test_events_of_up_as_json(abc: Project) -> None:
    """Every line is an object with a type; each migration is told of as it is done; the result comes last."""
    lines = ran(abc, "up", "--json").events
    done = [line for line in lines if line.get("event") == "migration_done"]
    assert [(line["version"], line["name"], line["direction"]) for line in done] == [
        ("001", "a", "up"),
        ("002", "b", "up"),
        ("003", "c", "up"),
    ]
    assert {line["type"] for line in lines[:-1]} == {"event"}
    assert (lines[-1]["type"], lines[-1]["verb"], lines[-1]["changed"]) == ("result", "up", True)


def test_every_verb_as_json(abc_dev: Project) -> None:
    """The last line of each verb is its result, and stderr is empty."""
    for argv in (
        ("init",),
        ("plan",),
        ("up",),
        ("status",),
        ("current",),
        ("heads",),
        ("history",),
        ("down",),
        ("goto", "1"),
        ("redo",),
        ("force", "1"),
        ("mark", "1"),
        ("repair",),
        ("unlock",),
        ("new", "x"),
    ):
        outcome = ran(abc_dev, *argv, "--json")
        assert outcome.stderr == "", argv
        assert (outcome.json["type"], outcome.json["format"], outcome.json["command"]) == (
            "result",
            1,
            "migrate",
        ), argv
