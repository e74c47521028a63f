"""`bin/migrate up --require-rehearsal`: only what a kept trace has run, on the same schema, and brought back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Outcome, Project
from tests.postgres.rounds import superuser_sql
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]


@pytest.fixture
def rehearsed(configured: Project, database: Database) -> Project:
    """Two migrations are pending, and a trace of them has passed."""
    superuser_sql(database, f"alter role {database.user} createdb")
    configured.write("migrations/001_a.up.sql", "create table a (id int);")
    configured.write("migrations/001_a.down.sql", "drop table a;")
    configured.write("migrations/002_b.up.sql", "create table b (id int);")
    configured.write("migrations/002_b.down.sql", "drop table b;")
    assert configured.run("migrate", "plan", "--trace").code == 0
    return configured


def up(project: Project, *options: str) -> Outcome:
    return project.run("migrate", "up", "--require-rehearsal", *options)


def down(project: Project, database: Database, *options: str) -> Outcome:
    return project.run("migrate", "down", *options, "--confirm", database.name)


def report(project: Project) -> Path:
    (path,) = (project.folder / "backups" / "traces").glob("*.json")
    return path


def test_what_was_rehearsed_runs(rehearsed: Project, database: Database) -> None:
    """Also a part of it from its beginning, and then the rest, since the schema is what the trace saw before that."""
    first = up(rehearsed, "--to", "001")
    assert (first.code, "rehearsed by" in first.stderr) == (0, True), first
    assert up(rehearsed).code == 0
    assert up(rehearsed).code == 0  # nothing to do, nothing to rehearse
    assert down(rehearsed, database).code == 0
    assert up(rehearsed).code == 0  # the schema is what it was before it once more


def test_the_rest_on_another_schema(rehearsed: Project, connect: Connect, database: Database) -> None:
    """What the trace saw after the first part is not what is there: the rest wants a trace of its own."""
    assert up(rehearsed, "--to", "001").code == 0
    connect(database).execute("alter table a add column more int")
    refused = up(rehearsed)
    assert (refused.code, "the schema was another one" in refused.stderr) == (13, True), refused
    assert rehearsed.run("migrate", "plan", "--trace").code == 0
    assert up(rehearsed).code == 0


def test_not_with_a_gap(rehearsed: Project) -> None:
    """A trace of three is no rehearsal of the first and the last: exit 13."""
    rehearsed.write("migrations/003_c.up.sql", "create table c (id int);")
    assert rehearsed.run("migrate", "plan", "--trace").code == 0
    for name in ("002_b.up.sql", "002_b.down.sql"):
        (rehearsed.folder / "migrations" / name).unlink()
    refused = up(rehearsed)
    assert (refused.code, "with others between them" in refused.stderr) == (13, True), refused


def test_in_the_same_manner(rehearsed: Project) -> None:
    """One by one and in one transaction are two things; of the latter a part is rehearsed from its beginning alone."""
    refused = up(rehearsed, "--single-transaction")
    assert refused.code == 13
    assert "one by one, not in one transaction" in refused.stderr
    assert "hint: bin/migrate plan --trace --single-transaction" in refused.stderr
    report(rehearsed).unlink()
    together = rehearsed.run("migrate", "plan", "--trace", "--single-transaction")
    assert together.code == 0
    assert "all in one transaction" in together.stdout
    assert "in one transaction, not one by one" in up(rehearsed).stderr
    assert up(rehearsed, "--single-transaction", "--to", "001").code == 0
    assert up(rehearsed, "--single-transaction").code == 13
    assert rehearsed.run("migrate", "plan", "--trace", "--single-transaction").code == 0
    assert up(rehearsed, "--single-transaction").code == 0


def test_another_folder_of_backups(rehearsed: Project) -> None:
    """`--backups-dir`: where a trace is kept, and where it is looked for; without it there is none."""
    (rehearsed.folder / "backups").rename(rehearsed.folder / "former")
    assert rehearsed.run("migrate", "plan", "--trace", "--backups-dir", "elsewhere").code == 0
    assert up(rehearsed).code == 13
    assert up(rehearsed, "--backups-dir", "elsewhere").code == 0


OTHER_FILES = {
    "001_a.up.sql": ("create table a (id int); -- edited", "the file of version 001 was changed"),
    "002_b.down.sql": ("drop table b cascade;", "the file of version 002 was changed"),
    "003_c.up.sql": ("create table c (id int);", "version 003 was not in it"),
}
"""What is written into a file in place of what the trace ran, and what is told."""


def test_other_files(rehearsed: Project, database: Database, connect: Connect) -> None:
    """Exit 13, told what differs, and nothing has changed; put back as they were, they run."""
    for name, (text, says) in OTHER_FILES.items():
        path = rehearsed.folder / "migrations" / name
        before = path.read_text() if path.exists() else None
        rehearsed.write(f"migrations/{name}", text)
        refused = up(rehearsed)
        assert (refused.code, says in refused.stderr) == (13, True), refused
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
    assert connect(database).execute("select to_regclass('a')").fetchone() == (None,)
    assert up(rehearsed).code == 0


def test_another_schema(rehearsed: Project, database: Database, connect: Connect) -> None:
    """Somebody made a table since."""
    connect(database).execute("create table other (id int)")
    refused = up(rehearsed)
    assert refused.code == 13
    assert "the schema was another one" in refused.stderr


def test_one_that_did_not_pass(rehearsed: Project) -> None:
    """It says so in the file."""
    data = json.loads(report(rehearsed).read_text())
    report(rehearsed).write_text(json.dumps({**data, "passed": False}))
    refused = up(rehearsed)
    assert refused.code == 13
    assert "it did not pass" in refused.stderr


DAMAGED = (
    b"",
    b"[]",
    b'{"form": 1',
    b'{"form": 2}',
    b'{"form": 1, "passed": true, "files": []}',
    b'{"form": 1, "passed": true, "single_transaction": false, "files": [1]}',
    b'{"form": 1, "passed": true, "single_transaction": false, "files": [], "at": "2026-01-01", "target": ""}',
    b"[" * 100_000,
    b"\xff",
)


def test_damaged_reports(rehearsed: Project) -> None:
    """Told, and ignored: exit 13 as if there were none."""
    for content in DAMAGED:
        report(rehearsed).write_bytes(content)
        refused = up(rehearsed)
        assert refused.code == 13
        assert "is not considered: it is damaged" in refused.stderr
        assert "no trace" in refused.stderr


def test_required_by_the_project(rehearsed: Project, database: Database) -> None:
    """`require-rehearsal = true`; a development database needs none, and down never does."""
    rehearsed.write("pyproject.toml", "[tool.dbops]\nrequire-rehearsal = true\n")
    path = report(rehearsed)
    text = path.read_text()
    path.unlink()
    assert rehearsed.run("migrate", "up").code == 13
    assert rehearsed.run("migrate", "goto", "001").code == 13
    path.write_text(text)
    assert rehearsed.run("migrate", "up").code == 0
    assert down(rehearsed, database, "2").code == 0
    path.unlink()
    superuser_sql(database, f"comment on database {database.name} is 'environment=development'")
    assert rehearsed.run("migrate", "up").code == 0


def test_old_reports(rehearsed: Project) -> None:
    """The next trace removes those of applied migrations, after a month, with their pages; what is pending keeps its own."""
    assert up(rehearsed, "--to", "001").code == 0
    first = report(rehearsed)
    for at, versions in (("20260101T000000Z", ["001"]), ("20260102T000000Z", ["001", "002"])):
        data = json.loads(first.read_text())
        files = [one for one in data["files"] if one["version"] in versions]
        data.update(at="2026-01-01T00:00:00+00:00", files=files)
        first.with_name(f"{at}-old.json").write_text(json.dumps(data))
        first.with_name(f"{at}-old.html").write_text("")
    traced = rehearsed.run("migrate", "plan", "--trace")
    assert "removed 1 trace older than 30 days" in traced.stderr
    left = [one.name for one in first.parent.iterdir() if "-old" in one.name]
    assert sorted(left) == ["20260102T000000Z-old.html", "20260102T000000Z-old.json"]
    assert first.exists()
