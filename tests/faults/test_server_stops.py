"""Servers that stop, connections that break, poolers in between: never a bug, never a wrong record."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable

import psycopg
import pytest

from dbops.engines.postgres import databases
from tests.conftest import Project
from tests.faults.conftest import OldSnapshot, OwnServer, Start, Wire
from tests.servers import Database
from tests.watching import Watch, until

pytestmark = pytest.mark.one_major


def _said(migrator: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = migrator.communicate(timeout=30)
    return migrator.returncode, out + err


def test_server_killed_in_a_transaction_and_in_a_block_that_commits(
    project: Project, own_server: OwnServer
) -> None:
    """The server crashes in each; after its restart `up` finishes, and a crash is told as a lost connection."""
    project.environ["DATABASE_URL"] = own_server.url
    project.write("migrations/001_t.sql", "CREATE TABLE t (id integer);\nSELECT pg_sleep(600);")
    migrator = project.popen("migrate", "up")
    with own_server.connect() as session:
        Watch(session).sleeping()
        own_server.stop("immediate")
    code, said = _said(migrator)
    assert code == 10, said
    assert "connection was lost while version 001" in said
    assert "bug" not in said

    own_server.start()
    project.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    project.write(
        "migrations/002_v.sql",
        "CREATE TABLE u (id integer);\nVACUUM t;\nDO $$BEGIN COMMIT; PERFORM pg_sleep(600); END$$;",
    )
    migrator = project.popen("migrate", "up")
    with own_server.connect() as session:
        Watch(session).sleeping()
        own_server.stop("immediate")
    code, said = _said(migrator)
    assert code == 10, said

    own_server.start()
    project.write(
        "migrations/002_v.sql", "CREATE TABLE u (id integer);\nVACUUM t;\nDO $$BEGIN COMMIT; END$$;"
    )
    outcome = project.run("migrate", "up", "--started-statement", "again")
    assert outcome.code == 0, outcome
    with own_server.connect() as session:
        assert Watch(session).applied() == ["001", "002"]
        assert Watch(session).value("select to_regclass('t') is not null and to_regclass('u') is not null")


def test_too_many_clients(project: Project, own_server: OwnServer) -> None:
    """Every connection of the server is in use: tried again until one is free."""
    project.environ["DATABASE_URL"] = own_server.url
    project.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    own_server.stop("fast")
    own_server.start(max_connections="4", superuser_reserved_connections="0", max_wal_senders="0")
    held = [own_server.connect() for _ in range(4)]
    migrator = project.popen("migrate", "up")
    assert migrator.stderr is not None
    assert "too many clients already; trying again" in migrator.stderr.readline()
    for session in held:
        session.close()
    code, said = _said(migrator)
    assert code == 0, said


@pytest.mark.parametrize("sessions", [0, 1], ids=["alone", "beside one of ours"])
def test_autovacuum_works_in_a_database_that_is_dropped(own_server: OwnServer, sessions: int) -> None:
    """Its session may not be ended by an ordinary role: it goes all the same, and those of the role are ended."""
    own_server.stop("fast")
    own_server.start(autovacuum="on", autovacuum_naptime="1s")
    with own_server.connect() as superuser:
        superuser.execute("create role app login createdb password 'app'")
        url = psycopg.conninfo.make_conninfo(own_server.url, user="app", password="app", dbname="{}")
        owner = psycopg.connect(url.format("postgres"), autocommit=True)
        owner.execute("create database scratch")
        with psycopg.connect(url.format("scratch"), autocommit=True) as working:
            working.execute(
                "create table t (a text) with (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_cost_delay = 100,"
                " autovacuum_vacuum_cost_limit = 1)"
            )
            working.execute("insert into t select repeat('x', 500) from generate_series(1, 20000)")
            working.execute("delete from t where ctid::text like '%0)'")
        ours = [psycopg.connect(url.format("scratch")) for _ in range(sessions)]
        Watch(superuser).until(
            "select true from pg_stat_activity where datname = 'scratch' and backend_type = 'autovacuum worker'"
        )
        databases.drop(owner, "scratch")
        assert databases.existing(owner, ["scratch"]) == {}
        for one in (owner, *ours):
            one.close()


def test_session_terminated_in_a_transaction(configured: Project, start: Start, watch: Watch) -> None:
    """pg_terminate_backend on the migrator: exit 10 that says so; the next `up` finishes."""
    path = configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);\nSELECT pg_sleep(600);")
    migrator = start("up")
    watch.value("select pg_terminate_backend(%s)", watch.sleeping())
    code, said = _said(migrator)
    assert code == 10, said
    assert "the connection was lost while version 001" in said
    assert "terminating connection due to administrator command" in said
    path.write_text("CREATE TABLE t (id integer);")
    assert configured.run("migrate", "up").code == 0
    assert watch.applied() == ["001"]


def test_session_terminated_in_a_concurrent_build(
    configured: Project, start: Start, watch: Watch, old_snapshot: OldSnapshot
) -> None:
    """pg_terminate_backend in CREATE INDEX CONCURRENTLY: exit 10; the next `up` drops what is left and finishes."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    configured.write("migrations/002_i.sql", "CREATE INDEX CONCURRENTLY i ON t (id);")
    older = old_snapshot()
    migrator = start("up")
    watch.value("select pg_terminate_backend(%s)", watch.waiting_for_snapshot("CREATE INDEX"))
    code, said = _said(migrator)
    assert code == 10, said
    older.close()
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.indexes() == {"i": True}


@pytest.mark.parametrize("text", ["SELECT pg_sleep(600);", "VACUUM;\nSELECT pg_sleep(600);"])
def test_connection_cut(
    project: Project, database: Database, wires: Callable[..., Wire], watch: Watch, text: str
) -> None:
    """The network goes in the middle: exit 10, the server rolls back by itself, the next `up` finishes."""
    wire = wires(database.server)
    project.environ["DATABASE_URL"] = database.url.replace(f":{database.server.port}/", f":{wire.port}/")
    path = project.write("migrations/001_t.sql", f"CREATE TABLE t (id integer);\n{text}")
    migrator = project.popen("migrate", "up")
    backend = watch.sleeping()
    wire.cut()
    code, said = _said(migrator)
    assert code == 10, said
    assert "bin/migrate status" in said
    watch.gone(backend)
    path.write_text(f"CREATE TABLE t (id integer);\n{text.replace('600', '0')}")
    project.use(database)
    outcome = project.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.applied() == ["001"]


def test_pooler(project: Project, database: Database, wires: Callable[..., Wire], watch: Watch) -> None:
    """A handshake with another process id than the session's own: exit 5, and nothing is made."""
    wire = wires(database.server, rewrite=True)
    project.environ["DATABASE_URL"] = database.url.replace(f":{database.server.port}/", f":{wire.port}/")
    project.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    outcome = project.run("migrate", "up")
    assert outcome.code == 5, outcome
    assert "pooler" in outcome.stderr
    assert "DBOPS_DIRECT_URL" in outcome.stderr
    assert watch.value("select to_regclass('schema_migrations')") is None


# -- Ctrl-C and SIGTERM ------------------------------------------------------------------------------------------------

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])


@SIGNALS
def test_interrupted_in_a_transaction(
    configured: Project, start: Start, watch: Watch, number: signal.Signals
) -> None:
    """Exit 130, the transaction is rolled back and the lock free when the process has ended."""
    path = configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);\nSELECT pg_sleep(600);")
    migrator = start("up")
    backend = watch.sleeping()
    migrator.send_signal(number)
    code, said = _said(migrator)
    assert code == 130, said
    assert "interrupted" in said
    watch.gone(backend)
    watch.lock_is_free()
    assert watch.value("select to_regclass('t')") is None
    path.write_text("CREATE TABLE t (id integer);")
    assert configured.run("migrate", "up").code == 0


@SIGNALS
def test_interrupted_in_a_concurrent_build(
    configured: Project, start: Start, watch: Watch, old_snapshot: OldSnapshot, number: signal.Signals
) -> None:
    """Exit 130; what the build left is dropped by the next `up`, which finishes."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    configured.write(
        "migrations/002_i.sql", "CREATE TABLE u (id integer);\nCREATE INDEX CONCURRENTLY i ON t (id);"
    )
    older = old_snapshot()
    migrator = start("up")
    backend = watch.waiting_for_snapshot("CREATE INDEX")
    migrator.send_signal(number)
    code, said = _said(migrator)
    assert code == 130, said
    assert "bin/migrate up" in said, "it says how to go on with what is there"
    watch.gone(backend)
    older.close()
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.indexes() == {"i": True}
    assert watch.applied() == ["001", "002"]


@SIGNALS
def test_interrupted_while_waiting_for_the_lock(
    configured: Project, start: Start, watch: Watch, number: signal.Signals
) -> None:
    """Exit 130; the migrator that works is not disturbed."""
    path = configured.write("migrations/001_t.sql", "SELECT pg_sleep(600);")
    holder = start("up")
    backend = watch.sleeping()
    waiter = start("up")
    assert waiter.stderr is not None
    until(lambda: "waiting for another migrator" in waiter.stderr.readline(), "the waiter's words")  # type: ignore[union-attr]  # seen above
    waiter.send_signal(number)
    code, said = _said(waiter)
    assert code == 130, said
    assert holder.poll() is None
    watch.value("select pg_cancel_backend(%s)", backend)
    assert _said(holder)[0] == 1
    path.write_text("SELECT 1;")
    assert configured.run("migrate", "up").code == 0


def test_session_terminated_while_waiting_for_the_lock(
    configured: Project, start: Start, watch: Watch
) -> None:
    """The server ends a migrator that does nothing but wait: exit 10, not a bug."""
    configured.write("migrations/001_t.sql", "SELECT pg_sleep(600);")
    start("up")
    holder = watch.sleeping()
    waiter = start("up")
    assert waiter.stderr is not None
    until(lambda: "waiting for another migrator" in waiter.stderr.readline(), "the waiter's words")  # type: ignore[union-attr]  # seen above
    watch.value(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        " and application_name like 'dbops migrate up%%' and pid <> %s",
        holder,
    )
    code, said = _said(waiter)
    assert code == 10, said
    assert "the connection was lost: terminating connection due to administrator command" in said
