"""Where `plan --trace`, `verify` and `diff` make scratch databases when they may make none beside the database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import Outcome, Project
from tests.postgres.rounds import superuser_sql, superuser_url
from tests.postgres.scratching import allow_databases, give_private_server
from tests.servers import Database, Server

pytestmark = pytest.mark.one_major


@pytest.fixture
def barred(project: Project, database: Database) -> Iterator[Project]:
    """One migration is applied; the role may make no databases.

    Its server goes by another name than the private one, although it is the same.
    """
    with tempfile.TemporaryDirectory(prefix="dbops-") as folder:
        link = Path(folder, "s")
        link.symlink_to(database.server.socket_dir)
        project.environ["DATABASE_URL"] = (
            f"postgresql://{database.user}:{quote(database.password)}@/{database.name}"
            f"?host={quote(str(link), safe='')}&port={database.server.port}"
        )
        pair(project, "001_a", "create table a (id int primary key);", "drop table a;")
        assert project.run("migrate", "up").code == 0
        yield project


def pair(project: Project, name: str, up: str, down: str) -> None:
    project.write(f"migrations/{name}.up.sql", up)
    project.write(f"migrations/{name}.down.sql", down)


def run(project: Project, *words: str, code: int = 0) -> Outcome:
    outcome = project.run("migrate", *words, "--json")
    assert outcome.code == code, outcome
    return outcome


def test_on_the_private_server(barred: Project, database: Database) -> None:
    """All three say so in a line and in the result; a rehearsal counts as any other."""
    give_private_server(barred, database.server)
    barred.write("goal.sql", "create table a (id int primary key, note text);")
    diff = run(barred, "diff", "--to", "goal.sql", "--dry-run")
    pair(barred, "002_b", "create table b (id int);", "drop table b;")
    trace = run(barred, "plan", "--trace")
    for outcome in (diff, trace, run(barred, "verify")):
        assert any("may make no databases on" in event.get("text", "") for event in outcome.events), outcome
    assert (diff.json["scratch"], diff.json["verified"]) == ("private", True)
    assert (trace.json["trace"]["scratch"], trace.json["trace"]["passed"]) == ("private", True)
    pair(barred, "003_role", "create role dbops_scratch_role;", "drop role dbops_scratch_role;")
    beyond = run(barred, "plan", "--trace", code=3)
    assert "reaches beyond the scratch database" in beyond.json["message"]
    assert barred.run("migrate", "up", "--require-rehearsal", "--to", "002").code == 0


def test_where_there_is_none(barred: Project, other_servers: tuple[Server, ...]) -> None:
    """No private server, or one of another version: exit 13, told why, and what helps."""
    pair(barred, "002_b", "create table b (id int);", "drop table b;")
    alone = run(barred, "plan", "--trace", code=13).json
    assert "the project has no private server" in alone["message"]
    assert "--scratch-url" in alone["hint"]
    give_private_server(barred, other_servers[0])
    for words in (("plan", "--trace"), ("verify",)):
        assert (
            f"is of PostgreSQL {other_servers[0].major}, not" in run(barred, *words, code=13).json["message"]
        )
    (barred.folder / "migrations/002_b.up.sql").unlink()
    (barred.folder / "migrations/002_b.down.sql").unlink()
    barred.write("goal.sql", "create table a (id int primary key, note text);")
    refused = run(barred, "diff", "--to", "goal.sql", code=13).json
    assert "--scratch-url" in refused["hint"]


def test_production(barred: Project, database: Database) -> None:
    """A database that is marked as production is not worked beside, though the role might; somewhere named it is."""
    allow_databases(database)
    superuser_sql(database, f"comment on database {database.name} is 'environment=production'")
    assert "is marked as production" in run(barred, "verify", "--all", code=13).json["message"]
    named = ("--scratch-url", superuser_url(database))
    assert run(barred, "verify", "--all", *named).json["scratch"] == "named"
    barred.write("goal.sql", "create table a (id int primary key, note text);")
    assert run(barred, "diff", "--to", "goal.sql", "--dry-run", *named).json["scratch"] == "named"
    give_private_server(barred, database.server)
    assert run(barred, "verify", "--all").json["scratch"] == "private"


def test_a_wrong_url(barred: Project) -> None:
    """It is told of the option that was given."""
    wrong = run(barred, "verify", "--scratch-url", "postgresql://h:x/y", code=5).json
    assert "the URL from option --scratch-url" in wrong["message"]
