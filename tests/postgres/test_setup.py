"""Setting up on a configured server."""

from __future__ import annotations

import dataclasses
import secrets
import shlex
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbops.devdb import databases
from dbops.engines.marks import MARK
from tests.conftest import Outcome, Project
from tests.servers import Server

FIRST = "CREATE TABLE public.orders (id int);\n"
SPECIAL = "p:@/?#[]%&'\"\\$`! ä"


@dataclasses.dataclass(frozen=True)
class Place:
    """A role that may create databases, the names that a test uses, and the project configured for them."""

    server: Server
    project: Project
    name: str
    role: str

    @property
    def twin(self) -> str:
        return f"{self.name}_test"

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as superuser."""
        with psycopg.connect(**self.server.keywords(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def run(self, *argv: str, **environ: str) -> Outcome:
        return self.project.run("setup-dev-db", *argv, environ=environ)

    def comments(self) -> dict[str, str | None]:
        """The databases of this test's names with their comments, leftovers of both included."""
        with psycopg.connect(**self.server.keywords(), autocommit=True) as connection:
            names = [self.name, self.twin]
            names += [databases.leftover(kind, name) for name in names for kind in ("new", "old")]
            return {found.name: found.comment for found in databases.existing(connection, names).values()}


@pytest.fixture
def place(server: Server, project: Project) -> Iterator[Place]:
    made = Place(server, project, f'd "ä" {secrets.token_hex(4)}', f"r_{secrets.token_hex(4)}")
    role = sql.Identifier(made.role)
    with psycopg.connect(**server.keywords(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, SPECIAL))
    project.environ.update(
        DB_HOST=server.host,
        DB_PORT=str(server.port),
        DB_USER=made.role,
        DB_PASSWORD=SPECIAL,
        DB_NAME=made.name,
    )
    project.write("migrations/001_orders.sql", FIRST)
    yield made
    with psycopg.connect(**server.keywords(), autocommit=True) as connection:
        for name in made.comments():
            databases.drop(connection, name)
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_set_up_makes_marks_migrates_and_writes_env(place: Place) -> None:
    """A role that may create databases: both made, marked, migrated; .env leads there; no password shown."""
    outcome = place.run("--json")
    assert outcome.code == 0, outcome.stderr
    assert place.comments() == {place.name: MARK, place.twin: MARK}
    for name in (place.name, place.twin):
        assert place.sql("SELECT count(*) FROM schema_migrations", name) == [(1,)]
        assert place.sql("SELECT getdatabaseencoding()", name) == [("UTF8",)]
    env = place.project.folder / ".env"
    assert env.stat().st_mode & 0o777 == 0o600
    result = outcome.json
    assert result["changed"]
    assert [(one["made"], one["marked"], one["applied"]) for one in result["databases"]] == [
        (True, True, 1)
    ] * 2
    assert SPECIAL not in outcome.stdout + outcome.stderr
    for variable in ("DB_HOST", "DB_PORT", "DB_USER", "DB_PASSWORD", "DB_NAME"):
        del place.project.environ[variable]
    again = place.run("--json")
    assert (again.code, again.json["changed"]) == (0, False), again.stderr


@pytest.mark.one_major
def test_a_second_run_does_nothing_and_says_so(place: Place) -> None:
    """Everything is there: nothing is changed, and the first word is that."""
    assert place.run().code == 0
    outcome = place.run()
    assert (outcome.code, outcome.stdout.startswith("Nothing to do")) == (0, True)


@pytest.mark.one_major
def test_the_psql_line_works_when_pasted(place: Place) -> None:
    """The line of the summary, run by sh in the project folder: psql is in, whatever is in the password."""
    line = place.run("--json").json["psql"]
    ended = subprocess.run(
        ["sh", "-c", f"{line} -Atc 'SELECT current_user'"], cwd=place.project.folder, text=True,
        env={"PATH": place.project.environ["PATH"]}, capture_output=True, check=False,
    )  # fmt: skip
    assert (ended.stdout.strip(), ended.stderr) == (place.role, "")


@pytest.mark.one_major
def test_a_database_that_was_there_stays_unmarked(place: Place) -> None:
    """One exists with a comment: it is migrated, its comment stays, and the summary says so."""
    place.sql(f'CREATE DATABASE "{place.name.replace(chr(34), chr(34) * 2)}" OWNER {place.role}')
    place.sql(f"COMMENT ON DATABASE \"{place.name.replace(chr(34), chr(34) * 2)}\" IS 'mine'")
    outcome = place.run()
    assert outcome.code == 0, outcome.stderr
    assert place.comments() == {place.name: "mine", place.twin: MARK}
    assert "not marked as development" in outcome.stdout


@pytest.mark.one_major
def test_the_next_command_names_the_database_that_was_given(place: Place) -> None:
    """DB_NAME in the environment: with .env written it stands there, otherwise the next command carries it."""
    assert place.run().stdout.splitlines()[-1].split() == ["next", "bin/migrate", "status"]
    again = place.run().stdout.splitlines()[-1]
    assert shlex.split(again) == ["next", f"DB_NAME={place.name}", "bin/migrate", "status"]


@pytest.mark.one_major
def test_env_that_is_a_folder_is_said_to_be_one(place: Place) -> None:
    """A virtual environment may be named .env: it stays, and the summary says that nothing was written."""
    (place.project.folder / ".env").mkdir()
    outcome = place.run()
    assert outcome.code == 0, outcome.stderr
    assert "not written, since it is a folder" in outcome.stdout
    assert list((place.project.folder / ".env").iterdir()) == []


@pytest.mark.one_major
def test_env_that_exists_is_not_touched(place: Place) -> None:
    """A .env with another variable: the same bytes afterwards."""
    place.project.write(".env", "OTHER=1")
    assert place.run().code == 0
    assert (place.project.folder / ".env").read_text() == "OTHER=1"


@pytest.mark.one_major
def test_reset_starts_over_and_needs_consent_without_the_mark(place: Place) -> None:
    """Marked: emptied, also with a session in it.  Unmarked: 13, and --confirm with its name lets it."""
    assert place.run().code == 0
    place.sql("CREATE TABLE public.mine ()", place.name)
    other = psycopg.connect(**place.server.keywords(place.name), autocommit=True)
    other.execute("SELECT 1")
    outcome = place.run("--reset", **_superuser(place))
    other.close()
    assert outcome.code == 0, outcome.stderr
    assert place.sql("SELECT to_regclass('public.mine')", place.name) == [(None,)]
    place.sql(f'COMMENT ON DATABASE "{place.name.replace(chr(34), chr(34) * 2)}" IS NULL')
    place.sql("CREATE TABLE public.mine ()", place.name)
    refused = place.run("--reset", "--json", **_superuser(place))
    assert (refused.code, "--confirm" in refused.json["hint"]) == (13, True)
    assert place.run("--reset", "--confirm", place.twin, **_superuser(place)).code == 13
    assert place.sql("SELECT to_regclass('public.mine')::text", place.name) == [("mine",)]
    assert place.run("--reset", "--confirm", place.name, **_superuser(place)).code == 0
    assert place.comments() == {place.name: MARK, place.twin: MARK}


@pytest.mark.one_major
def test_a_reset_that_fails_brings_the_former_databases_back(place: Place) -> None:
    """The new migration is broken: exit 1, and the former database is there with its data."""
    assert place.run().code == 0
    place.sql("CREATE TABLE public.mine ()", place.name)
    place.project.write("migrations/002_broken.sql", "SELECT no_such_column;\n")
    assert place.run("--reset", **_superuser(place)).code == 1
    assert place.sql("SELECT to_regclass('public.mine')::text", place.name) == [("mine",)]
    assert place.comments() == {place.name: MARK, place.twin: MARK}


@pytest.mark.one_major
def test_a_migration_that_fails_leaves_what_was_whole_and_no_env(place: Place) -> None:
    """002 is broken: exit 1, 001 stays applied, no .env; mended, the next run completes."""
    place.project.write("migrations/002_broken.sql", "SELECT no_such_column;\n")
    failed = place.run("--json")
    assert failed.code == 1
    assert "run bin/setup-dev-db again" in failed.json["hint"]
    assert "bin/migrate up" not in failed.json["hint"]
    assert place.sql("SELECT version FROM schema_migrations", place.name) == [("001",)]
    assert not (place.project.folder / ".env").exists()
    place.project.write("migrations/002_broken.sql", "SELECT 1;\n")
    assert place.run().code == 0
    assert (place.project.folder / ".env").exists()


@pytest.mark.one_major
def test_a_missing_extension_is_an_error_before_anything_is_made(place: Place) -> None:
    """[tool.dbops] asks for an extension that is not there: the package is named, nothing is made."""
    place.project.write("pyproject.toml", '[tool.dbops]\nextensions = ["plpgsql", "postgis_not_there"]\n')
    outcome = place.run("--json")
    assert outcome.code == 1
    assert "postgis_not_there" in outcome.json["message"]
    assert "postgis" in outcome.json["hint"]
    assert place.comments() == {}


def test_extensions_are_created_in_both(place: Place) -> None:
    """An extension that every server has and a new database lacks: asked for, dropped, created again."""
    place.project.write("pyproject.toml", '[tool.dbops]\nextensions = ["plpgsql"]\n')
    assert place.run().code == 0
    place.sql("DROP EXTENSION plpgsql", place.twin)
    outcome = place.run("--json", **_superuser(place))
    assert outcome.code == 0, outcome.stderr
    assert [one["extensions_added"] for one in outcome.json["databases"]] == [[], ["plpgsql"]]


def test_a_role_that_may_not_create_databases_is_told_what_lets_it(place: Place) -> None:
    """NOCREATEDB: exit 1 with the ALTER ROLE line, nothing made."""
    place.sql(f"ALTER ROLE {place.role} NOCREATEDB")
    outcome = place.run("--json")
    assert outcome.code == 1
    assert f'ALTER ROLE "{place.role}" CREATEDB' in outcome.json["hint"]
    assert place.comments() == {}


@pytest.mark.one_major
def test_a_wrong_password_and_a_closed_port_are_exit_10(place: Place) -> None:
    """Wrong password; nobody there: exit 10 each, with a hint, and nothing is made."""
    wrong = place.run("--json", DB_PASSWORD="wr0ng-pass")
    assert (wrong.code, bool(wrong.json["hint"])) == (10, True)
    assert "wr0ng-pass" not in wrong.stdout + wrong.stderr
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = place.run("--json", DB_PORT=str(unused.getsockname()[1]))
    assert (closed.code, "--server private" in closed.json["hint"]) == (10, True)
    assert not (place.project.folder / ".dbops").exists()


@pytest.mark.one_major
def test_dry_run_changes_nothing(place: Place) -> None:
    """--dry-run: says what it would make, and makes nothing, not even a folder."""
    outcome = place.run("--dry-run", "--json")
    assert (outcome.code, len(outcome.json["steps"])) == (0, 5)
    assert place.comments() == {}
    assert [path.name for path in place.project.folder.iterdir()] == ["migrations"]


@pytest.mark.one_major
@pytest.mark.parametrize("renamed", [False, True])
def test_what_a_killed_run_left_is_put_right(place: Place, renamed: bool) -> None:
    """Leftovers of a killed set-up and of a killed reset, before and after its successor was made."""
    assert place.run().code == 0
    place.sql("CREATE TABLE public.former ()", place.name)
    with psycopg.connect(**place.server.keywords(), autocommit=True) as connection:
        databases.rename(connection, place.name, databases.leftover("old", place.name))
        if renamed:
            databases.make(connection, place.name, lambda oid: None)
            connection.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                    sql.Identifier(place.name), sql.Identifier(place.role)
                )
            )
        new = sql.Identifier(databases.leftover("new", place.twin))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(new, sql.Identifier(place.role)))
    outcome = place.run("--json")
    assert outcome.code == 0, outcome.stderr
    assert len(outcome.json["tidied"]) == 2
    assert place.comments() == {place.name: MARK, place.twin: MARK}
    kept = None if renamed else "former"
    assert place.sql("SELECT to_regclass('public.former')::text", place.name) == [(kept,)]


@pytest.mark.one_major
def test_two_at_once_both_succeed(place: Place) -> None:
    """Two first runs at the same moment: one waits and says so, both exit 0, each database is made once."""
    both = [place.project.popen("setup-dev-db", "--json") for _ in range(2)]
    ended = [(one.communicate(timeout=60), one.returncode) for one in both]
    assert [code for _, code in ended] == [0, 0], ended
    assert sum('"changed": true' in out for (out, _), _ in ended) == 1
    assert any("waiting for it" in out for (out, _), _ in ended)


@pytest.mark.one_major
def test_status_says_where_and_what(place: Place) -> None:
    """Before: missing; after: marked.  Nothing is made by asking."""
    before = place.run("status", "--json").json
    assert (before["kind"], before["state"]) == ("configured", "reachable")
    assert set(before["databases"].values()) == {"missing"}
    place.run()
    assert place.run("--json", "status").json["databases"] == {place.name: "marked", place.twin: "marked"}


def _superuser(place: Place) -> dict[str, str]:
    """The variables by which a command runs as the server's superuser."""
    return {"DB_USER": place.server.user, "DB_PASSWORD": place.server.password}
