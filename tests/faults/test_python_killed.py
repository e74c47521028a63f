"""Python migrations that die with kill -9, lose their connection or are interrupted, and what the next `up` makes of it."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap

import pytest

from tests.conftest import Project
from tests.faults.conftest import Start
from tests.watching import Watch

pytestmark = pytest.mark.one_major

ROWS = 2_000
BATCHED = """
    transactional = False

    def up(db):
        db.execute("ALTER TABLE t ADD COLUMN IF NOT EXISTS n int NOT NULL DEFAULT 0")
        db.batched(
            "UPDATE t SET n = n + 1 WHERE id BETWEEN %(first)s AND %(last)s", table="t", key="id", size=50, pause={pause}
        )
        db.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS t_n ON t (n)")
"""


def _module(configured: Project, text: str) -> None:
    configured.write("migrations/2_b.py", textwrap.dedent(text))


@pytest.fixture
def batching(configured: Project, start: Start, watch: Watch) -> subprocess.Popen[str]:
    """A migrator that is in the middle of its batches."""
    configured.write(
        "migrations/1_a.sql",
        f"CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, {ROWS});",
    )
    assert configured.run("migrate", "up").code == 0
    _module(configured, BATCHED.format(pause=0.05))
    migrator = start("up")
    watch.until("select exists (select from schema_migrations_events where action = 'batch done')")
    watch.until("select count(*) > 2 from schema_migrations_events where action = 'batch done'")
    return migrator


def _goes_on(configured: Project, watch: Watch) -> None:
    """Some rows are done; the next `up` does the others, and none of them again."""
    watch.lock_is_free()
    done = watch.value("select sum(n) from t")
    assert 100 < done < ROWS
    status = configured.run("migrate", "status", "--json")
    assert [one["state"] for one in status.json["migrations"]] == ["applied", "partial"]
    _module(configured, BATCHED.format(pause=0))
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert f"going on behind id {done}, {done:,} rows done" in outcome.stderr
    assert watch.value("select count(*) from t where n = 1") == ROWS
    assert watch.indexes()["t_n"] is True
    assert watch.applied() == ["1", "2"]


def test_killed_between_batches(configured: Project, batching: subprocess.Popen[str], watch: Watch) -> None:
    """Whenever the kill comes, each row is changed exactly once."""
    os.kill(batching.pid, signal.SIGKILL)
    batching.wait()
    _goes_on(configured, watch)


def test_interrupted(configured: Project, batching: subprocess.Popen[str], watch: Watch) -> None:
    """Ctrl-C: exit 130, and it says how to go on."""
    os.killpg(batching.pid, signal.SIGINT)
    _, stderr = batching.communicate(timeout=30)
    assert batching.returncode == 130, stderr
    assert "interrupted; what it had committed is in place" in stderr
    assert "Traceback" not in stderr
    _goes_on(configured, watch)


def test_the_connection_is_lost(configured: Project, batching: subprocess.Popen[str], watch: Watch) -> None:
    """The server ends the session: exit 10, not a failure of the module."""
    watch.connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and application_name like 'dbops%%migrate up%%'"
    )
    _, stderr = batching.communicate(timeout=30)
    assert batching.returncode == 10, stderr
    assert "the connection was lost while version 2 (up) ran" in stderr
    _goes_on(configured, watch)


def test_killed_in_a_transaction(configured: Project, start: Start, watch: Watch) -> None:
    """Nothing of it is there, and the next `up` runs it."""
    _module(
        configured,
        "def up(db):\n    db.execute('CREATE TABLE u ()')\n    db.execute('SELECT pg_sleep(600)')\n",
    )
    migrator = start("up")
    backend = watch.sleeping()
    os.kill(migrator.pid, signal.SIGKILL)
    migrator.wait()
    watch.gone(backend)
    watch.lock_is_free()
    assert watch.value("select to_regclass('u')") is None
    _module(configured, "def up(db):\n    db.execute('CREATE TABLE u ()')\n")
    assert configured.run("migrate", "up").code == 0
    assert watch.applied() == ["2"]


@pytest.mark.parametrize("then", ["raise ValueError('swallowed')", "pass", "raise"])
def test_interrupted_in_a_transaction(configured: Project, start: Start, watch: Watch, then: str) -> None:
    """A module that catches everything cannot hold Ctrl-C up: exit 130, nothing is left."""
    _module(
        configured,
        f"""
        def up(db):
            db.execute("CREATE TABLE u ()")
            try:
                db.execute("SELECT pg_sleep(600)")
            except BaseException:
                {then}
        """,
    )
    migrator = start("up")
    backend = watch.sleeping()
    os.killpg(migrator.pid, signal.SIGINT)
    _, stderr = migrator.communicate(timeout=30)
    assert migrator.returncode == 130, stderr
    watch.gone(backend)
    assert watch.value("select to_regclass('u')") is None
    assert watch.applied() == []
