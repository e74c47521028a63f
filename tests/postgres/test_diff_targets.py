"""`bin/migrate diff --to`: files, other databases, revisions of the repository; tests/postgres/test_diff_models.py has the models."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.differing import HERE, diff, found
from tests.postgres.migrating import ran, single
from tests.postgres.scratching import allow_databases
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]


def test_to_a_schema_file_of_dbops(started: Project, connect: Connect, database: Database) -> None:
    """What `schema` writes is a target, and so is a dump of pg_dump with its settings and owners."""
    connect(database).execute(
        "CREATE TABLE later (id serial, at timestamptz DEFAULT now());"
        "CREATE FUNCTION z() RETURNS int LANGUAGE sql AS 'SELECT 1';"
        "CREATE FUNCTION a() RETURNS int LANGUAGE sql AS 'SELECT z()';"
    )
    ran(started, "schema", "--output", "later.sql")
    words = [f"{database.server.bindir}/pg_dump", "-s", "-f", str(started.folder / "dump.sql"), database.url]
    subprocess.run(words, check=True, timeout=60)
    connect(database).execute("DROP TABLE later; DROP FUNCTION a(); DROP FUNCTION z()")
    assert found(started, "later.sql", "--dry-run")["verified"]
    told = found(started, "dump.sql", "make_later")
    assert told["verified"]
    assert told["unseen"] == []
    assert [one["object"] for one in told["differences"]] == [
        "function public.a()",
        "function public.z()",
        "sequence public.later_id_seq",
        "table public.later",
    ]


SPELLED_ANEW = """
CREATE DOMAIN letter AS varchar(9) CHECK (VALUE IN ('a', 'b') AND length(VALUE) > 0);
CREATE TABLE t (k varchar(9) CHECK (k IN ('a', 'b')), n int, l letter, CHECK (n > 1 AND (k IN ('a', 'c') OR n < 5)),
    upper varchar(9) GENERATED ALWAYS AS (CASE WHEN k IN ('a', 'b') THEN upper(k) ELSE k END) STORED);
CREATE INDEX chosen_n ON t (n) WHERE k IN ('a', 'b');
CREATE VIEW chosen AS SELECT n, k IN ('a', 'b') AS good FROM t WHERE k IN ('a', 'c');
CREATE POLICY readers ON t USING (k IN ('a', 'b')) WITH CHECK (k IN ('a', 'c'));
CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TRIGGER same BEFORE UPDATE ON t FOR EACH ROW WHEN (new.k IN ('a', 'b')) EXECUTE FUNCTION same();
"""


def test_what_the_server_spells_anew(started: Project) -> None:
    """It spells `IN` of a varchar otherwise once it reads its own words: verified, and no difference afterwards."""
    started.write("there.sql", HERE + SPELLED_ANEW)
    assert found(started, "there.sql", "spelled")["verified"]
    ran(started, "up")
    assert found(started, "there.sql")["differences"] == []


def test_to_another_database(started: Project, another: Callable[..., Database], connect: Connect) -> None:
    """The other one is only read; its records of migrations do not count, and no password is told."""
    other = another()
    project = started.environ | {"DATABASE_URL": other.url}
    assert started.run("migrate", "up", environ=project).code == 0
    connect(other).execute("ALTER TABLE person ADD COLUMN note text")
    outcome = diff(started, other.url, "add_note")
    assert other.password not in outcome.stdout + outcome.stderr
    text = (started.folder / "migrations/002_add_note.sql").read_text()
    assert 'add column "note" text' in text
    assert other.password not in text
    row = connect(other).execute("SELECT count(*) FROM schema_migrations").fetchone()
    assert row == (1,)


def test_to_a_database_of_another_version(
    configured: Project, everywhere: tuple[Database, ...], connect: Connect
) -> None:
    """The server spells the schema of every other version as its own: nothing differs, both ways."""
    rich = f"{HERE} {SPELLED_ANEW} CREATE TABLE p (id int NOT NULL) PARTITION BY LIST (id);"
    for one in everywhere:
        allow_databases(one)
        connect(one).execute(f"{rich} CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
    for one, other in ((everywhere[0], everywhere[-1]), (everywhere[-1], everywhere[0])):
        told = found(configured, other.url, "--check", "--database-url", one.url)
        assert told["differences"] == []


def git(project: Project, *words: str) -> None:
    """Run git in the project."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(
        ["git", *identity, *words], cwd=project.folder, check=True, capture_output=True, timeout=30
    )


def test_to_a_revision(started: Project) -> None:
    """The folder as it was then is run on a scratch database; what has no answer is a clear error."""
    assert "is in no git repository" in diff(started, "git:HEAD", code=1).stderr
    git(started, "init")
    git(started, "add", ".")
    git(started, "commit", "-m", "one")
    started.write("migrations/002_more.sql", single("CREATE TABLE more (id int);", "DROP TABLE more;"))
    ran(started, "up")
    assert [one["object"] for one in found(started, "git:HEAD", "--check", code=3)["differences"]] == [
        "table public.more"
    ]
    assert "git knows no revision 'nope'" in diff(started, "git:nope", code=1).stderr
    told = found(started, "git:main", "back")
    assert told["files"] == ["migrations/003_back.sql"]
    assert "'--output=x' is no revision" in diff(started, "git:--output=x", code=2).stderr
