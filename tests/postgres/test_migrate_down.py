"""`migrate down`, `goto` and `redo`, and what protects a database from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import (
    applied,
    dump,
    events,
    on_terminal,
    ran,
    single,
    states,
    tables,
    write_tables,
)
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


@pytest.mark.parametrize(
    ("argv", "left"),
    [
        (("down",), ["001", "002"]),
        (("down", "2"), ["001"]),
        (("down", "--steps", "2"), ["001"]),
        (("down", "--to", "1"), ["001"]),
        (("down", "--to", "0"), []),
        (("down", "--through", "2"), ["001"]),
        (("goto", "2"), ["001", "002"]),
        (("goto", "0"), []),
        (("goto", "head"), ["001", "002", "003"]),
    ],
)
def test_down_as_far_as_asked(
    abc_dev: Project, database: Database, connect: Connect, argv: tuple[str, ...], left: list[str]
) -> None:
    """The newest first, as many as asked; `goto` a version below undoes all above it."""
    ran(abc_dev, "up")
    ran(abc_dev, *argv)
    connection = connect(database)
    assert applied(connection) == left
    assert tables(connection) == [{"001": "a", "002": "b", "003": "c"}[version] for version in left]


def test_down_runs_the_newest_first_and_logs_it(
    abc_dev: Project, database: Database, connect: Connect
) -> None:
    """`down 2`: the plan, then both, 003 before 002; the log keeps every event."""
    ran(abc_dev, "up")
    outcome = ran(abc_dev, "down", "2")
    assert [line.split(":")[0] for line in outcome.stderr.splitlines()[1:3]] == [
        "  down 003 c",
        "  down 002 b",
    ]
    assert "from 003_c.sql" in outcome.stderr
    assert outcome.stdout == f"down: 2 done; {database.name} is at 001 a\n"
    assert events(connect(database))[-2:] == [("reverted", "003"), ("reverted", "002")]


def test_down_with_nothing_applied_does_nothing(abc_dev: Project) -> None:
    """An empty database: nothing to do, exit 0, with the reasons."""
    assert ran(abc_dev, "down").stdout.startswith("down: nothing to do")
    assert ran(abc_dev, "goto", "0").stdout.startswith("goto: nothing to do")


def test_goto_up_and_back(abc_dev: Project, database: Database, connect: Connect) -> None:
    """`goto` takes the database to a version, from below as from above; there already, nothing is done."""
    ran(abc_dev, "goto", "2")
    assert applied(connect(database)) == ["001", "002"]
    ran(abc_dev, "goto", "001")
    assert applied(connect(database)) == ["001"]
    assert ran(abc_dev, "goto", "1").stdout.startswith("goto: nothing to do")


@pytest.mark.parametrize(
    ("argv", "again"),
    [
        (("redo",), ["003"]),
        (("redo", "2"), ["002", "003"]),
        (("redo", "--through", "1"), ["001", "002", "003"]),
    ],
)
def test_redo(
    abc_dev: Project, database: Database, connect: Connect, argv: tuple[str, ...], again: list[str]
) -> None:
    """The newest are undone and applied again, as their files are now."""
    ran(abc_dev, "up")
    abc_dev.write("migrations/003_c.sql", single("CREATE TABLE changed (id int);", "DROP TABLE changed;"))
    outcome = ran(abc_dev, *argv, "--json")
    assert [step["version"] for step in outcome.json["steps"]] == [*reversed(again), *again]
    connection = connect(database)
    assert tables(connection) == ["a", "b", "changed"]
    assert states(abc_dev) == dict.fromkeys(("001", "002", "003"), "applied")


def test_redo_of_one_whose_file_is_gone_is_refused(
    abc_dev: Project, database: Database, connect: Connect
) -> None:
    """It could not be applied again: exit 13, and `down` is offered."""
    ran(abc_dev, "up")
    (abc_dev.folder / "migrations/003_c.sql").unlink()
    outcome = abc_dev.run("migrate", "redo")
    assert outcome.code == 13
    assert "bin/migrate down" in outcome.stderr
    assert tables(connect(database)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "argv", [("down",), ("goto", "1"), ("redo",), ("down", "--to", "0"), ("rollback", "2")]
)
def test_a_dry_run_down_changes_nothing_and_needs_no_confirmation(
    abc: Project, database: Database, argv: tuple[str, ...]
) -> None:
    """The plan alone, also on a database that is not marked."""
    ran(abc, "up")
    before = dump(database)
    outcome = ran(abc, *argv, "--dry-run")
    assert "down 003 c: 1 statement, one transaction, from 003_c.sql" in outcome.stdout
    assert dump(database) == before


# -- protection --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argv", [("down",), ("goto", "1"), ("redo",), ("downgrade", "base"), ("rollback", "1")]
)
def test_an_unmarked_database_asks_for_its_name(
    abc: Project, database: Database, connect: Connect, argv: tuple[str, ...]
) -> None:
    """Exit 13 without a confirmation or with another name, the plan shown; with the name it is done."""
    ran(abc, "up")
    refused = abc.run("migrate", *argv)
    assert refused.code == 13
    assert f"--confirm {database.name}" in refused.stderr
    assert f"DBOPS_CONFIRM={database.name}" in refused.stderr
    assert "  down 003 c" in refused.stderr
    other = abc.run("migrate", *argv, "--confirm", "staging")
    assert other.code == 13
    assert "'staging' (option --confirm)" in other.stderr
    assert tables(connect(database)) == ["a", "b", "c"]
    ran(abc, *argv, "--confirm", database.name)


def test_the_environment_confirms_too(abc: Project, database: Database, connect: Connect) -> None:
    """DBOPS_CONFIRM with the name allows it; in .env it does not count."""
    ran(abc, "up")
    abc.write(".env", f"DBOPS_CONFIRM={database.name}\n")
    assert abc.run("migrate", "down").code == 13
    ran(abc, "down", environ={"DBOPS_CONFIRM": database.name})
    assert applied(connect(database)) == ["001", "002"]


def test_refusal_as_json(abc: Project) -> None:
    """The last line is the error with its code and its hint."""
    ran(abc, "up")
    outcome = abc.run("migrate", "down", "--json")
    assert outcome.code == 13
    assert outcome.json["type"] == "error"
    assert outcome.json["code"] == 13
    assert "--confirm" in outcome.json["hint"]


def test_the_mark_must_be_a_line_of_its_own(abc: Project, database: Database, connect: Connect) -> None:
    """A comment that only speaks of development is no mark; beside other lines the mark counts."""
    ran(abc, "up")
    admin = connect(database)
    admin.execute(f"COMMENT ON DATABASE \"{database.name}\" IS 'not environment=development'")
    assert abc.run("migrate", "down").code == 13
    admin.execute(f"COMMENT ON DATABASE \"{database.name}\" IS E'ours\\nenvironment=development'")
    ran(abc, "down")


# -- where the down section comes from ---------------------------------------------------------------------------------


def test_down_after_a_branch_switch(abc_dev: Project, database: Database, connect: Connect) -> None:
    """The file is gone: the version is missing, the plan names the stored section, and down runs it."""
    ran(abc_dev, "up")
    (abc_dev.folder / "migrations/003_c.sql").unlink()
    assert states(abc_dev)["003"] == "missing"
    assert "from the stored down section" in ran(abc_dev, "down", "--dry-run").stdout
    ran(abc_dev, "down")
    assert tables(connect(database)) == ["a", "b"]
    assert list(states(abc_dev)) == ["001", "002"]


def test_down_of_a_file_that_was_edited_since(abc_dev: Project, database: Database, connect: Connect) -> None:
    """Its up section means something else now: the section that was stored undoes what was applied."""
    ran(abc_dev, "up")
    abc_dev.write("migrations/003_c.sql", single("CREATE TABLE other ();", "DROP TABLE other;"))
    assert "from the stored down section" in ran(abc_dev, "down", "--dry-run").stdout
    ran(abc_dev, "down")
    assert tables(connect(database)) == ["a", "b"]


def test_a_mended_down_section_is_used(abc_dev: Project, database: Database, connect: Connect) -> None:
    """Only the down section was edited: that is no drift, and the file's own section runs."""
    abc_dev.write("migrations/003_c.sql", single("CREATE TABLE c ();", "DROP TABLE wrong;"))
    ran(abc_dev, "up")
    assert abc_dev.run("migrate", "down").code == 1
    abc_dev.write("migrations/003_c.sql", single("CREATE TABLE c ();", "DROP TABLE c;"))
    assert states(abc_dev)["003"] == "applied"
    ran(abc_dev, "down")
    assert tables(connect(database)) == ["a", "b"]


@pytest.mark.parametrize(
    "text", [single("CREATE TABLE d ();"), single("CREATE TABLE d ();", "  \n-- nothing")]
)
def test_without_a_down_section(abc_dev: Project, database: Database, connect: Connect, text: str) -> None:
    """None, or an empty one: refused before anything is undone, with two ways out, of which `mark` works."""
    abc_dev.write("migrations/004_d.sql", text)
    ran(abc_dev, "up")
    outcome = abc_dev.run("migrate", "down", "2")
    assert outcome.code == 1
    assert "version 004 (d) has no down section" in outcome.stderr
    assert "bin/migrate mark 004 --not-applied" in outcome.stderr
    connection = connect(database)
    assert tables(connection) == ["a", "b", "c", "d"]
    connection.execute("DROP TABLE d")
    (abc_dev.folder / "migrations/004_d.sql").unlink()
    assert "bring its file back, with one" in abc_dev.run("migrate", "down").stderr
    ran(abc_dev, "mark", "004", "--not-applied")
    assert applied(connection) == ["001", "002", "003"]


def test_a_down_that_fails_leaves_what_was_there(
    abc_dev: Project, database: Database, connect: Connect
) -> None:
    """The second statement fails: nothing is undone, the row stays, and the failure is in the log."""
    abc_dev.write("migrations/003_c.sql", single("CREATE TABLE c ();", "DROP TABLE c;\nDROP TABLE nosuch;"))
    ran(abc_dev, "up")
    outcome = abc_dev.run("migrate", "down")
    assert outcome.code == 1
    assert '003_c.sql:7:1: table "nosuch" does not exist' in outcome.stderr
    assert "run bin/migrate down again" in outcome.stderr
    connection = connect(database)
    assert tables(connection) == ["a", "b", "c"]
    assert events(connection, "action, direction, sqlstate, statement_number")[-1] == (
        "failed",
        "down",
        "42P01",
        2,
    )


def test_a_folder_per_migration(configured: Project) -> None:
    """The plan names the file with its folder, since all of them have one name."""
    for version in ("1_a", "2_b"):
        configured.write(f"migrations/{version}/up.sql", f"CREATE TABLE t{version} ();")
        configured.write(f"migrations/{version}/down.sql", f"DROP TABLE t{version};")
    ran(configured, "up")
    planned = ran(configured, "down", "--steps", "2", "--dry-run").stdout
    assert [line.rpartition(", from ")[2] for line in planned.splitlines()[1:]] == [
        "2_b/down.sql",
        "1_a/down.sql",
    ]


def test_pairs_of_files(project: Project, database: Database, connect: Connect) -> None:
    """`.up.sql` and `.down.sql`: up, down, and down again once the files are gone."""
    project.use(database)
    project.write("migrations/1_a.up.sql", "CREATE TABLE a ();")
    project.write("migrations/1_a.down.sql", "DROP TABLE a;")
    connection = connect(database)
    ran(project, "up")
    assert "from 1_a.down.sql" in ran(project, "down", "--dry-run").stdout
    ran(project, "down", "--confirm", database.name)
    assert tables(connection) == []
    ran(project, "up")
    for path in (project.folder / "migrations").iterdir():
        path.unlink()
    write_tables(project, "z")
    (project.folder / "migrations/001_z.sql").rename(project.folder / "migrations/9_z.sql")
    ran(project, "down", "--confirm", database.name)
    assert tables(connection) == []


# -- asked on a terminal -----------------------------------------------------------------------------------------------


def test_on_a_terminal_the_name_is_asked_for(abc: Project, database: Database, connect: Connect) -> None:
    """Another answer than the database's name, "yes" included, changes nothing; the name does it."""
    ran(abc, "up")
    code, shown = on_terminal(abc, "yes", "down")
    assert code == 13
    assert "down 003 c" in shown
    assert "Type the name" in shown
    assert "nothing was changed" in shown
    assert applied(connect(database)) == ["001", "002", "003"]
    code, _ = on_terminal(abc, database.name, "down")
    assert code == 0
    assert applied(connect(database)) == ["001", "002"]
