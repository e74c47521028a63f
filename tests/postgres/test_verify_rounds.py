"""`bin/migrate verify`: each migration up, down and up again on a scratch database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import ran, single, write_tables
from tests.postgres.rounds import superuser_url
from tests.postgres.scratching import scratches
from tests.servers import Database, admin
from tests.watching import until

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]

START = """
CREATE TABLE person (id int PRIMARY KEY, name text NOT NULL DEFAULT 'x', age int, note text);
CREATE INDEX person_age ON person (age);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER touch BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION touch();
COMMENT ON TABLE person IS 'people';
GRANT SELECT ON person TO PUBLIC;
"""
STARTED = single(START, "DROP TABLE person; DROP FUNCTION touch();")


def verified(project: Project, *options: str, code: int) -> dict[str, Any]:
    """The result of `verify --json`, whose exit code must be this one."""
    outcome = project.run("migrate", "verify", "--json", *options)
    assert outcome.code == code, outcome
    found = next((event for event in outcome.events if event["type"] == "result"), None)
    assert found is not None, outcome
    return dict(found)


def differing(round_: dict[str, Any]) -> list[tuple[str, str, str]]:
    """After what, which object, and what became of it."""
    return [(one["after"], one["object"], one["change"]) for one in round_["differences"]]


@pytest.mark.parametrize(
    ("up", "down", "found"),
    [
        (
            "CREATE INDEX by_name ON person (name);",
            "SELECT 1;",
            [("down", "index public.by_name", "left")],
        ),
        (
            "ALTER TABLE person DROP COLUMN note;",
            "ALTER TABLE person ADD COLUMN note varchar(10);",
            [("down", "table public.person", "changed")],
        ),
        (
            "ALTER TABLE person ALTER COLUMN name DROP DEFAULT;",
            "ALTER TABLE person ALTER COLUMN name SET DEFAULT 'y';",
            [("down", "table public.person", "changed")],
        ),
        (
            "CREATE TABLE IF NOT EXISTS spare (id int);",
            "DROP TABLE spare;",
            [("down", "table public.spare", "gone")],
        ),
        (
            "COMMENT ON TABLE person IS 'persons';",
            "COMMENT ON TABLE person IS NULL;",
            [("down", "comment on table public.person", "gone")],
        ),
        (
            "REVOKE SELECT ON person FROM PUBLIC;",
            "SELECT 1;",
            [("down", "privileges of table public.person", "gone")],
        ),
        (
            "DROP TRIGGER touch ON person;",
            "SELECT 1;",
            [("down", "trigger touch on public.person", "gone")],
        ),
    ],
)  # fmt: skip
def test_what_a_down_does_not_bring_back(
    maker: Project, up: str, down: str, found: list[tuple[str, str, str]]
) -> None:
    """Each object that is left, gone or changed after the down is named; the migrations around it are verified."""
    maker.write(
        "migrations/001_start.sql",
        single(f"{START} CREATE TABLE spare (id int);", "DROP TABLE person, spare; DROP FUNCTION touch();"),
    )
    maker.write("migrations/002_change.sql", single(up, down))
    maker.write("migrations/003_more.sql", single("CREATE TABLE more (id int);", "DROP TABLE more;"))
    first, second, third = verified(maker, "--empty", code=3)["migrations"]
    assert (first["result"], second["result"], third["result"]) == ("comes back", "differs", "comes back")
    assert [one for one in differing(second) if one[0] == "down"] == found


def test_a_whole_round_leaves_nothing(maker: Project, database: Database, connect: Connect) -> None:
    """Pending migrations that come back: exit 0, nothing in the database, and no scratch database."""
    maker.write("migrations/001_start.sql", STARTED)
    maker.write("migrations/002_only_up.sql", single("CREATE TABLE more (id int);"))
    maker.write(
        "migrations/003_alone.sql", single("CREATE INDEX CONCURRENTLY i ON more (id);", "DROP INDEX i;")
    )
    found = verified(maker, code=0)
    assert [one["result"] for one in found["migrations"]] == ["comes back", "no down", "comes back"]
    assert found["history"]["unknown"] == "no migration is applied there"
    assert not connect(database).execute("SELECT 1 FROM pg_class WHERE relname = 'person'").fetchall()
    assert scratches(database) == []


def test_applied_ones_only_with_all(maker: Project, connect: Connect, database: Database) -> None:
    """What is applied has its round only with --all; what somebody changed by hand is a difference of the history."""
    write_tables(maker, "first", "second")
    ran(maker, "up")
    maker.write("migrations/003_third.sql", single("CREATE TABLE third (id int);", "DROP TABLE third;"))
    found = verified(maker, "--empty", code=0)
    assert [one["version"] for one in found["migrations"]] == ["003"]
    assert found["history"] == {"unknown": None, "differences": []}
    connect(database).execute("CREATE INDEX by_hand ON first (id)")
    found = verified(maker, "--all", "--empty", code=3)
    assert [one["result"] for one in found["migrations"]] == ["comes back"] * 3
    assert [one["object"] for one in found["history"]["differences"]] == ["index public.by_hand"]
    maker.write("pyproject.toml", '[tool.dbops]\ndrift-ignore = ["index public.by_*"]\n')
    assert verified(maker, code=0)["history"] == {"unknown": None, "differences": []}


def test_what_depends_on_data(maker: Project) -> None:
    """A NOT NULL without default and a down that rows break fail with rows, and only with rows."""
    maker.write("migrations/001_start.sql", STARTED)
    maker.write(
        "migrations/002_must.sql",
        single("ALTER TABLE person ADD must int NOT NULL;", "ALTER TABLE person DROP must;"),
    )
    maker.write(
        "migrations/003_may.sql",
        single(
            "ALTER TABLE person ALTER name TYPE text, ADD more int;",
            "ALTER TABLE person DROP more, ADD CONSTRAINT few CHECK (id IS NULL); ALTER TABLE person DROP CONSTRAINT few;",
        ),
    )
    _, must, may = verified(maker, code=3)["migrations"]
    assert (must["result"], must["only_with_rows"]) == ("up fails", True)
    assert "must" in must["message"]
    assert (may["result"], may["only_with_rows"]) == ("down fails", True)
    found = verified(maker, "--empty", code=0)
    assert {one["result"] for one in found["migrations"]} == {"comes back"}


def test_what_a_rollback_loses(maker: Project) -> None:
    """The columns whose values down and up again do not bring back are told; that is no failure."""
    maker.write("migrations/001_start.sql", STARTED)
    maker.write(
        "migrations/002_mail.sql",
        single("ALTER TABLE person ADD mail text;", "ALTER TABLE person DROP mail;"),
    )
    _, mail = verified(maker, code=0)["migrations"]
    assert [(one["table"], one["column"]) for one in mail["lost"]] == [("person", "mail")]
    assert mail["lost"][0]["values"] > 0
    assert "down loses" in maker.run("migrate", "verify").stdout


def test_what_does_not_run(maker: Project, database: Database) -> None:
    """A failing up stops the rounds, a failing down only its own; nothing is left behind."""
    maker.write("migrations/001_start.sql", single(START, "DROP TABLE nowhere;"))
    maker.write("migrations/002_wrong.sql", single("CREATE TABLE t (id nosuchtype);", "DROP TABLE t;"))
    maker.write("migrations/003_more.sql", single("CREATE TABLE more (id int);", "DROP TABLE more;"))
    first, second, third = verified(maker, "--empty", code=3)["migrations"]
    assert (first["result"], second["result"], third["result"]) == ("down fails", "up fails", "not run")
    assert "nowhere" in first["message"]
    assert "nosuchtype" in second["message"]
    assert scratches(database) == []


def test_no_room_on_the_server(maker: Project, database: Database) -> None:
    """That says nothing of the migration: verify ends with the server's words (1), and leaves no database behind."""
    full = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;"
    maker.write("migrations/001_full.sql", single(full, "SELECT 1;"))
    outcome = maker.run("migrate", "verify")
    assert (outcome.code, "could not extend file" in outcome.stderr) == (1, True), outcome
    assert "make room, then run the command again" in outcome.stderr
    assert scratches(database) == []


def test_twice(maker: Project) -> None:
    """--twice finds what cannot run again, and what changes when it does."""
    maker.write("migrations/001_again.sql", single("CREATE TABLE IF NOT EXISTS a (id int);", "DROP TABLE a;"))
    maker.write("migrations/002_once.sql", single("CREATE TABLE b (id int);", "DROP TABLE b;"))
    maker.write("migrations/003_grows.sql", single("CREATE INDEX ON b (id);", "DROP INDEX b_id_idx;"))
    assert {one["result"] for one in verified(maker, "--empty", code=0)["migrations"]} == {"comes back"}
    again, once, grows = verified(maker, "--empty", "--twice", code=3)["migrations"]
    assert (again["result"], once["result"]) == ("comes back", "up again fails")
    assert differing(grows) == [("up twice", "index public.b_id_idx1", "left")]


def test_killed(maker: Project, database: Database) -> None:
    """What a killed run leaves, the next one drops; while it is at work, nobody takes its databases away."""
    maker.write("migrations/001_slow.sql", single("SELECT pg_sleep(60);", "SELECT 1;"))
    slow = maker.popen("migrate", "verify", "--empty")
    until(lambda: len(scratches(database)) == 2, "both scratch databases")
    maker.write("quick/001_quick.sql", single("SELECT 1;", "SELECT 1;"))
    quick = ("migrate", "verify", "--empty", "--migrations-dir", "quick")
    assert maker.run(*quick).code == 0
    assert len(scratches(database)) == 2
    slow.kill()
    slow.wait()
    # The server ends the killed one's sessions once it sees that nobody is there.
    until(lambda: "interrupted" in maker.run(*quick).stderr, "word of what was left")
    until(lambda: maker.run(*quick).code == 0 and scratches(database) == [], "an end without leftovers")


def test_without_the_right_to_make_databases(configured: Project, database: Database) -> None:
    """Refused with the way out; on another server, which --scratch-url names, it works."""
    configured.write("migrations/001_start.sql", STARTED)
    outcome = configured.run("migrate", "verify")
    assert outcome.code == 13
    assert "--scratch-url" in outcome.stderr
    assert "CREATEDB" in outcome.stderr
    elsewhere = superuser_url(database)
    assert configured.run("migrate", "verify", "--scratch-url", elsewhere).code == 0


def test_options_that_exclude_each_other(configured: Project) -> None:
    """--applied looks at the live database, and the others are about the rounds."""
    outcome = configured.run("migrate", "verify", "--applied", "--twice")
    assert (outcome.code, "--twice" in outcome.stderr) == (2, True)


def test_what_reaches_beyond_the_scratch_database(
    maker: Project, database: Database, connect: Connect
) -> None:
    """A section that would change the live database, or roles, is not run; the others are, also those after it."""
    down = f"COMMENT ON DATABASE {database.name} IS 'harm';"
    maker.write("migrations/001_t.sql", single("CREATE TABLE t (id int);", down))
    maker.write(
        "migrations/002_role.sql", single(f"ALTER ROLE {database.user} SET work_mem = '5MB';", "SELECT 1;")
    )
    maker.write("migrations/003_more.sql", single("CREATE TABLE more (id int);", "DROP TABLE more;"))
    first, second, third = verified(maker, "--empty", code=3)["migrations"]
    assert (first["result"], second["result"], third["result"]) == ("down fails", "up fails", "comes back")
    assert "beyond the scratch database" in first["message"]
    row = (
        connect(database)
        .execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
            " UNION ALL SELECT setconfig::text FROM pg_db_role_setting WHERE setrole = current_user::regrole"
        )
        .fetchall()
    )
    assert "harm" not in str(row)
    assert "work_mem" not in str(row)


def test_an_applied_one_that_makes_a_role(maker: Project, database: Database, connect: Connect) -> None:
    """The role is there already: it is left out, which is said, and the pending ones have their rounds."""
    role = f"{database.user}_made"
    made = f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role}; END IF; END $$;"
    admin(database.server).execute(made.encode())
    maker.write("migrations/001_role.sql", single(made, "SELECT 1;"))
    ran(maker, "up")
    maker.write(
        "migrations/002_more.sql",
        single(f"CREATE TABLE more (id int); GRANT SELECT ON more TO {role};", "DROP TABLE more;"),
    )
    outcome = maker.run("migrate", "verify")
    assert (outcome.code, "001_role.sql:2:1: not run" in outcome.stderr) == (0, True), outcome
