"""Two branches that took one number: the later file is renamed, and where it is applied its record moves."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import applied, events, mark_as_development, ran, single, states, tables
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]


def write(project: Project, *names: str) -> None:
    """Files `1_a.sql` and so on, each of which makes the table that it is named after."""
    for name in names:
        table = Path(name).stem.partition("_")[2]
        project.write(f"migrations/{name}", single(f"CREATE TABLE {table} ();", f"DROP TABLE {table};"))


def files(project: Project) -> list[str]:
    """The names in the migrations folder."""
    return sorted(path.name for path in (project.folder / "migrations").iterdir())


def rename(project: Project, old: str, new: str) -> None:
    """As somebody's `migrate renumber` has done elsewhere."""
    (project.folder / "migrations" / old).rename(project.folder / "migrations" / new)


def test_the_developer_whose_migration_is_renumbered(
    configured: Project, database: Database, connect: Connect
) -> None:
    """7_mine is applied here, 7_theirs won: the record of 7 becomes that of 8, and 7_theirs runs after it."""
    mark_as_development(database)
    write(configured, "1_first.sql", "7_mine.sql")
    ran(configured, "up")
    connection = connect(database)
    before = connection.execute(
        "SELECT applied_at, applied_by, execution_time_ms FROM schema_migrations WHERE name = 'mine'"
    ).fetchall()
    write(configured, "7_theirs.sql")
    refused = configured.run("migrate", "status")
    assert refused.code == 5
    assert "two files have version 7" in refused.stderr
    assert "bin/migrate renumber" in refused.stderr
    assert ran(configured, "renumber", "7_mine.sql").stdout.startswith(
        "renamed migrations/7_mine.sql to migrations/8_mine.sql"
    )
    assert states(configured) == {"1": "applied", "7": "pending", "8": "applied"}
    assert "applied as 7" in ran(configured, "status").stdout
    rows = ran(configured, "status", "--json").json["migrations"]
    assert [row["applied_as"] for row in rows] == [None, None, "7"]
    plan = ran(configured, "plan").stdout
    assert "move the record 8 mine: applied as 7\n  up 7 theirs" in plan
    outcome = ran(configured, "up")
    assert "moved the record of 7 mine to 8" in outcome.stderr
    assert applied(connection) == ["1", "7", "8"]
    assert tables(connection) == ["first", "mine", "theirs"]
    after = connection.execute(
        "SELECT applied_at, applied_by, execution_time_ms FROM schema_migrations WHERE name = 'mine'"
    ).fetchall()
    assert after == before
    assert events(connection, "action, version, detail")[-2] == ("renumbered", "8", {"old": "7", "new": "8"})
    ran(configured, "down")
    assert states(configured) == {"1": "applied", "7": "applied", "8": "pending"}
    assert tables(connection) == ["first", "theirs"]


def test_the_other_developer(configured: Project, database: Database, connect: Connect) -> None:
    """Where 7_theirs is applied, 8_mine is pending as any other."""
    write(configured, "7_theirs.sql")
    ran(configured, "up")
    write(configured, "8_mine.sql")
    assert [step["work"] for step in ran(configured, "plan", "--json").json["steps"]] == ["up"]
    ran(configured, "up")
    assert applied(connect(database)) == ["7", "8"]


def test_what_lies_between_the_numbers_is_not_out_of_order(
    configured: Project, database: Database, connect: Connect
) -> None:
    """2_mine became 5: 2, 3 and 4 run without --out-of-order, also when a failure comes between."""
    write(configured, "1_a.sql", "2_mine.sql")
    ran(configured, "up")
    rename(configured, "2_mine.sql", "5_mine.sql")
    write(configured, "2_b.sql", "4_d.sql")
    configured.write("migrations/3_c.sql", "SELECT 1/0;")
    assert configured.run("migrate", "up").code == 1
    connection = connect(database)
    assert applied(connection) == ["1", "2", "5"]
    assert states(configured) == {
        "1": "applied",
        "2": "applied",
        "3": "pending",
        "4": "pending",
        "5": "applied",
    }
    write(configured, "3_c.sql", "0_late.sql")
    refused = configured.run("migrate", "up")
    assert refused.code == 13
    assert "0_late.sql has a lower number" in refused.stderr
    assert "bin/migrate renumber 0" in refused.stderr
    ran(configured, "renumber", "0")
    ran(configured, "up")
    assert applied(connection) == ["1", "2", "3", "4", "5", "6"]


def test_a_chain_of_renumbered_migrations(configured: Project, database: Database, connect: Connect) -> None:
    """7 and 8 became 8 and 9, with a header that changed: both records move, though each new number is taken."""
    mark_as_development(database)
    configured.write("migrations/7_a.sql", "-- Migration: 7_a\nCREATE TABLE a ();")
    write(configured, "8_b.sql")
    ran(configured, "up")
    rename(configured, "8_b.sql", "9_b.sql")
    ran(configured, "renumber", "7", "--to", "8")
    assert (configured.folder / "migrations" / "8_a.sql").read_text().startswith("-- Migration: 8_a\n")
    write(configured, "7_theirs.sql")
    assert configured.run("migrate", "up", "--check").code == 3
    ran(configured, "up", "--single-transaction")
    connection = connect(database)
    rows = connection.execute("SELECT version, name FROM schema_migrations ORDER BY sort_key").fetchall()
    assert rows == [("7", "theirs"), ("8", "a"), ("9", "b")]
    assert ran(configured, "up").stdout.startswith("up: nothing to do")


def test_only_the_record_is_to_be_moved(configured: Project, database: Database, connect: Connect) -> None:
    """Nothing is pending but a record: --check says so, up moves it, and the current version is the new one."""
    write(configured, "1_a.sql")
    ran(configured, "up")
    rename(configured, "1_a.sql", "4_a.sql")
    outcome = configured.run("migrate", "up", "--check")
    assert (outcome.code, "1 record to move" in outcome.stderr) == (3, True)
    assert ran(configured, "up").stdout.endswith("is at 4 a\n")
    assert applied(connect(database)) == ["4"]


def test_what_is_alike_is_not_taken_for_renumbered(configured: Project, database: Database) -> None:
    """Two pending files with the SQL of a row whose file is gone, none with its name: it stays missing."""
    configured.write("migrations/1_a.sql", "SELECT 1;")
    ran(configured, "up")
    (configured.folder / "migrations" / "1_a.sql").unlink()
    configured.write("migrations/2_b.sql", "SELECT 1;")
    configured.write("migrations/3_c.sql", "SELECT 1;")
    assert states(configured) == {"1": "missing", "2": "pending", "3": "pending"}
    rename(configured, "3_c.sql", "3_a.sql")
    assert states(configured) == {"2": "pending", "3": "applied"}


def test_git_tells_which_came_first(project: Project) -> None:
    """What is not committed came later; no database is asked, and --to chooses the number."""
    write(project, "1_b.sql")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", "x")):
        subprocess.run(["git", *words], cwd=project.folder, env=project.environ, check=True)
    write(project, "1_a.sql")
    assert ran(project, "renumber", "--to", "5").stdout.startswith(
        "renamed migrations/1_a.sql to migrations/5_a.sql"
    )
    assert files(project) == ["1_b.sql", "5_a.sql"]


def test_the_database_tells_which_came_first(configured: Project) -> None:
    """Without git: the one that is not applied here is renamed; where neither is, the files are asked for."""
    write(configured, "1_a.sql")
    ran(configured, "up")
    write(configured, "1_0.sql", "2_x.sql", "2_y.sql")
    outcome = configured.run("migrate", "renumber")
    assert outcome.code == 2
    assert "neither git nor the database can tell: migrations/2_x.sql or migrations/2_y.sql" in outcome.stderr
    planned = ran(configured, "renumber", "1", "--dry-run", "--json").json
    assert (planned["changed"], planned["renumbered"][0]["name"]) == (False, "0")
    ran(configured, "renumber", "1")
    ran(configured, "renumber", "migrations/2_x.sql")
    assert files(configured) == ["1_a.sql", "2_y.sql", "3_0.sql", "4_x.sql"]
    assert "nothing to do" in ran(configured, "renumber").stdout


def test_a_drifted_file_stays_drifted(configured: Project) -> None:
    """A change of an applied file is no renumbering, whatever is pending."""
    write(configured, "1_a.sql")
    ran(configured, "up")
    write(configured, "2_b.sql")
    configured.write("migrations/1_a.sql", "CREATE TABLE other ();")
    assert states(configured) == {"1": "drifted", "2": "pending"}
    assert configured.run("migrate", "up").code == 3


def test_a_python_module_is_renumbered(configured: Project, database: Database, connect: Connect) -> None:
    """The version that its text says changes with its name; where it is applied, its record moves and it does not run."""
    mark_as_development(database)
    text = 'version = "7"  # as the name says\ndef up(db):\n    db.execute("CREATE TABLE mine ()")\n'
    configured.write("migrations/7_mine.py", text)
    ran(configured, "up")
    write(configured, "7_theirs.sql")
    ran(configured, "renumber", "7_mine.py")
    changed = (configured.folder / "migrations" / "8_mine.py").read_text()
    assert changed == text.replace('"7"', '"8"', 1)
    ran(configured, "up")
    assert applied(connect(database)) == ["7", "8"]
    assert tables(connect(database)) == ["mine", "theirs"]
    assert set(states(configured).values()) == {"applied"}
