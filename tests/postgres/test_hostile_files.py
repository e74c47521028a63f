"""Files and names as they come: encodings, line ends, transaction control, psql's commands, odd names."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Project
from tests.servers import Database
from tests.watching import Watch

pytestmark = pytest.mark.one_major
NAME = "migrations/001_m.sql"


@pytest.mark.parametrize(
    ("raw", "version"),
    [
        (b"CREATE TABLE t (id integer);\r\nINSERT INTO t VALUES (1);\r\n", "Windows line ends"),
        (b"\xef\xbb\xbfCREATE TABLE t (id integer);\nINSERT INTO t VALUES (1);", "a byte order mark"),
        (b"\xef\xbb\xbf-- head\r\nCREATE TABLE t (id integer);\r\nINSERT INTO t VALUES (1);;\r\n;", "both"),
        (
            b"BEGIN;\nCREATE TABLE t (id integer);\nINSERT INTO t VALUES (1);\nCOMMIT;\n",
            "its own transaction",
        ),
        (
            b"START TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nCREATE TABLE t AS SELECT 1 AS id;\nEND;",
            "isolation",
        ),
        (
            b"BEGIN; CREATE TABLE t (id integer); COMMIT; BEGIN; INSERT INTO t VALUES (1); COMMIT;",
            "two groups",
        ),
        (
            b"BEGIN; CREATE TABLE t (id integer); COMMIT AND CHAIN; INSERT INTO t VALUES (1); COMMIT;",
            "a chain",
        ),
        (b"CREATE TABLE t (id integer);\nVACUUM t;\nBEGIN; INSERT INTO t VALUES (1); COMMIT;", "mixed"),
        (b"CREATE TABLE t (id integer); SAVEPOINT s; INSERT INTO t VALUES (1); RELEASE s;", "a savepoint"),
        (b"CREATE TABLE t AS SELECT 1 AS id -- no semicolon, and a comment", "no semicolon"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_runs_as_it_is(configured: Project, watch: Watch, raw: bytes, version: str) -> None:
    """The file runs, is recorded once, and has not drifted afterwards."""
    (configured.folder / NAME).write_bytes(raw)
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, (version, outcome)
    assert watch.values("select id from t") == [1]
    assert configured.run("migrate", "status", "--check").code == 0


@pytest.mark.parametrize("text", ["", "\n\n", "-- nothing yet\n/* really */\n", ";;"])
def test_without_a_statement(configured: Project, watch: Watch, text: str) -> None:
    """A file that holds nothing is recorded, with a warning."""
    configured.write(NAME, text)
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert "holds no statement" in outcome.stderr
    assert watch.applied() == ["001"]


REFUSED = {
    "not UTF-8": (b"SELECT 1;\nSELECT 'caf\xe9';", "001_m.sql:2:12: byte 22 (0xe9) is not UTF-8"),
    "UTF-16": ("SELECT 1;".encode("utf-16"), "001_m.sql is UTF-16, not UTF-8"),
    "a NUL": (b"SELECT 1;\nSELECT '\0';", "001_m.sql:2:9: a NUL byte"),
    "ROLLBACK": (b"CREATE TABLE t (id integer);\nROLLBACK;", "001_m.sql:2:1: a ROLLBACK"),
    "ROLLBACK in BEGIN": (b"BEGIN;\nCREATE TABLE t (id integer);\nABORT;", "001_m.sql:3:1: a ROLLBACK"),
    "BEGIN alone": (
        b"CREATE TABLE t (id integer);\nBEGIN;\nSELECT 1;",
        "001_m.sql:2:1: this BEGIN has no COMMIT",
    ),
    "PREPARE TRANSACTION": (
        b"BEGIN;\nCREATE TABLE t (id integer);\nPREPARE TRANSACTION 'x';",
        "001_m.sql:3:1: PREPARE",
    ),
    "VACUUM in BEGIN": (
        b"BEGIN;\nCREATE TABLE t (id integer);\nVACUUM;\nCOMMIT;",
        "001_m.sql:3:1: VACUUM cannot run",
    ),
    "COPY without an end of its data": (
        b"CREATE TABLE t (id integer);\nCOPY t FROM STDIN;\n1\n2\n",
        "001_m.sql:2:1: COPY FROM STDIN without its data",
    ),
    "psql's command": (
        b"SELECT 1;\n\\connect other\nSELECT 2;",
        "001_m.sql:2:1: \\connect is a command of psql",
    ),
    "COPY without data": (b"COPY t FROM STDIN WITH (FORMAT csv);", "001_m.sql:1:1: COPY FROM STDIN"),
    "an open string": (b"CREATE TABLE t (id integer);\nSELECT 'open;\n", "001_m.sql:2:8"),
    "an open dollar quote": (b"CREATE TABLE t (id integer);\nSELECT $x$ open;\n", "001_m.sql:2:8"),
    "an open comment": (b"CREATE TABLE t (id integer);\n/* open", "001_m.sql:2:1"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_before_anything_runs(configured: Project, watch: Watch, what: str) -> None:
    """Exit 1 with the place; not even the migration before it is applied."""
    raw, said = REFUSED[what]
    configured.write("migrations/000_before.sql", "SELECT 1;")
    (configured.folder / NAME).write_bytes(raw)
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert said in outcome.stderr
    assert watch.value("select to_regclass('schema_migrations')") is None
    assert watch.value("select to_regclass('t')") is None


FAILS = {
    "syntax": ("CREATE TABLE t (id integer);\n" + "\n" * 998 + "SELCT 1;", "001_m.sql:1000:1: syntax error"),
    "after CRLF": ("SELECT 1;\r\n" * 999 + "SELECT 1 FROM nowhere;", "001_m.sql:1000:15: relation"),
    "after umlauts": ("SELECT 'ä😀';\n\tSELECT 'ü', nowhere;", "001_m.sql:2:14: column"),
    "after a byte order mark": ("\ufeffSELECT nowhere;", "001_m.sql:1:8: column"),
    "in the middle of a line": ("SELECT 'ß'; SELECT 1 / 0;", "001_m.sql:1:13: division by zero"),
    "at the end": ("CREATE TABLE t (id", "001_m.sql:1:19: syntax error at"),
    "psql's command behind a statement": ("SELECT 1 AS x \\gset\nSELECT 2;", "001_m.sql:1:15"),
    "COPY out": ("CREATE TABLE t (id integer);\nCOPY t TO STDOUT;\nSELECT 1 / 0;", "001_m.sql:3:1"),
}


@pytest.mark.parametrize("what", FAILS)
def test_fails_at_its_place(configured: Project, watch: Watch, what: str) -> None:
    """Exit 1 with file, line and column; nothing is left, and nothing hangs."""
    text, said = FAILS[what]
    configured.write(NAME, text)
    outcome = configured.run("migrate", "up", timeout=60)
    assert outcome.code == 1, outcome
    assert said in outcome.stderr
    assert watch.applied() == []
    assert watch.value("select to_regclass('t')") is None
    assert len(watch.events("failed")) == 1


def test_commands_of_psql_are_explained(configured: Project) -> None:
    """What only psql understands is named as such."""
    configured.write(NAME, "SELECT 1 AS x \\gset\nSELECT 2;")
    assert "psql's own commands" in configured.run("migrate", "up").stderr


def test_excerpt_marks_the_place(configured: Project) -> None:
    """The mark under the line stands under the place, tabs and all."""
    configured.write(NAME, "SELECT 1;\r\n\tSELECT 'ü',\tnowhere;\r\n")
    lines = configured.run("migrate", "up").stderr.splitlines()
    at = lines.index("2 | \tSELECT 'ü',\tnowhere;")
    assert lines[at + 1] == "  | \t           \t^"


def test_a_large_file(configured: Project, watch: Watch) -> None:
    """5 MB in 5,000 statements."""
    filling = "x" * 1000
    configured.write(NAME, "CREATE TABLE t (v text);\n" + f"INSERT INTO t VALUES ('{filling}');\n" * 5_000)
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.value("select count(*) from t") == 5_000


def test_an_error_late_in_a_large_file(configured: Project, watch: Watch) -> None:
    """The place is exact behind several messages to the server, and everything is rolled back."""
    filling = "é" * 1000
    text = (
        "CREATE TABLE t (v text);\n"
        + f"INSERT INTO t VALUES ('{filling}');\n" * 3_000
        + "INSERT INTO t  VALUES (1, 2);\n"
    )
    configured.write(NAME, text)
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert "001_m.sql:3002:27: INSERT has more expressions than target columns" in outcome.stderr
    assert watch.value("select to_regclass('t')") is None


def test_a_folder_named_like_a_migration(configured: Project, watch: Watch) -> None:
    """It is not taken for a file, and `status` says that it was passed over."""
    configured.write("migrations/000_t.sql", "SELECT 1;")
    (configured.folder / NAME).mkdir()
    assert configured.run("migrate", "up").code == 0
    assert watch.applied() == ["000"]
    passed_over = configured.run("migrate", "status", "--json").json["passed_over"]
    assert passed_over == [{"file": "001_m.sql", "reason": "a folder"}]


def test_a_dangling_link(configured: Project) -> None:
    """A file that cannot be read is named with the reason."""
    (configured.folder / NAME).symlink_to("nowhere.sql")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert "001_m.sql cannot be read: No such file or directory" in outcome.stderr


def test_what_is_no_regular_file(configured: Project) -> None:
    """A pipe, for which opening would wait, and a device without an end are named with the reason."""
    os.mkfifo(configured.folder / NAME)
    (configured.folder / "migrations/002_n.sql").symlink_to("/dev/zero")
    assert configured.run("migrate", "status").code == 0
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert "001_m.sql cannot be read: it is not a regular file" in outcome.stderr


def test_two_files_with_one_version(configured: Project) -> None:
    """001 and 1 are one version: exit 5 naming both files."""
    configured.write("migrations/001_a.sql", "SELECT 1;")
    configured.write("migrations/1_b.sql", "SELECT 1;")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 5, outcome
    assert "001_a.sql" in outcome.stderr
    assert "1_b.sql" in outcome.stderr


ODD = "o'd\"d %s $1 $$ \\ ü漢 {x} ; --"


def test_odd_names(
    project: Project, database: Database, connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """A database, a migration and tables whose names hold quotes, spaces, %, $, backslashes and non-ASCII."""
    name = f"{ODD} {database.name}"
    admin = connect(database, **database.server.keywords())
    admin.execute(
        sql.SQL("create database {} owner {} template template0").format(
            sql.Identifier(name), sql.Identifier(database.user)
        )
    )
    try:
        address = f"{database.server.host}:{database.server.port}/{quote(name, safe='')}"
        project.environ["DATABASE_URL"] = f"postgresql://{database.user}:{database.password}@{address}"
        table = sql.Identifier(ODD).as_string(None)
        file_name = ODD.replace("/", "")
        project.write(
            f"migrations/001_{file_name}.sql", f"-- Description: {ODD}\nCREATE TABLE {table} (id integer);"
        )
        project.write(
            "migrations/002_v.sql",
            f'VACUUM {table};\nCREATE INDEX CONCURRENTLY {table[:-1]}i" ON {table} (id);',
        )
        outcome = project.run("migrate", "up", "--tracking-table", "odd%s.m'i\"g %d")
        assert outcome.code == 0, outcome
        status = project.run("migrate", "status", "--json", "--check", "--tracking-table", "odd%s.m'i\"g %d")
        assert status.code == 0, status
        assert status.json["migrations"][0]["name"] == file_name
        assert status.json["database"]["database"] == name
        assert ODD in project.run("migrate", "history", "--tracking-table", "odd%s.m'i\"g %d").stdout
        project.write("migrations/003_again.sql", f"CREATE TABLE {table} (id integer);")
        failed = project.run("migrate", "up", "--tracking-table", "odd%s.m'i\"g %d")
        assert failed.code == 1, failed
        assert f'relation "{ODD}" already exists' in failed.stderr
    finally:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
