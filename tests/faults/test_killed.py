"""Migrators that die with kill -9, and what the next `up` makes of it."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from tests.conftest import Project
from tests.faults.conftest import OldSnapshot, Start
from tests.watching import Watch


def _kill(migrator: subprocess.Popen[str]) -> None:
    os.kill(migrator.pid, signal.SIGKILL)
    migrator.wait()


def _killed_while_waiting(start: Start, old_snapshot: OldSnapshot, watch: Watch, running: str) -> None:
    """Kill a migrator whose statement waits for an older snapshot, and let the server notice."""
    older = old_snapshot()
    migrator = start("up")
    backend = watch.waiting_for_snapshot(running)
    _kill(migrator)
    watch.gone(backend)
    older.close()
    watch.lock_is_free()


def test_in_a_transaction(configured: Project, start: Start, watch: Watch) -> None:
    """Nothing of the killed migration is left, the server frees the lock by itself, the next `up` finishes."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    path = configured.write("migrations/002_u.sql", "CREATE TABLE u (id integer);\nSELECT pg_sleep(600);")
    migrator = start("up")
    backend = watch.sleeping()
    _kill(migrator)
    watch.gone(backend)
    watch.lock_is_free()
    assert watch.value("select to_regclass('u')") is None
    assert watch.applied() == ["001"]
    path.write_text("CREATE TABLE u (id integer);")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.applied() == ["001", "002"]


@pytest.mark.parametrize("clause", ["", "IF NOT EXISTS "])
def test_in_a_concurrent_index_build(
    configured: Project,
    start: Start,
    old_snapshot: OldSnapshot,
    watch: Watch,
    clause: str,
) -> None:
    """The invalid index that the kill left is dropped and built again, also where IF NOT EXISTS would keep it."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    configured.write(
        "migrations/002_i.sql",
        f"CREATE TABLE before (id integer);\nCREATE INDEX CONCURRENTLY {clause}i ON t (id);\n"
        "CREATE TABLE after (id integer);",
    )
    _killed_while_waiting(start, old_snapshot, watch, "CREATE INDEX CONCURRENTLY")
    assert watch.indexes() == {"i": False}
    status = configured.run("migrate", "status", "--json")
    assert [one["state"] for one in status.json["migrations"]] == ["applied", "partial"]
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert "dropping the invalid index public.i" in outcome.stderr
    assert watch.indexes() == {"i": True}
    assert watch.applied() == ["001", "002"]
    assert watch.value("select to_regclass('after') is not null and to_regclass('before') is not null")


@pytest.mark.one_major
def test_the_first_statement_of_a_file(
    configured: Project,
    start: Start,
    old_snapshot: OldSnapshot,
    watch: Watch,
) -> None:
    """A file of one concurrent index, killed: `up` finishes it, also when the file's comments changed meanwhile."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    path = configured.write("migrations/002_i.sql", "CREATE INDEX CONCURRENTLY i ON t (id);")
    _killed_while_waiting(start, old_snapshot, watch, "CREATE INDEX CONCURRENTLY")
    path.write_text("-- told afterwards\nCREATE INDEX CONCURRENTLY i\n    ON t (id);\n")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.indexes() == {"i": True}


def test_in_a_concurrent_drop(
    configured: Project,
    start: Start,
    old_snapshot: OldSnapshot,
    watch: Watch,
) -> None:
    """An index that is half dropped is dropped by the next `up`."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer); CREATE INDEX i ON t (id);")
    configured.run("migrate", "up")
    configured.write("migrations/002_i.sql", "DROP INDEX CONCURRENTLY i;")
    older = old_snapshot()
    older.execute("select * from t")
    migrator = start("up")
    backend = watch.waiting_for_snapshot("DROP INDEX CONCURRENTLY")
    _kill(migrator)
    watch.gone(backend)
    older.close()
    assert watch.indexes() == {"i": False}
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.indexes() == {}


def test_in_a_concurrent_reindex(
    configured: Project,
    start: Start,
    old_snapshot: OldSnapshot,
    watch: Watch,
) -> None:
    """The copy that an interrupted REINDEX CONCURRENTLY leaves is dropped by the next `up`, which reindexes."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer); CREATE INDEX i ON t (id);")
    configured.write("migrations/002_i.sql", "REINDEX INDEX CONCURRENTLY i;")
    _killed_while_waiting(start, old_snapshot, watch, "REINDEX INDEX CONCURRENTLY")
    assert watch.indexes() == {"i": True, "i_ccnew": False}
    before = watch.value("select pg_relation_filenode('i')")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.indexes() == {"i": True}
    assert watch.value("select pg_relation_filenode('i')") != before


def test_in_a_concurrent_detach(
    configured: Project,
    start: Start,
    old_snapshot: OldSnapshot,
    watch: Watch,
) -> None:
    """A partition that is half detached is detached by the next `up`."""
    configured.write(
        "migrations/001_t.sql",
        "CREATE TABLE t (id integer) PARTITION BY RANGE (id);\n"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (1) TO (100);",
    )
    configured.run("migrate", "up")
    configured.write("migrations/002_d.sql", "ALTER TABLE t DETACH PARTITION t1 CONCURRENTLY;")
    older = old_snapshot()
    older.execute("select * from t")
    migrator = start("up")
    backend = watch.until(
        "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        " and query like 'ALTER TABLE t DETACH%%'"
    )
    watch.until("select inhdetachpending from pg_inherits where inhrelid = 't1'::regclass")
    _kill(migrator)
    watch.gone(backend)
    older.close()
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.value("select count(*) from pg_inherits where inhparent = 't'::regclass") == 0
    assert watch.applied() == ["001", "002"]


COMMITS = "DO $$ BEGIN INSERT INTO t VALUES (1); COMMIT; PERFORM pg_sleep({}); END $$;"


@pytest.mark.one_major
@pytest.mark.parametrize(("answer", "rows"), [("done", 1), ("again", 2)])
def test_in_a_block_that_commits(
    configured: Project, start: Start, watch: Watch, answer: str, rows: int
) -> None:
    """Nobody can see whether a DO block that commits finished: exit 4, until the user says it."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer);")
    path = configured.write(
        "migrations/002_do.sql", COMMITS.format(600) + "\nCREATE TABLE after (id integer);"
    )
    migrator = start("up")
    watch.until("select to_regclass('t') is not null")
    watch.until("select count(*) = 1 from t")
    backend = watch.sleeping()
    _kill(migrator)
    watch.gone(backend)
    asked = configured.run("migrate", "up")
    assert asked.code == 4, asked
    assert "002_do.sql:1:1" in asked.stderr
    assert "--started-statement" in asked.stderr
    assert watch.value("select count(*) from t") == 1
    if answer == "again":
        path.write_text(COMMITS.format(0) + "\nCREATE TABLE after (id integer);")
    outcome = configured.run("migrate", "up", "--started-statement", answer)
    assert outcome.code == 0, outcome
    assert watch.value("select count(*) from t") == rows
    assert watch.value("select to_regclass('after') is not null")
    assert watch.applied() == ["001", "002"]


def _index_then_killed_before_the_journal(configured: Project, watch: Watch, statement: str) -> None:
    """Apply a file whose second statement is given, and forget its end as a kill just after it would."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t (id integer); CREATE INDEX old ON t (id);")
    configured.write(
        "migrations/002_i.sql", f"CREATE TABLE before (id integer);\n{statement}\nSELECT fails();"
    )
    assert configured.run("migrate", "up").code == 4
    watch.connection.execute(
        "delete from schema_migrations_events where action = 'statement done' and statement_number = 2"
    )
    configured.write(
        "migrations/002_i.sql",
        f"CREATE TABLE before (id integer);\n{statement}\nCREATE TABLE after (id integer);",
    )


@pytest.mark.one_major
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX CONCURRENTLY i ON t (id);",
        "DROP INDEX CONCURRENTLY old;",
        "VACUUM t;",
        "REINDEX TABLE CONCURRENTLY t;",
    ],
)
def test_between_a_statement_and_its_journal_row(configured: Project, watch: Watch, statement: str) -> None:
    """The statement finished and the process died before it could say so: the catalog says it."""
    _index_then_killed_before_the_journal(configured, watch, statement)
    index = watch.value("select to_regclass('i')::oid")
    outcome = configured.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert watch.value("select to_regclass('i')::oid") == index, "it was built a second time"
    assert watch.value("select to_regclass('after') is not null")
    assert watch.applied() == ["001", "002"]
