"""`migrate adopt`: the histories that other tools have recorded, tool by tool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.adopting import CASES, Case, adopted, applied_by_the_other, project_of, recorded, rows
from tests.postgres.migrating import mark_as_development, ran, states
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.tool)
def test_a_tools_history(case: Case, configured: Project, database: Database, connect: Connect) -> None:
    """What it has applied is recorded and its table left as it is; then up goes on where it stopped."""
    files = project_of(configured, case.format)
    connection = connect(database)
    ids = applied_by_the_other(configured, connection, case, files, 2)
    before = rows(connection, case.look)
    assert before == case.shows(ids[:2], files)
    refused = configured.run("migrate", "up", *case.options)
    assert refused.code == 13
    assert "bin/migrate adopt" in refused.stderr
    outcome = adopted(configured, "--json", *case.options).json
    assert (outcome["tool"], outcome["table"], outcome["mirror"]) == (case.tool, case.table, False)
    assert [one["name"] for one in outcome["recorded"]] == ["accounts", "touch"]
    assert len(outcome["pending"]) == 1
    beside = case.table == "public.schema_migrations"
    records = "public.dbops_migrations" if beside else "public.schema_migrations"
    assert outcome["tracking_table"] == records
    log = f"SELECT action, detail ->> 'tool' FROM {records}_events WHERE version IS NOT NULL ORDER BY id"
    assert rows(connection, log) == [("adopted", case.tool)] * 2
    assert list(states(configured, *case.options).values()) == ["applied", "applied", "pending"]
    again = adopted(configured, "--json", *case.options).json
    assert (again["changed"], again["recorded"], len(again["known"])) == (False, [], 2)
    ran(configured, "up", *case.options)
    assert len(recorded(connection, records)) == 3
    assert rows(connection, case.look) == before
    if case.has_down:
        mark_as_development(database)
        ran(configured, "down", "--to", "0", *case.options)
        assert recorded(connection, records) == []
        assert rows(connection, "SELECT FROM pg_tables WHERE tablename = 'accounts'") == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.tool)
def test_a_mirror(case: Case, configured: Project, database: Database, connect: Connect) -> None:
    """With --mirror its table says after up, down and up what the tool itself would have written."""
    files = project_of(configured, case.format)
    connection = connect(database)
    ids = applied_by_the_other(configured, connection, case, files, 1)
    adopted(configured, "--mirror", *case.options)
    ran(configured, "up", *case.options)
    assert rows(connection, case.look) == case.shows(ids, files)
    if case.has_down:
        mark_as_development(database)
        ran(configured, "down", "2", *case.options)
        assert rows(connection, case.look) == case.shows(ids[:1], files)
        ran(configured, "down", *case.options)
        assert rows(connection, case.look) == case.shows([], files)
        ran(configured, "up", "1", *case.options)
        assert rows(connection, case.look) == case.shows(ids[:1], files)
    else:
        ran(configured, "mark", "3", "--not-applied", *case.options)
        assert rows(connection, case.look) == case.shows(ids[:2], files)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.tool)
def test_what_the_tool_does_meanwhile(
    case: Case, configured: Project, database: Database, connect: Connect
) -> None:
    """While its table is mirrored, what the tool applies is shown as applied, and recorded before the next up."""
    files = project_of(configured, case.format)
    connection = connect(database)
    ids = applied_by_the_other(configured, connection, case, files, 2, told=1)
    adopted(configured, "--mirror", *case.options)
    versions = [
        row["version"] for row in ran(configured, "status", "--json", *case.options).json["migrations"]
    ]
    connection.execute(case.insert(versions[1], ids[1], files[1]))
    outcome = ran(configured, "status", *case.options)
    assert f"{case.tool} has applied meanwhile: {versions[1]}" in outcome.stderr
    assert list(states(configured, *case.options).values()) == ["applied", "applied", "pending"]
    ran(configured, "up", *case.options)
    assert rows(connection, case.look) == case.shows(ids, files)
    adopted(configured, "--no-mirror", *case.options)
    records = "dbops_migrations" if case.table == "public.schema_migrations" else "schema_migrations"
    assert recorded(connection, records) == versions
