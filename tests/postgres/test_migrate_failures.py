"""What is shown of a failure: the place, the statement, the server's words and the next step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import applied, events, ran, tables
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]


@pytest.fixture
def one(project: Project, database: Database) -> Project:
    """A project without migrations on an empty database."""
    project.use(database)
    return project


def test_a_failure_as_a_compiler_shows_it(one: Project, database: Database, connect: Connect) -> None:
    """File, line, column, the statement with a caret, detail, hint and SQLSTATE; nothing of the file is left."""
    text = "CREATE TABLE a (id int);\nINSERT INTO a\n    SELECT nosuch\n    FROM a;\n"
    path = one.write("migrations/001_a.sql", text)
    one.write("migrations/002_b.sql", "CREATE TABLE b ();")
    outcome = one.run("migrate", "up")
    assert outcome.code == 1
    assert outcome.stdout == ""
    shown = outcome.stderr.splitlines()[1:]
    assert shown == [
        'error: migrations/001_a.sql:3:12: column "nosuch" does not exist',
        "2 | INSERT INTO a",
        "3 |     SELECT nosuch",
        "  |            ^",
        "  SQLSTATE: 42703",
        "hint: mend the file, then run bin/migrate up again; nothing of it is left",
    ]
    connection = connect(database)
    assert tables(connection) == []
    assert events(connection, "action, sqlstate, message, statement, statement_number, duration_ms >= 0")[
        -1
    ] == (
        "failed",
        "42703",
        'column "nosuch" does not exist',
        "INSERT INTO a\n    SELECT nosuch\n    FROM a",
        2,
        True,
    )
    path.write_text("CREATE TABLE a ();")
    ran(one, "up")
    assert applied(connection) == ["001", "002"]


def test_a_syntax_error_late_in_a_file(one: Project, database: Database, connect: Connect) -> None:
    """The server names a place in all that was sent; it is shown as a place in the file."""
    text = "-- Description: x\n-- UP Migration\nCREATE TABLE a ();\n\n  CREATE TABLE b (id int,);\n-- DOWN Migration\n"
    one.write("migrations/001_a.sql", text)
    outcome = one.run("migrate", "up")
    assert outcome.code == 1
    assert '001_a.sql:5:26: syntax error at or near ")"' in outcome.stderr
    assert "5 |   CREATE TABLE b (id int,);\n  |                          ^" in outcome.stderr
    assert tables(connect(database)) == []


@pytest.mark.one_major
def test_a_failure_as_json(one: Project) -> None:
    """The last line is the error: code, message, hint, and the excerpt as detail."""
    one.write("migrations/001_a.sql", "SELECT 1/0;")
    outcome = one.run("migrate", "up", "--json")
    assert outcome.code == 1
    assert {key: outcome.json[key] for key in ("type", "format", "command", "code")} == {
        "type": "error",
        "format": 1,
        "command": "migrate",
        "code": 1,
    }
    assert outcome.json["message"].endswith("001_a.sql:1:1: division by zero")
    assert outcome.json["detail"].splitlines() == ["1 | SELECT 1/0;", "  | ^", "  SQLSTATE: 22012"]
    assert outcome.stderr == ""


REMEDIES = [
    ("CREATE TABLE there ();", ["bin/migrate mark 001 records just this migration", "IF NOT EXISTS"]),
    ("ALTER TABLE there ADD COLUMN id int;", ["bin/migrate mark 001"]),
    (
        "SELECT uuid_generate_v4();",
        ['extensions = ["uuid-ossp"]', "[tool.dbops]", 'CREATE EXTENSION "uuid-ossp"'],
    ),
    (
        "CREATE INDEX ON there USING gin (name gin_trgm_ops);",
        ['extensions = ["pg_trgm"]', "CREATE EXTENSION pg_trgm"],
    ),
    ("ALTER TABLE there ADD COLUMN e citext;", ['extensions = ["citext"]']),
    ("CREATE EXTENSION nosuch;", ['the server does not have "nosuch"', "install the package"]),
    ('GRANT SELECT ON there TO "no one";', ['CREATE ROLE "no one" first']),
    ("ALTER TABLE theirs ADD COLUMN x int;", ["GRANT owner TO role"]),
    ("CREATE TABLE locked.t ();", ["GRANT CREATE, USAGE ON SCHEMA locked TO"]),
    ("SELECT * FROM theirs;", ["run it as the owner of table theirs"]),
    (
        "SET statement_timeout = 10; SELECT pg_sleep(1);",
        ["--statement-timeout", "-- dbops: statement-timeout"],
    ),
]


@pytest.mark.one_major
def test_remedies_for_what_newcomers_meet(one: Project, database: Database, connect: Connect) -> None:
    """Each kind of error carries the next step in its hint."""
    owner = connect(database)
    owner.execute("CREATE TABLE there (id int, name text)")
    admin = connect(database, **database.server.keywords(database.name))
    admin.execute("CREATE SCHEMA locked; CREATE TABLE theirs ()")
    for sql, expected in REMEDIES:
        one.write("migrations/001_a.sql", sql)
        outcome = one.run("migrate", "up")
        assert outcome.code == 1, (sql, outcome)
        hint = outcome.stderr.splitlines()[-1]
        assert hint.startswith("hint: ")
        for part in expected:
            assert part in hint, sql


@pytest.mark.one_major
def test_already_exists_mended_by_mark(one: Project, database: Database, connect: Connect) -> None:
    """What the hint of "already exists" says works: mark records it, and `up` goes on behind it."""
    connect(database).execute("CREATE TABLE a ()")
    one.write("migrations/001_a.sql", "CREATE TABLE a ();")
    one.write("migrations/002_b.sql", "CREATE TABLE b ();")
    assert one.run("migrate", "up").code == 1
    ran(one, "mark", "001")
    ran(one, "up")
    assert tables(connect(database)) == ["a", "b"]


@pytest.mark.one_major
def test_a_database_in_use(one: Project, database: Database, connect: Connect) -> None:
    """CREATE DATABASE from a template that others use: the hint shows how to see them."""
    connect(database)
    admin = connect(database, **database.server.keywords())
    admin.execute(f'ALTER ROLE "{database.user}" CREATEDB')
    one.write("migrations/001_a.sql", f'CREATE DATABASE "{database.name}_copy" TEMPLATE "{database.name}";')
    outcome = one.run("migrate", "up")
    assert outcome.code == 1
    assert f"WHERE datname = '{database.name}'" in outcome.stderr
    assert "SQLSTATE: 55006" in outcome.stderr


@pytest.mark.one_major
def test_no_password_in_what_is_shown_of_a_failure(
    one: Project, database: Database, connect: Connect
) -> None:
    """Neither excerpt nor the server's message nor the log holds the password that the statement sets."""
    for sql in (
        "CREATE ROLE x PASSWORD 'hunter2' LOGIN NONSENSE;",
        "CREATE ROLE x PASSWORD PASSWORD 'hunter2';",
        "DO $$ BEGIN EXECUTE 'CREATE ROLE x PASSWORD ''hunter2'' NONSENSE'; END $$;",
    ):
        one.write("migrations/001_a.sql", sql)
        outcome = one.run("migrate", "up", "-v")
        assert outcome.code == 1, sql
        assert "hunter2" not in outcome.stderr, sql
        assert "hunter2" not in one.run("migrate", "up", "--json").stdout, sql
    logged = connect(database).execute("SELECT e::text FROM schema_migrations_events e").fetchall()
    assert len(logged) == 7
    assert "hunter2" not in str(logged)
    assert "hunter2" not in ran(one, "history").stdout


@pytest.mark.one_major
def test_a_role_that_may_not_create_in_the_schema(one: Project, database: Database, connect: Connect) -> None:
    """Another role than the owner, on a schema where only the owner may: one cause, one remedy, no traceback."""
    admin = connect(database, **database.server.keywords(database.name))
    role = f"{database.user}_b"
    admin.execute("REVOKE CREATE ON SCHEMA public FROM public")
    admin.execute(f"CREATE ROLE \"{role}\" LOGIN PASSWORD 'p'")
    one.write("migrations/001_a.sql", "CREATE TABLE a ();")
    url = f"postgresql://{role}:p@127.0.0.1:{database.server.port}/{database.name}"
    try:
        for verb in ("init", "up"):
            outcome = one.run("migrate", verb, "--conn", url)
            assert outcome.code == 1, verb
            assert "error: permission denied for schema public" in outcome.stderr
            assert "GRANT CREATE, USAGE ON SCHEMA public" in outcome.stderr
        ran(one, "up")
        for verb in ("status", "up", "history"):
            outcome = one.run("migrate", verb, "--conn", url)
            assert outcome.code == 1, verb
            assert "error: permission denied for table schema_migrations" in outcome.stderr
            assert "hint: run it as the owner of" in outcome.stderr
    finally:
        admin.execute(f'DROP ROLE "{role}"')


@pytest.mark.one_major
def test_errors_of_connecting(one: Project, database: Database) -> None:
    """No server, no database, a wrong password: exit 10, the target without password, and the next step."""
    one.write("migrations/001_a.sql", "SELECT 1;")
    place = f"127.0.0.1:{database.server.port}"
    for url, message, hint in (
        ("postgresql://u:pw@127.0.0.1:1/d", "Connection refused", "bin/setup-dev-db"),
        (
            f"postgresql://{database.user}:{database.password}@{place}/nosuch",
            "does not exist",
            "CREATE DATABASE nosuch",
        ),
        (
            f"postgresql://{database.user}:wrongpw@{place}/{database.name}",
            "password authentication failed",
            "DB_PASSWORD",
        ),
    ):
        outcome = one.run("migrate", "status", "--conn", url)
        assert outcome.code == 10, url
        assert message in outcome.stderr
        assert hint in outcome.stderr
        assert "pw@" not in outcome.stderr


BAD_FILES = [
    (b"CREATE TABLE a ();\n-- caf\xe9\n", "001_a.sql:2:7: byte 26 (0xe9) is not UTF-8"),
    ("CREATE TABLE \u00e4 ();".encode("utf-16"), "is UTF-16, not UTF-8"),
    (b"CREATE TABLE a ();\nSELECT 'open;\n", "001_a.sql:2:8: "),
    (b"CREATE TABLE a ();\nROLLBACK;\n", "001_a.sql:2:1: a ROLLBACK in a migration"),
    (b"BEGIN;\nCREATE TABLE a ();\n", "001_a.sql:1:1: this BEGIN has no COMMIT"),
    (b"-- dbops: no-transacton\nSELECT 1;", "001_a.sql:1: -- dbops: no-transacton is not known"),
    (b"-- +goose Up\nSELECT 1;", "000_first.sql:1: no line says -- +goose Up"),
    (b"-- UP Migration\nSELECT 1;\n-- UP Migration\nSELECT 2;", "001_a.sql:3:1: a second up section"),
]


@pytest.mark.one_major
def test_files_that_cannot_be_run(one: Project, database: Database, connect: Connect) -> None:
    """Found before anything runs, also when a good one stands before it: the place is named and nothing is done."""
    one.write("migrations/000_first.sql", "CREATE TABLE first ();")
    for text, message in BAD_FILES:
        (one.folder / "migrations/001_a.sql").write_bytes(text)
        outcome = one.run("migrate", "up")
        assert outcome.code in {1, 5}
        assert message in outcome.stderr
    assert tables(connect(database)) == []
