"""`migrate init`, `up` and `plan`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import applied, dump, events, ran, single, states, tables
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]


def test_up_applies_everything_in_order_and_records_it(
    abc: Project, database: Database, connect: Connect
) -> None:
    """An empty database: all three are applied, each with a row and an event; the target is named first."""
    outcome = ran(abc, "up")
    assert outcome.stdout == f"up: 3 done; {database.name} is at 003 c\n"
    narration = outcome.stderr.splitlines()
    assert narration[0] == f"database {database.user}@127.0.0.1:{database.server.port}/{database.name}"
    assert [line.split(" (")[0] for line in narration[1:]] == [
        "applied 001 a",
        "applied 002 b",
        "applied 003 c",
    ]
    connection = connect(database)
    assert tables(connection) == ["a", "b", "c"]
    assert events(connection) == [
        ("initialised", None),
        ("applied", "001"),
        ("applied", "002"),
        ("applied", "003"),
    ]
    row = connection.execute(
        "SELECT version, name, description, applied_by, length(checksum), length(raw_checksum), sort_key, down_sql"
        " FROM schema_migrations WHERE version = '001'"
    ).fetchone()
    assert row is not None
    assert row[:3] == ("001", "a", "The table a")
    assert "@" in row[3]
    assert row[4:7] == (64, 64, "011")
    assert row[7].strip() == "DROP TABLE a;"


@pytest.mark.one_major
def test_up_again_does_nothing_and_says_why(abc: Project, database: Database) -> None:
    """Everything is applied: the folder, what was read and passed over, the database and its version are told."""
    abc.write("migrations/README.md", "Read me.")
    abc.write("migrations/x1__x.sql", "SELECT 1;")
    ran(abc, "up")
    text = ran(abc, "up").stdout
    assert text.startswith("up: nothing to do\n")
    assert "folder:   migrations, 3 migrations read, the newest is 003" in text
    assert f"/{database.name}, at 003 c; 3 applied" in text
    assert "passed over: README.md (not an .sql file)" in text
    assert "passed over: x1__x.sql (its name does not begin with a version)" in text


@pytest.mark.one_major
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("1",), ["001"]),
        (("--steps", "2"), ["001", "002"]),
        (("--to", "2"), ["001", "002"]),
        (("--to", "002"), ["001", "002"]),
        (("--to", "head"), ["001", "002", "003"]),
        (("--only", "002"), ["002"]),
        (("99",), ["001", "002", "003"]),
    ],
)
def test_up_as_far_as_asked(
    abc: Project, database: Database, connect: Connect, options: tuple[str, ...], expected: list[str]
) -> None:
    """Steps are counted, versions compared by number; --only takes just one."""
    ran(abc, "up", *options)
    assert applied(connect(database)) == expected


@pytest.mark.one_major
def test_up_to_a_version_below_does_nothing(abc: Project) -> None:
    """`up` never goes down."""
    ran(abc, "up")
    assert ran(abc, "up", "--to", "1").stdout.startswith("up: nothing to do")


@pytest.mark.one_major
def test_up_only_of_an_applied_one_does_nothing(abc: Project) -> None:
    """The version is there already: nothing is run again."""
    ran(abc, "up", "--only", "1")
    assert ran(abc, "up", "--only", "001").stdout.startswith("up: nothing to do")


@pytest.mark.one_major
def test_a_number_that_could_be_a_version_is_refused_with_both_readings(
    abc: Project, database: Database, connect: Connect
) -> None:
    """`up 001` where 001 is a version: exit 2, both spellings shown, nothing done; `up 2` is a number of steps."""
    outcome = abc.run("migrate", "up", "001")
    assert outcome.code == 2
    assert "'001' could be a number of steps or a version" in outcome.stderr
    assert "bin/migrate up --steps 1" in outcome.stderr
    assert "bin/migrate up --to 001" in outcome.stderr
    assert tables(connect(database)) == []
    ran(abc, "up", "2")


@pytest.mark.one_major
def test_a_single_digit_is_ambiguous_where_versions_are_written_so(
    project: Project, database: Database
) -> None:
    """Versions 1 and 2 exist: `up 2` and `down 2` could mean either."""
    project.use(database)
    project.write("migrations/1_a.sql", "CREATE TABLE a ();")
    project.write("migrations/2_b.sql", "CREATE TABLE b ();")
    for verb in ("up", "down", "redo"):
        outcome = project.run("migrate", verb, "2")
        assert outcome.code == 2, verb
        assert f"bin/migrate {verb} --steps 2" in outcome.stderr


@pytest.mark.one_major
@pytest.mark.parametrize(
    "argv", [("up", "--dry-run"), ("plan",), ("up", "--check"), ("up", "--single-transaction", "--dry-run")]
)
def test_looking_changes_nothing(abc: Project, database: Database, argv: tuple[str, ...]) -> None:
    """A dry run, a plan and a check leave the database byte for byte as it was, without tracking tables."""
    before = dump(database)
    outcome = abc.run("migrate", *argv)
    assert outcome.code == (3 if "--check" in argv else 0)
    assert "up would run 3 steps" in outcome.stdout
    assert "up 002 b: 1 statement, one transaction" in outcome.stdout
    assert dump(database) == before


@pytest.mark.one_major
def test_a_plan_is_what_runs(abc: Project) -> None:
    """The steps of `plan --json`, `up --dry-run --json` and then `up --json` are the same."""
    planned = ran(abc, "plan", "--json").json
    dry = ran(abc, "up", "--dry-run", "--json").json
    done = ran(abc, "up", "--json").json
    assert planned["steps"] == dry["steps"] == done["steps"]
    assert (planned["changed"], dry["changed"], done["changed"]) == (False, False, True)
    assert planned["steps"][0] == {
        "work": "up",
        "version": "001",
        "name": "a",
        "source": "migrations/001_a.sql",
        "mode": "one transaction",
        "reason": "",
        "statements": 1,
        "checks": 0,
        "code": None,
    }


@pytest.mark.one_major
def test_a_verbose_plan_shows_the_sql_but_no_password(abc: Project) -> None:
    """`plan -v` prints the statements; a password among them is hidden."""
    abc.write("migrations/004_d.sql", "CREATE ROLE somebody PASSWORD 'hunter2';")
    text = ran(abc, "plan", "-v").stdout
    assert "CREATE TABLE c (id int);" in text
    assert "PASSWORD '***'" in text
    assert "hunter2" not in text


@pytest.mark.one_major
def test_check_is_zero_once_nothing_is_pending(abc: Project) -> None:
    """`up --check`, `plan --check`, `status --check`, `current --check`: 3 while something is pending, then 0."""
    checks = [("up", "--check"), ("plan", "--check"), ("status", "--check"), ("current", "--check")]
    assert [abc.run("migrate", *argv).code for argv in checks] == [3, 3, 3, 3]
    ran(abc, "up")
    assert [abc.run("migrate", *argv).code for argv in checks] == [0, 0, 0, 0]


@pytest.mark.one_major
def test_init_makes_the_tables_once(abc: Project, database: Database, connect: Connect) -> None:
    """The first `init` makes the tracking table and the event log, the second says that they are there."""
    assert ran(abc, "init").stdout == "made public.schema_migrations\n"
    assert ran(abc, "init").stdout == "public.schema_migrations is there already\n"
    assert ran(abc, "init", "--json").json["made"] is False
    assert events(connect(database)) == [("initialised", None)]


@pytest.mark.one_major
def test_init_as_a_dry_run_makes_nothing(abc: Project, database: Database) -> None:
    """`init --dry-run` says what it would make."""
    before = dump(database)
    assert ran(abc, "init", "--dry-run").stdout == "would make public.schema_migrations\n"
    assert dump(database) == before


@pytest.mark.one_major
def test_a_tracking_table_in_a_schema_that_does_not_exist(
    abc: Project, database: Database, connect: Connect
) -> None:
    """--tracking-table ops.versions: schema and tables are made there, and used from there."""
    ran(abc, "up", "--tracking-table", "ops.versions")
    connection = connect(database)
    assert applied(connection, "ops.versions") == ["001", "002", "003"]
    assert connection.execute("SELECT to_regclass('public.schema_migrations')").fetchone() == (None,)
    assert states(abc, "--tracking-table", "ops.versions") == dict.fromkeys(("001", "002", "003"), "applied")


@pytest.mark.one_major
def test_an_ordinary_role_without_create_on_the_database(
    abc: Project, database: Database, connect: Connect
) -> None:
    """A role that may create tables in the schema, but no schemas in the database, can migrate."""
    admin = connect(database, **database.server.keywords(database.name))
    admin.execute("CREATE ROLE plain LOGIN PASSWORD 'p'")
    try:
        admin.execute("GRANT USAGE, CREATE ON SCHEMA public TO plain")
        url = f"postgresql://plain:p@127.0.0.1:{database.server.port}/{database.name}"
        ran(abc, "up", "--database-url", url)
        assert applied(admin) == ["001", "002", "003"]
    finally:
        admin.execute("DROP OWNED BY plain CASCADE")
        admin.execute("DROP ROLE plain")


@pytest.mark.one_major
def test_one_transaction_for_all_or_nothing(abc: Project, database: Database, connect: Connect) -> None:
    """--single-transaction: the third fails, so that none is applied; mended, all are, each with its own time."""
    abc.write("migrations/003_c.sql", "SELECT 1/0;")
    outcome = abc.run("migrate", "up", "--single-transaction")
    assert outcome.code == 1
    assert "003_c.sql:1:1: division by zero" in outcome.stderr
    connection = connect(database)
    assert tables(connection) == []
    assert applied(connection) == []
    abc.write("migrations/001_a.sql", "CREATE TABLE a (); SELECT pg_sleep(0.2);")
    abc.write("migrations/003_c.sql", "CREATE TABLE c ();")
    ran(abc, "up", "--single-transaction")
    assert applied(connection) == ["001", "002", "003"]
    times = connection.execute("SELECT execution_time_ms FROM schema_migrations ORDER BY sort_key").fetchall()
    assert times[0][0] >= 200
    assert times[2][0] < times[0][0]


@pytest.mark.one_major
def test_one_transaction_is_refused_beforehand_where_it_cannot_be(
    abc: Project, database: Database, connect: Connect
) -> None:
    """A concurrent index among the pending: refused with the file and the way out, nothing done."""
    abc.write("migrations/004_d.sql", "CREATE INDEX CONCURRENTLY ON a (id);")
    outcome = abc.run("migrate", "up", "--single-transaction")
    assert outcome.code == 13
    assert "004_d.sql" in outcome.stderr
    assert "CREATE INDEX CONCURRENTLY" in outcome.stderr
    assert "--to" in outcome.stderr
    assert tables(connect(database)) == []


def test_times_are_recorded_also_where_there_is_no_transaction(
    project: Project, database: Database, connect: Connect
) -> None:
    """A file with a concurrent index that sleeps 0.2 s: that much is recorded in the row and in the log."""
    project.use(database)
    text = "CREATE TABLE a (id int); SELECT pg_sleep(0.2); CREATE INDEX CONCURRENTLY ON a (id);"
    project.write("migrations/001_a.sql", single(text, "DROP INDEX CONCURRENTLY a_id_idx; DROP TABLE a;"))
    ran(project, "up")
    connection = connect(database)
    assert connection.execute("SELECT execution_time_ms >= 200 FROM schema_migrations").fetchall() == [
        (True,)
    ]
    assert events(connection, "action, duration_ms >= 200")[1:] == [("applied", True)]


@pytest.mark.one_major
def test_notices_appear_when_asked_for(project: Project, database: Database) -> None:
    """RAISE NOTICE shows with -v on stderr and not without; -q keeps to the result."""
    project.use(database)
    project.write("migrations/001_a.sql", "DO $$ BEGIN RAISE NOTICE 'look here'; END $$;")
    project.write("migrations/002_b.sql", "DO $$ BEGIN RAISE NOTICE 'look here'; END $$;")
    project.write("migrations/003_c.sql", "CREATE TABLE c ();")
    assert "notice: look here" in ran(project, "up", "1", "-v").stderr
    assert "look here" not in ran(project, "up", "1").stderr
    quiet = ran(project, "up", "-q")
    assert quiet.stderr == ""
    assert quiet.stdout.startswith("up: 1 done")


@pytest.mark.one_major
def test_an_empty_migration_is_applied_with_a_warning(project: Project, database: Database) -> None:
    """A file without a statement is no error, but surely not meant."""
    project.use(database)
    project.write("migrations/001_a.sql", "-- nothing yet\n")
    assert "warning:" in ran(project, "up", "-q").stderr
    assert states(project) == {"001": "applied"}


@pytest.mark.one_major
def test_another_folder_and_another_database(abc: Project, database: Database, connect: Connect) -> None:
    """--migrations-dir and DB_NAME replace just that; the rest of what .env says stays."""
    abc.write(".env", f"DATABASE_URL={abc.environ.pop('DATABASE_URL')}\n")
    abc.write("elsewhere/7_seven.sql", "CREATE TABLE seven ();")
    other = f"{database.name}_b"
    admin = connect(database, **database.server.keywords())
    admin.execute(f'CREATE DATABASE "{other}" OWNER "{database.user}"')
    try:
        outcome = ran(abc, "up", "--migrations-dir", "elsewhere", environ={"DB_NAME": other})
        assert outcome.stdout == f"up: 1 done; {other} is at 7 seven\n"
        assert tables(connect(database)) == []
    finally:
        admin.execute(f'DROP DATABASE "{other}"')


@pytest.mark.one_major
def test_an_environment_of_ones_own(abc: Project, database: Database) -> None:
    """--env qa takes QA_DATABASE_URL and nothing else; without it exit 5, never a fallback."""
    outcome = abc.run("migrate", "up", "--env", "qa")
    assert outcome.code == 5
    assert "QA_DATABASE_URL" in outcome.stderr
    ran(
        abc,
        "up",
        "--env",
        "qa",
        environ={"QA_DATABASE_URL": database.url, "DATABASE_URL": "postgresql://nowhere:1/x"},
    )
    assert states(abc) == dict.fromkeys(("001", "002", "003"), "applied")


@pytest.mark.one_major
@pytest.mark.parametrize("prepare", ["missing", "empty", "passed over"])
def test_a_folder_without_migrations_is_an_error(project: Project, database: Database, prepare: str) -> None:
    """Missing, empty, or with nothing that is a migration: exit 5, and the folder and the reason are named."""
    project.use(database)
    if prepare == "missing":
        (project.folder / "migrations").rmdir()
    elif prepare == "passed over":
        project.write("migrations/schema.sql", "SELECT 1;")
    outcome = project.run("migrate", "up")
    assert outcome.code == 5
    assert "the migrations folder migrations " in outcome.stderr
    reason = {
        "missing": "does not exist",
        "empty": "it is empty",
        "passed over": "schema.sql (its name does not begin",
    }
    assert reason[prepare] in outcome.stderr
    assert "hint:" in outcome.stderr
