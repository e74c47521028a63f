"""Passwords of every shape get in, and are found nowhere afterwards."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Outcome, Project
from tests.servers import Database
from tests.watching import Watch

pytestmark = pytest.mark.one_major
EVERY = "".join(map(chr, range(33, 127)))
PASSWORDS = [EVERY, "with space ", "ünï漢😀", "'\"\\`$HOME${HOME}#%40%%", "@:/?#[]&=+;,"]


@pytest.fixture
def secret(database: Database, connect: Callable[..., psycopg.Connection[Any]]) -> Callable[[str], Database]:
    """Gives the database's owner another password."""

    def change(password: str) -> Database:
        admin = connect(database, **database.server.keywords())
        role = sql.Identifier(database.user)
        admin.execute(sql.SQL("alter role {} password {}").format(role, sql.Literal(password)))
        return dataclasses.replace(database, password=password)

    return change


def _without_secret(password: str, outcome: Outcome) -> None:
    for text in (outcome.stdout, outcome.stderr):
        assert password not in text
        assert quote(password, safe="") not in text


@pytest.mark.parametrize("password", PASSWORDS)
def test_in_each_source(project: Project, secret: Callable[[str], Database], password: str) -> None:
    """In a URL, in DB_PASSWORD, in `.env` as a URL and as DB_PASSWORD: each connects."""
    database = secret(password)
    project.write("migrations/001_t.sql", "SELECT 1;")
    host = {"DB_HOST": database.server.host, "DB_PORT": str(database.server.port), "DB_NAME": database.name}
    parts = {**host, "DB_USER": database.user}
    bash_quoted = password.replace("\\", "\\\\").replace("'", "\\'")
    for environ, dotenv in (
        ({"DATABASE_URL": database.url}, ""),
        ({**parts, "DB_PASSWORD": password}, ""),
        ({}, f"DATABASE_URL={database.url}\n"),
        (parts, f"DB_PASSWORD='{bash_quoted}'\n"),
    ):
        project.write(".env", dotenv)
        outcome = project.run("migrate", "up", "-v", environ=environ)
        assert outcome.code == 0, (dotenv, outcome)
        _without_secret(password, outcome)


def test_nowhere_while_it_runs(
    project: Project, secret: Callable[[str], Database], connect: Callable[..., psycopg.Connection[Any]]
) -> None:
    """Not in the arguments of any process, nor in what the server shows of its sessions."""
    password = "find-me'%40 in vain"
    database = secret(password)
    project.use(database)
    project.write("migrations/001_t.sql", "SELECT pg_sleep(600);")
    watch = Watch(connect(database))
    migrator = project.popen("migrate", "up", "-v", "--json")
    backend = watch.sleeping()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        assert b"find-me" not in arguments, process
    assert watch.value("select count(*) from pg_stat_activity where application_name like '%%find-me%%'") == 0
    watch.value("select pg_terminate_backend(%s)", backend)
    out, err = migrator.communicate(timeout=30)
    assert migrator.returncode == 10
    assert "find-me" not in out + err


@pytest.mark.parametrize("output", ["-v", "--json"])
def test_not_in_errors(project: Project, secret: Callable[[str], Database], output: str) -> None:
    """A wrong password, a wrong host, a wrong database, a wrong port: the password is in none of the errors."""
    database = secret("right")
    project.write("migrations/001_t.sql", "SELECT 1;")
    wrong = "find-me'%40 in vain"
    url = dataclasses.replace(database, password=wrong).url
    for broken in (
        url,
        url.replace(database.server.host, "no-such-host.invalid"),
        url.replace(database.name, "nowhere"),
        url.replace(f":{database.server.port}/", ":1/"),
        url.replace(f":{database.server.port}/", ":port/"),
        url.replace("@", "@@"),
        url + "?nonsense=1",
        url.replace("postgresql://", "postgres//"),
    ):
        outcome = project.run("migrate", "up", output, environ={"DATABASE_URL": broken})
        assert outcome.code in {5, 10}, (broken, outcome)
        _without_secret(wrong, outcome)
        assert "find-me" not in outcome.stdout + outcome.stderr, broken


def test_not_in_the_log_of_a_bug(project: Project, tmp_path: Path) -> None:
    """A bug's log is for its owner alone, and does not hold the command line that led to it."""
    broken = (
        "import sys; from dbops.cli import app; sys.exit(app.run('migrate', sys.argv[1:], lambda: 1 / 0))"
    )
    url = "postgresql://someone:find-me@localhost/name"
    ended = subprocess.run(
        [sys.executable, "-I", "-c", broken, "up", "--database-url", url],
        env={**project.environ, "TMPDIR": str(tmp_path), "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 70
    (log,) = tmp_path.glob("dbops-bug-*.log")
    assert log.stat().st_mode & 0o777 == 0o600
    assert "ZeroDivisionError" in log.read_text()
    assert "find-me" not in ended.stdout + ended.stderr + log.read_text()
    assert "Traceback" not in ended.stderr


def test_passwords_in_migrations(configured: Project, watch: Watch) -> None:
    """CREATE ROLE ... PASSWORD in a file that fails: not in the event log, not in `plan -v`, not in `history`."""
    configured.write("migrations/001_r.sql", "CREATE ROLE x PASSWORD 'find-me';")
    assert "find-me" not in configured.run("migrate", "plan", "-v").stdout
    for output in ("-v", "--json"):
        failed = configured.run("migrate", "up", output)
        assert failed.code == 1, failed
        assert "permission denied" in failed.stdout + failed.stderr
        assert "find-me" not in failed.stdout + failed.stderr
    inside = "DO $$BEGIN EXECUTE 'CREATE ROLE x PASSWORD ''find-me'''; END$$;"
    configured.write("migrations/001_r.sql", inside)
    failed = configured.run("migrate", "up")
    assert failed.code == 1, failed
    assert "find-me" not in failed.stderr
    configured.write("migrations/001_r.sql", "VACUUM;\nCREATE ROLE x PASSWORD 'find-me';")
    assert configured.run("migrate", "up").code == 4
    everything = str(watch.connection.execute("select * from schema_migrations_events").fetchall())
    assert "CREATE ROLE x PASSWORD '***'" in everything
    assert "find-me" not in everything
    assert "find-me" not in configured.run("migrate", "history", "--json").stdout


def test_every_character_is_in_the_test() -> None:
    """The first password holds every printable ASCII character."""
    assert len(set(EVERY)) == 94
    assert os.sep in EVERY
