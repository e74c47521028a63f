"""Locks that somebody else holds: a table's, the migrator's, an old snapshot."""

from __future__ import annotations

import concurrent.futures
import os
import signal
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.servers import Database
from tests.watching import Watch, until

Connect = Callable[..., psycopg.Connection[Any]]


def _holding(connect: Connect, database: Database, lock: str = "lock table t") -> psycopg.Connection[Any]:
    session = connect(database, autocommit=False, application_name="report of the month")
    session.execute(lock)
    return session


@pytest.fixture
def table(configured: Project) -> Project:
    """A project whose first migration, a table, is applied, and the second, a column of it, is not."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    assert configured.run("migrate", "up").code == 0
    configured.write(
        "migrations/002_c.sql", "CREATE TABLE u (id integer);\nALTER TABLE t ADD COLUMN c integer;"
    )
    return configured


@pytest.mark.one_major
def test_released_before_the_deadline(
    table: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """Each try says who holds the table; once it is released the migration is applied."""
    holder = _holding(connect, database)
    migrator = table.popen("migrate", "up", "--lock-timeout", "300ms", "--deadline", "50s")
    assert migrator.stderr is not None
    line = until(lambda: next((text for text in migrator.stderr if "try 2" in text), None), "a retry")  # type: ignore[union-attr]  # seen above
    assert "canceling statement due to lock timeout" in line
    assert f"held by pid {holder.info.backend_pid}" in line
    assert "report of the month" in line
    holder.close()
    out, err = migrator.communicate(timeout=30)
    assert migrator.returncode == 0, out + err
    assert watch.applied() == ["001", "002"]
    assert watch.events("failed") == []


@pytest.mark.one_major
def test_held_past_the_deadline(table: Project, database: Database, connect: Connect, watch: Watch) -> None:
    """Exit 11 naming the holder; nothing is left, and the failure is in the history."""
    holder = _holding(connect, database)
    outcome = table.run("migrate", "up", "--lock-timeout", "200ms", "--deadline", "600ms")
    assert outcome.code == 11, outcome
    assert f"pid {holder.info.backend_pid}" in outcome.stderr
    assert "report of the month" in outcome.stderr
    assert f"pg_terminate_backend({holder.info.backend_pid})" in outcome.stderr
    assert watch.value("select to_regclass('u')") is None
    assert watch.applied() == ["001"]
    assert [(version, state) for version, _, state, _ in watch.events("failed")] == [("002", "55P03")]
    holder.close()
    assert table.run("migrate", "up").code == 0


@pytest.mark.one_major
def test_lock_timeout_of_the_file(table: Project, database: Database, connect: Connect) -> None:
    """`-- dbops: lock-timeout` in the file counts for it."""
    holder = _holding(connect, database)
    table.write("migrations/002_c.sql", "-- dbops: lock-timeout 1s\nALTER TABLE t ADD COLUMN c integer;")
    outcome = table.run("migrate", "up", "--lock-timeout", "10min", "--deadline", "0s")
    assert outcome.code == 11, outcome
    assert str(holder.info.backend_pid) in outcome.stderr


@pytest.mark.one_major
def test_held_past_the_deadline_in_a_file_of_steps(
    table: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """Exit 11, too, where statements ran before; the next `up` goes on behind them."""
    table.write(
        "migrations/002_c.sql", "CREATE TABLE u (id integer);\nVACUUM u;\nALTER TABLE t ADD COLUMN c integer;"
    )
    holder = _holding(connect, database)
    outcome = table.run("migrate", "up", "--lock-timeout", "300ms", "--deadline", "2s")
    assert outcome.code == 11, outcome
    assert str(holder.info.backend_pid) in outcome.stderr
    assert watch.value("select to_regclass('u') is not null")
    holder.close()
    assert table.run("migrate", "up").code == 0
    assert watch.applied() == ["001", "002"]


def test_concurrent_build_behind_an_old_snapshot(
    table: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """CREATE INDEX CONCURRENTLY waits past the deadline: exit 11 that names whom it waits for; then `up` finishes."""
    table.write("migrations/002_c.sql", "CREATE INDEX CONCURRENTLY i ON t (id);")
    older = _holding(connect, database, "declare c cursor for select 1")
    outcome = table.run("migrate", "up", "--lock-timeout", "300ms", "--deadline", "2s")
    assert outcome.code == 11, outcome
    assert f"pid {older.info.backend_pid}" in outcome.stderr
    assert watch.indexes() == {"i": False}
    older.close()
    outcome = table.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.indexes() == {"i": True}


@pytest.mark.one_major
def test_concurrent_build_is_not_under_the_lock_timeout(
    table: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """It waits for an old snapshot longer than lock_timeout and then succeeds."""
    table.write("migrations/002_c.sql", "CREATE INDEX CONCURRENTLY i ON t (id);")
    older = _holding(connect, database, "declare c cursor for select 1")
    migrator = table.popen("migrate", "up", "--lock-timeout", "1ms")
    watch.waiting_for_snapshot("CREATE INDEX")
    watch.until(
        "select clock_timestamp() - query_start > '20 ms' from pg_stat_activity"
        " where datname = current_database() and query like 'CREATE INDEX%%'"
    )
    older.close()
    out, err = migrator.communicate(timeout=30)
    assert migrator.returncode == 0, out + err
    assert watch.indexes() == {"i": True}


def test_deadlock_is_tried_again(table: Project, database: Database, connect: Connect, watch: Watch) -> None:
    """The server picks the migrator as the victim: rolled back, and tried again."""
    watch.connection.execute("create table other (id integer)")
    watch.connection.execute("select pg_advisory_lock(1)")
    table.write(
        "migrations/002_c.sql",
        "LOCK TABLE other;\nSELECT pg_advisory_xact_lock_shared(1);\nLOCK TABLE t;\nALTER TABLE t ADD COLUMN c integer;",
    )
    holder = connect(database, **database.server.keywords(database.name), autocommit=False)
    holder.execute("set deadlock_timeout = '1h'")  # so that it is the migrator who notices
    holder.execute("lock table t")
    migrator = table.popen("migrate", "up", "--lock-timeout", "60s")
    assert migrator.stderr is not None
    watch.until(
        "select count(*) = 1 from pg_locks where locktype = 'advisory' and objid = 1 and not granted"
        " and database = (select oid from pg_database where datname = current_database())"
    )
    with concurrent.futures.ThreadPoolExecutor() as pool:
        locking = pool.submit(holder.execute, "lock table other")
        watch.until("select count(*) = 1 from pg_locks where relation = 'other'::regclass and not granted")
        watch.connection.execute("select pg_advisory_unlock(1)")
        locking.result(timeout=30)
        holder.rollback()
    out, err = migrator.communicate(timeout=30)
    assert migrator.returncode == 0, out + err
    assert "deadlock detected" in err
    assert "try 2" in err
    assert watch.applied() == ["001", "002"]


@pytest.mark.one_major
def test_holder_of_the_migration_lock(configured: Project, watch: Watch) -> None:
    """A second migrator names the first, with verb, user and host; `unlock --yes` ends it."""
    configured.write("migrations/001_t.sql", "SELECT pg_sleep(600);")
    holder = configured.popen("migrate", "up")
    backend = watch.sleeping()
    second = configured.run("migrate", "up", "--deadline", "200ms")
    assert second.code == 11, second
    assert f"pid {backend}" in second.stderr
    assert "dbops migrate up" in second.stderr
    assert "bin/migrate unlock" in second.stderr
    asked = configured.run("migrate", "unlock")
    assert asked.code == 13, asked
    assert "--yes" in asked.stderr
    assert configured.run("migrate", "unlock", "--yes").code == 0
    out, err = holder.communicate(timeout=30)
    assert holder.returncode == 10, out + err
    assert [version for version, *_ in watch.events("unlocked")] == [None]
    free = configured.run("migrate", "unlock", "--yes")
    assert free.code == 0
    assert "nobody holds the migration lock" in free.stdout


@pytest.mark.one_major
def test_unlock_spares_what_is_not_dbops(configured: Project, watch: Watch) -> None:
    """The lock is held by some other program: named, and not ended."""
    configured.write("migrations/001_t.sql", "SELECT 1;")
    watch.connection.execute("select pg_advisory_lock(%s)", [0x7BFA_F4FB_42DD_B4A5])
    outcome = configured.run("migrate", "unlock", "--yes")
    assert outcome.code == 13, outcome
    assert "not dbops'" in outcome.stderr
    assert str(watch.connection.info.backend_pid) in outcome.stderr
    assert watch.value("select 1") == 1


@pytest.mark.one_major
def test_stopped_migrator_keeps_its_lock(configured: Project, watch: Watch) -> None:
    """A migrator that hangs (SIGSTOP) is alive: nobody takes the lock from it."""
    path = configured.write("migrations/001_t.sql", "SELECT pg_sleep(600);")
    holder = configured.popen("migrate", "up")
    backend = watch.sleeping()
    os.kill(holder.pid, signal.SIGSTOP)
    second = configured.run("migrate", "up", "--deadline", "1s")
    assert second.code == 11, second
    os.kill(holder.pid, signal.SIGCONT)
    watch.value("select pg_cancel_backend(%s)", backend)
    out, err = holder.communicate(timeout=30)
    assert holder.returncode == 1, out + err
    path.write_text("SELECT 1;")
    assert configured.run("migrate", "up").code == 0


@pytest.mark.one_major
@pytest.mark.parametrize("before", ["", "VACUUM;\n"], ids=["transaction", "stepwise"])
def test_statement_timeout(configured: Project, watch: Watch, before: str) -> None:
    """By option and by the file, which is the stronger; the hint names both.  One who cancels gets no such hint."""
    configured.write("migrations/001_t.sql", f"{before}SELECT pg_sleep(600);")
    code = 4 if before else 1
    outcome = configured.run("migrate", "up", "--statement-timeout", "900ms")
    assert outcome.code == code, outcome
    assert "canceling statement due to statement timeout" in outcome.stderr
    assert "--statement-timeout" in outcome.stderr
    configured.write(
        "migrations/001_t.sql", f"-- dbops: statement-timeout 900ms\n{before}SELECT pg_sleep(600);"
    )
    assert "due to statement timeout" in configured.run("migrate", "up", "--statement-timeout", "1h").stderr
    configured.write("migrations/001_t.sql", f"{before}SELECT pg_sleep(600);")
    migrator = configured.popen("migrate", "up")
    watch.value("select pg_cancel_backend(%s)", watch.sleeping())
    out, err = migrator.communicate(timeout=30)
    assert migrator.returncode == code, out + err
    assert "due to user request" in err
    assert "--statement-timeout" not in err
