"""`bin/migrate plan --trace` that dies with kill -9: its scratch databases go with the next one, the live one is as it was."""

from __future__ import annotations

import subprocess

import pytest

from tests.conftest import Project
from tests.postgres.rounds import superuser_sql
from tests.postgres.scratching import scratches
from tests.servers import Database
from tests.watching import until

pytestmark = pytest.mark.one_major


@pytest.fixture
def slow(configured: Project, database: Database) -> Project:
    """One migration is pending, which takes as long as the test wants to look."""
    superuser_sql(database, f"alter role {database.user} createdb")
    configured.write("migrations/001_a.up.sql", "create table a (id int); select pg_sleep(30);")
    configured.write("migrations/001_a.down.sql", "drop table a;")
    return configured


def _until_it_sleeps(database: Database, running: subprocess.Popen[str]) -> None:
    query = (
        "select 1 from pg_stat_activity where query like '%pg_sleep(30)%' and state = 'active'"
        f" and usename = '{database.user}'"
    )

    def sleeping() -> bool:
        assert running.poll() is None, running.communicate()
        return bool(superuser_sql(database, query, "postgres"))

    until(sleeping, "the statement that sleeps")


def test_killed_in_a_statement(slow: Project, database: Database) -> None:
    """Two scratch databases stay, and no report; the next trace drops them and says so."""
    running = slow.popen("migrate", "plan", "--trace")
    _until_it_sleeps(database, running)
    running.kill()
    running.communicate()
    assert len(scratches(database)) == 2
    assert not (slow.folder / "backups" / "traces").exists()

    slow.write("migrations/001_a.up.sql", "create table a (id int);")
    again = slow.run("migrate", "plan", "--trace")
    assert again.code == 0, again
    assert again.stderr.count("which an interrupted") == 2
    assert not scratches(database)
    assert superuser_sql(database, "select to_regclass('a')") == [(None,)]


def test_interrupted(slow: Project, database: Database) -> None:
    """Ctrl-C: exit 130, and nothing is left."""
    running = slow.popen("migrate", "plan", "--trace")
    _until_it_sleeps(database, running)
    running.send_signal(2)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert not scratches(database)
    assert not (slow.folder / "backups" / "traces").exists()
