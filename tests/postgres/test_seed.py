"""`bin/seed-test-data` as users run it: sets, consent, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Project
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


@pytest.fixture
def seeded(configured: Project, database: Database, connect: Connect) -> Project:
    """A project with a table and two sets for it; the database is not marked."""
    connect(database).execute("create table people (id int primary key, name text not null unique)")
    configured.write("seeds/dev/people.csv", "id,name\n1,ann\n2,bob\n")
    configured.write("seeds/dev/set.toml", 'description = "two people"\nnotice = "log in as ann"\n')
    configured.write("seeds/more/people.jsonl", '{"id": 3, "name": "carol"}\n')
    return configured


def people(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute("select id, name from people order by id").fetchall()


def mark(connection: psycopg.Connection[Any], database: Database, comment: str) -> None:
    connection.execute(
        sql.SQL("comment on database {} is {}").format(sql.Identifier(database.name), sql.Literal(comment))
    )


def test_an_unmarked_database_is_not_seeded(seeded: Project, database: Database, connect: Connect) -> None:
    """Exit 13 and no row, for every way of seeding; --confirm with its name lets it through."""
    for words in ([], ["--truncate"], ["--scale", "1"], ["generate"]):
        outcome = seeded.run("seed-test-data", *words)
        assert (outcome.code, f"--confirm {database.name}" in outcome.stderr) == (13, True), (words, outcome)
    assert people(connect(database)) == []
    assert seeded.run("seed-test-data", "--confirm", "another").code == 13
    assert seeded.run("seed-test-data", "--confirm", database.name).code == 0
    assert people(connect(database)) == [(1, "ann"), (2, "bob")]


def test_a_database_marked_as_production_is_never_seeded(
    seeded: Project, database: Database, connect: Connect
) -> None:
    """Not by its name either, and not if it is marked as development, too."""
    connection = connect(database)
    mark(connection, database, "orders\nenvironment=development\nenvironment=production")
    for words in ([], ["--scale", "1"], ["generate"]):
        outcome = seeded.run("seed-test-data", *words, "--confirm", database.name)
        assert (outcome.code, "marked as production" in outcome.stderr) == (13, True), (words, outcome)
    assert people(connection) == []


def test_loading_again_changes_nothing_and_says_so(
    seeded: Project, database: Database, connect: Connect
) -> None:
    """Counts of each kind, by table and in all; the notice is printed each time."""
    mark(connect(database), database, "environment=development")
    first = seeded.run("seed-test-data")
    assert first.stdout == "dev: 2 inserted in 1 table\nlog in as ann\n"
    again = seeded.run("seed-test-data", "--json").json
    assert (again["changed"], again["sets"], again["dry_run"]) == (False, ["dev"], False)
    assert again["tables"] == [{"table": "people", "inserted": 0, "updated": 0, "unchanged": 2, "deleted": 0}]
    seeded.write("seeds/dev/people.csv", "id,name\n1,anna\n2,bob\n")
    assert "1 updated, 1 unchanged" in seeded.run("seed-test-data").stdout
    assert "2 deleted, 1 inserted" in seeded.run("seed-test-data", "more", "--truncate").stdout
    assert people(connect(database)) == [(3, "carol")]


def test_a_dry_run_writes_nothing_and_needs_no_consent(
    seeded: Project, database: Database, connect: Connect
) -> None:
    """It says what would be loaded, and a bad value is found."""
    outcome = seeded.run("seed-test-data", "--dry-run")
    assert (outcome.code, outcome.stdout) == (0, "would load dev: 2 inserted in 1 table\n")
    seeded.write("seeds/dev/people.csv", "id,name\nx,ann\n2,bob\n")
    wrong = seeded.run("seed-test-data", "--dry-run")
    assert (wrong.code, "seeds/dev/people.csv line 2, column id" in wrong.stderr) == (1, True), wrong
    assert people(connect(database)) == []


def test_sets_are_listed_without_a_database(project: Project) -> None:
    """Tables and rows of each; a set that is broken is told, the others are shown, exit 1."""
    assert "no fixture sets" in project.run("seed-test-data", "list").stdout
    project.write("seeds/a/people.csv", "id\n1\n2\n")
    project.write("seeds/a/after.sql", "select 1;\n")
    outcome = project.run("seed-test-data", "list", "--json")
    assert outcome.json["sets"] == [
        {
            "name": "a",
            "description": "",
            "requires": [],
            "generates": False,
            "files": [
                {"file": "seeds/a/people.csv", "table": "people", "rows": 2},
                {"file": "seeds/a/after.sql", "table": None, "rows": None},
            ],
        }
    ]
    project.write("seeds/b/people.json", "[{]")
    project.write("seeds/c/set.toml", "colour = 1\n")
    project.write("seeds/d/set.toml", 'requires = ["c"]\n')
    broken = project.run("seed-test-data", "list")
    assert (broken.code, "seeds/b/people.json" in broken.stderr, "people" in broken.stdout) == (1, True, True)
    for name in "cd":
        assert (
            f"the set {name} cannot be loaded: seeds/c/set.toml: colour means nothing here" in broken.stderr
        )


def test_no_sets_and_unknown_sets(seeded: Project, database: Database) -> None:
    """A folder without sets is exit 5, a set that is not there exit 2, with the names of those that are."""
    outcome = seeded.run("seed-test-data", "--seeds-dir", "migrations", "--confirm", database.name)
    assert (outcome.code, "--seeds-dir" in outcome.stderr) == (5, True), outcome
    outcome = seeded.run("seed-test-data", "nobody", "--confirm", database.name)
    assert (outcome.code, "dev, more" in outcome.stderr) == (2, True), outcome


def test_demo_data_want_the_engines_schema(seeded: Project, database: Database) -> None:
    """In any other database the tables that are missing are told, whatever else was asked for."""
    for words in ([], ["--truncate"], ["--fast"], ["--dry-run"]):
        outcome = seeded.run("seed-test-data", "--scale", "1", *words, "--confirm", database.name)
        assert (outcome.code, "trading engine's own schema" in outcome.stderr) == (1, True), (words, outcome)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scale", "2", "list"], "--scale is not for list"),
        (["--fast"], "--fast is not for loading sets"),
        (["generate", "--locale", "de_DE"], "--locale is not for generate"),
        (["--scale", "none"], "no whole number"),
        (["--scale", "0"], "below 1"),
        (["--rows", "orders"], "no whole number"),
        (["--rows", "=5"], "names no table"),
        (["--rows", "orders=5", "--rows", "orders=6"], "given twice"),
        (["--scale", "1", "--as-of", "yesterday"], "no time"),
        (["--scale", "1", "--as-of", "0001-01-05"], "years 1980 to 2100"),
        (["generate", "--as-of", "9999-12-31T00:00:00-11:00"], "years 1980 to 2100"),
        (["--rows", "orders=0"], "at least one"),
        (["--scale", "1", "--jobs", "0"], "below 1"),
        (["generate", "--random-seed", "-1"], "below 0"),
    ],
)
def test_wrong_usage(seeded: Project, database: Database, words: list[str], said: str) -> None:
    """Exit 2, one cause, before anything is asked or written."""
    outcome = seeded.run("seed-test-data", *words, "--confirm", database.name)
    assert (outcome.code, said in outcome.stderr) == (2, True), outcome
    assert "database t_" not in outcome.stderr


def test_generate_without_tables(configured: Project, database: Database) -> None:
    """Nothing to fill is exit 1 with the next command, and no set is written."""
    for words in ([], ["--dry-run"], ["--write-set", "start"]):
        outcome = configured.run("seed-test-data", "generate", *words, "--confirm", database.name)
        assert (outcome.code, "bin/migrate up" in outcome.stderr) == (1, True), (words, outcome)
    assert not (configured.folder / "seeds").exists()


def test_generate_fills_writes_a_set_and_loads_it_once(
    seeded: Project, database: Database, connect: Connect
) -> None:
    """Rows for each table; what was decided becomes a set, which fills tables that are empty and no others."""
    confirm = ("--confirm", database.name)
    connection = connect(database)
    dry = seeded.run("seed-test-data", "generate", "--rows", "7", "--dry-run", "--json").json
    assert [(one["table"], one["rows"]) for one in dry["tables"]] == [("people", 7)]
    assert people(connection) == []
    assert seeded.run("seed-test-data", "generate", "--rows", "7", "--write-set", "start").code == 0
    loaded = seeded.run("seed-test-data", "start", *confirm, "--json").json
    assert (loaded["generated"][0]["rows"], len(people(connection))) == (7, 7)
    before = people(connection)
    again = seeded.run("seed-test-data", "start", *confirm)
    assert (again.code, "rows in people already" in again.stdout) == (0, True), again
    assert people(connection) == before
    assert seeded.run("seed-test-data", "start", "--truncate", *confirm).code == 0
    assert people(connection) == before
    more = seeded.run(
        "seed-test-data", "generate", "--rows", "people=5", "--table", "people", *confirm, "--json"
    ).json
    assert (more["rows"], len(people(connection))) == (5, 12)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--table", "peple"], 2, "did you mean people?"),
        (["--truncate"], 2, "--truncate is for sets"),
        (["--write-set", "../x"], 2, "no name for a set"),
        (["--rows", "10", "--rows", "20"], 2, "given twice"),
    ],
)
def test_generate_used_wrongly(
    seeded: Project, database: Database, words: list[str], code: int, said: str
) -> None:
    """One cause, nothing written."""
    outcome = seeded.run("seed-test-data", "generate", *words, "--confirm", database.name)
    assert (outcome.code, said in outcome.stderr) == (code, True), outcome
