"""`bin/migrate diff`: from the database's schema to another one, by a migration that is verified before it is written."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.differing import HERE, THERE, diff, files, found, scratches
from tests.postgres.migrating import on_terminal, ran, single, states
from tests.postgres.rounds import superuser_sql
from tests.postgres.scratching import allow_databases
from tests.servers import Database
from tests.watching import until

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]


def test_to_a_file_and_back(started: Project, database: Database) -> None:
    """The migration is written, runs up to the file's schema and down to where it was; no scratch database stays."""
    started.write("there.sql", THERE)
    outcome = diff(started, "there.sql", "add_age")
    assert "wrote migrations/002_add_age.sql" in outcome.stdout
    assert "verified: up and down were run" in outcome.stdout
    ran(started, "up")
    assert "no difference" in diff(started, "there.sql").stdout
    started.write("before.sql", HERE)
    diff(started, "before.sql", "--check", code=3)
    ran(started, "down")
    (started.folder / "migrations/002_add_age.sql").unlink()
    assert "no difference" in diff(started, "before.sql", "--check").stdout
    assert scratches(database) == []


def test_nothing_is_written_without_need(started: Project) -> None:
    """No difference is exit 0; --check exits 3 with the objects, --dry-run shows the file; none writes."""
    started.write("here.sql", HERE)
    told = found(started, "here.sql")
    assert (told["differences"], told["written"], told["files"]) == ([], False, [])
    started.write("there.sql", THERE)
    checked = found(started, "there.sql", "--check", code=3)
    assert [(one["object"], one["change"]) for one in checked["differences"]] == [
        ("index public.person_age", "is only there"),
        ("table public.person", "differs"),
    ]
    shown = diff(started, "there.sql", "--dry-run").stdout
    assert "would write migrations/002_change_schema.sql" in shown
    assert "CREATE INDEX person_age" in shown
    assert files(started) == {"001_start.sql"}


def test_what_is_pending_comes_first(started: Project) -> None:
    """A database that is behind its folder is exit 3 with the hint to run up."""
    started.write("migrations/002_b.sql", single("CREATE TABLE b ();"))
    started.write("there.sql", THERE)
    outcome = diff(started, "there.sql", code=3)
    assert "1 migration pending, the first is 002 b" in outcome.stderr
    assert "bin/migrate up" in outcome.stderr or "dbops migrate up" in outcome.stderr


def test_the_first_migration_of_all(configured: Project, database: Database) -> None:
    """Where there is no migration yet, the first one is made; dbops' own tables are no part of either schema."""
    allow_databases(database)
    configured.write("there.sql", f"{THERE} CREATE TABLE schema_migrations_old ();")
    told = found(configured, "there.sql")
    assert told["files"] == ["migrations/001_change_schema.sql"]
    ran(configured, "up")
    assert found(configured, "there.sql")["differences"] == []


def test_revisions_of_alembic_come_first(configured: Project, database: Database) -> None:
    """Where none of them is rendered yet, no migration is written before them; exit 5, with the command."""
    allow_databases(database)
    configured.write("alembic.ini", "[alembic]\nscript_location = alembic\n")
    configured.write("alembic/versions/a1_first.py", 'revision = "a1"\ndown_revision = None\n')
    configured.write("there.sql", THERE)
    outcome = diff(configured, "there.sql", code=5)
    assert "are not rendered into it yet" in outcome.stderr
    assert "bin/migrate adopt" in outcome.stderr


def test_a_way_back_that_cannot_be_made(started: Project, connect: Connect, database: Database) -> None:
    """No statement takes an index from its parent again: the way back is not taken for verified, and nothing is written."""
    made = "CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
    connect(database).execute(f"{made} CREATE INDEX pi ON ONLY p (a)")
    started.write("there.sql", f"{HERE} {made} CREATE INDEX pi ON p (a);")
    outcome = diff(started, "there.sql", code=3)
    assert "does not lead back exactly" in outcome.stderr
    assert "cannot drop index p1_a_idx because index pi requires it" in outcome.stdout
    assert files(started) == {"001_start.sql"}


def test_destructive_steps_are_marked(started: Project) -> None:
    """A comment above the statement, a warning, and the word in --json."""
    started.write("there.sql", "CREATE TABLE person (id int PRIMARY KEY);")
    told = found(started, "there.sql", "--no-rename", "--dry-run")
    assert ["person.name" in (one["destructive"] or "") for one in told["up"]] == [True]
    outcome = diff(started, "there.sql", "--no-rename", "drop_name")
    assert "DESTRUCTIVE" in outcome.stderr
    lines = (started.folder / "migrations/002_drop_name.sql").read_text().splitlines()
    at = next(index for index, line in enumerate(lines) if "drop column" in line)
    assert lines[at - 1].startswith("-- DESTRUCTIVE: ")


def test_renames_are_asked(started: Project, connect: Connect, database: Database) -> None:
    """Without a terminal both spellings are told with exit 3; --rename keeps the rows, --no-rename drops."""
    connect(database).execute("INSERT INTO person VALUES (1, 'Ada')")
    started.write("there.sql", "CREATE TABLE person (id int PRIMARY KEY, full_name text NOT NULL);")
    outcome = diff(started, "there.sql", code=3)
    assert "--rename public.person.name=full_name" in outcome.stderr
    assert "--no-rename" in outcome.stderr
    assert files(started) == {"001_start.sql"}
    short = diff(started, "there.sql", "--rename", "person.name=full_name", code=3)
    assert "none of them is --rename person.name=full_name" in short.stderr
    wrong = diff(started, "there.sql", "--no-rename", "--rename", "public.person.id=x", code=2)
    assert "possible here: public.person.name=full_name" in wrong.stderr
    told = found(started, "there.sql", "--rename", "public.person.name=full_name", "rename")
    assert told["renames"] == ["public.person.name=full_name"]
    assert not any(one["destructive"] for one in told["up"])
    ran(started, "up")
    assert connect(database).execute("SELECT full_name FROM person").fetchall() == [("Ada",)]
    ran(started, "down")
    assert connect(database).execute("SELECT name FROM person").fetchall() == [("Ada",)]


HOSTILE = {
    "\\! touch pwned": "\\! is a command of psql",
    "\\connect postgres": "\\connect is a command of psql",
    "COPY person FROM PROGRAM 'touch pwned';": "reaches beyond",
    "COPY (SELECT 1) TO '/tmp/x';": "reaches beyond",
    "CREATE ROLE evil;": "reaches beyond",
    "DROP DATABASE postgres;": "reaches beyond",
    "ALTER SYSTEM SET port = 1;": "reaches beyond",
}


def test_a_hostile_file(started: Project, database: Database) -> None:
    """What would act outside of the scratch database is refused with its line before anything runs; nothing stays."""
    for statement, says in HOSTILE.items():
        started.write("there.sql", f"CREATE TABLE a ();\n{statement}\n")
        outcome = started.run("migrate", "diff", "--to", "there.sql")
        assert outcome.code in {1, 13}
        assert f"there.sql:2:1: {says}" in outcome.stderr
    assert files(started) == {"001_start.sql"}
    assert scratches(database) == []


def test_a_file_that_does_not_run(started: Project) -> None:
    """The place in the file, and the server's words."""
    started.write("there.sql", "CREATE TABLE a ();\n\n  CREATE TABLE b (x nothing);\n")
    assert 'there.sql:3:3: type "nothing" does not exist' in diff(started, "there.sql", code=1).stderr
    columns = "".join(f"  a{number} int,\n" for number in range(20))
    started.write("there.sql", f"CREATE TABLE wide (\n{columns}  bad nothing,\n  z int);\n")
    said = diff(started, "there.sql", code=1).stderr
    assert "CREATE TABLE wide (\n...\n" in said
    assert "  a19 int,\n  bad nothing,\n..." in said


def test_privileges_of_unknown_roles_are_told(started: Project) -> None:
    """A grant to a role that this server does not have is left out, and said."""
    started.write("there.sql", f"{THERE} GRANT SELECT ON person TO nobody_of_that_name;")
    (said,) = found(started, "there.sql", "grants")["unseen"]
    assert "nobody_of_that_name" in said
    assert "nobody_of_that_name" in (started.folder / "migrations/002_grants.sql").read_text()


def test_a_role_that_makes_no_databases(configured: Project) -> None:
    """Refused with the command that lets it."""
    configured.write("there.sql", THERE)
    outcome = diff(configured, "there.sql", code=13)
    assert "CREATEDB" in outcome.stderr


def test_no_target(started: Project) -> None:
    """Exit 2 with what there is."""
    for to in ("nowhere.sql", "migrations", "sqlite:///a.db", "models:app", "git:"):
        assert "hint:" in diff(started, to, code=2).stderr


def test_killed_and_run_again(started: Project, database: Database) -> None:
    """The scratch databases of a killed run are dropped by the next one."""
    started.write("there.sql", f"{THERE} SELECT pg_sleep(60);")
    child = started.popen("migrate", "diff", "--to", "there.sql")
    until(lambda: len(scratches(database)) == 2, "both scratch databases")
    child.send_signal(signal.SIGKILL)
    child.wait()
    superuser_sql(
        database,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE usename = '{database.user}' AND pid <> pg_backend_pid()",
    )
    assert len(scratches(database)) == 2
    started.write("there.sql", THERE)
    assert "which an interrupted run had left" in diff(started, "there.sql", "--check", code=3).stderr
    assert scratches(database) == []


def test_two_at_once(started: Project, database: Database) -> None:
    """They take turns: one writes the migration, for the other it is pending."""
    started.write("there.sql", THERE)
    children = [started.popen("migrate", "diff", "--to", "there.sql") for _ in range(2)]
    assert sorted(child.wait(timeout=60) for child in children) == [0, 3]
    assert files(started) == {"001_start.sql", "002_change_schema.sql"}
    assert states(started) == {"001": "applied", "002": "pending"}
    assert scratches(database) == []


@pytest.mark.parametrize(("answer", "kept"), [("y\n", True), ("n\n", False)])
def test_renames_on_a_terminal(started: Project, answer: str, kept: bool) -> None:
    """Each possible one is asked; a no makes it a drop and an addition."""
    started.write("there.sql", "CREATE TABLE person (id int PRIMARY KEY, full_name text NOT NULL);")
    code, said = on_terminal(started, answer, "diff", "--to", "there.sql", "other")
    assert (code, "was column public.person.name renamed to full_name? [y/N]" in said) == (0, True)
    text = (started.folder / "migrations/002_other.sql").read_text()
    assert ("RENAME COLUMN" in text.upper()) is kept
    assert ("DESTRUCTIVE" in text) is not kept
