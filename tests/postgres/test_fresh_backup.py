"""`migrate up --require-fresh-backup` and `backup-before-migrate`: no migration without a way back."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import mark_as_development, ran, write_tables
from tests.servers import Database


@pytest.fixture
def project_of_two(configured: Project) -> Project:
    """Two pending migrations, a project that says nothing of backups."""
    write_tables(configured, "a", "b")
    return configured


def backups(project: Project) -> list[str]:
    """The names of the backups that are there."""
    rows = project.run("backup", "list", "--json").json["backups"]
    return [row["name"] for row in rows]


def told(database: Database) -> list[tuple[str, bool]]:
    """Of each backup that the event log names: its name, and whether it was taken for this run."""
    with psycopg.connect(database.url) as connection:
        rows = connection.execute(
            "SELECT detail->>'backup', (detail->>'taken')::bool FROM public.schema_migrations_events"
            " WHERE action = 'backed up' ORDER BY id"
        )
        return [(name, taken) for name, taken in rows]


@pytest.mark.one_major
def test_a_backup_is_taken_before_migrations_run(project_of_two: Project, database: Database) -> None:
    """Also before the very first one; the event log has its name; with nothing pending none is taken."""
    ran(project_of_two, "up", "--require-fresh-backup")
    (name,) = backups(project_of_two)
    assert told(database) == [(name, True)]
    ran(project_of_two, "up", "--require-fresh-backup")
    assert backups(project_of_two) == [name]


@pytest.mark.one_major
def test_a_young_backup_is_enough(project_of_two: Project, database: Database) -> None:
    """One of the database as it is migrated now and no older than AGE; after another migration it is not."""
    ran(project_of_two, "up", "1")
    assert project_of_two.run("backup", "mine").code == 0
    ran(project_of_two, "up", "--steps", "1", "--require-fresh-backup", "30min")
    assert told(database) == [("mine", False)]
    project_of_two.write("migrations/003_c.sql", "CREATE TABLE c (id int);")
    ran(project_of_two, "up", "--require-fresh-backup", "30min")
    assert [taken for _, taken in told(database)] == [False, True]


@pytest.mark.one_major
def test_a_part_of_the_database_is_not_enough(project_of_two: Project, database: Database) -> None:
    """A backup of one table, and one without a proof: another is taken each time."""
    ran(project_of_two, "up", "1")
    assert project_of_two.run("backup", "part", "--table", "a").code == 0
    ran(project_of_two, "up", "--require-fresh-backup", "30min")
    assert [taken for _, taken in told(database)] == [True]
    assert project_of_two.run("backup", "unproven", "--proof", "none").code == 0
    project_of_two.write("migrations/003_c.sql", "CREATE TABLE c (id int);")
    ran(project_of_two, "up", "--require-fresh-backup", "30min")
    assert [taken for _, taken in told(database)] == [True, True]


@pytest.mark.one_major
def test_no_backup_no_migration(project_of_two: Project) -> None:
    """The folder of backups cannot be made: the migrations do not run."""
    project_of_two.write("backups", "a file in its place")
    outcome = project_of_two.run("migrate", "up", "--require-fresh-backup")
    assert outcome.code == 5, outcome
    assert "backups" in outcome.stderr
    assert ran(project_of_two, "status", "--json").json["migrations"][0]["state"] == "pending"


@pytest.mark.one_major
def test_a_bare_number_is_asked_back(project_of_two: Project) -> None:
    """`--require-fresh-backup 2` could be two minutes or two migrations."""
    outcome = project_of_two.run("migrate", "up", "--require-fresh-backup", "2")
    assert outcome.code == 2, outcome
    assert "2min" in outcome.stderr


@pytest.mark.one_major
def test_the_project_asks_for_it(project_of_two: Project, database: Database) -> None:
    """`backup-before-migrate` counts on every database but one that is marked as development."""
    project_of_two.write("pyproject.toml", "[tool.dbops]\nbackup-before-migrate = true\n")
    ran(project_of_two, "up", "1")
    assert len(backups(project_of_two)) == 1
    mark_as_development(database)
    ran(project_of_two, "up")
    assert len(backups(project_of_two)) == 1


@pytest.mark.one_major
@pytest.mark.parametrize(("value", "problem"), [("[1]", "true, false"), ('"soon"', "length of time")])
def test_a_wrong_age_in_the_configuration(project_of_two: Project, value: str, problem: str) -> None:
    """Exit 5, with the place."""
    project_of_two.write("pyproject.toml", f"[tool.dbops]\nbackup-before-migrate = {value}\n")
    outcome = project_of_two.run("migrate", "up")
    assert outcome.code == 5, outcome
    assert problem in outcome.stderr
    assert "backup-before-migrate" in outcome.stderr
