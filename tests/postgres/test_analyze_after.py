"""After migrations: ANALYZE of the tables that are not what they were, and of no others."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbops.engines.postgres.analyze import analyze
from dbops.events import ignore
from tests.conftest import Project
from tests.postgres.proving import target_of
from tests.servers import Database
from tests.watching import Watch

Connect = Callable[..., psycopg.Connection[Any]]

ROWS = "INSERT INTO {} SELECT g FROM generate_series(1, 1000) g;"


def _up(project: Project, *options: str, number: int = 1, text: str = "") -> str:
    """Write a migration and run it; what was narrated."""
    project.write(f"migrations/{number:03d}_m.sql", text)
    outcome = project.run("migrate", "up", "-v", *options)
    assert outcome.code == 0, outcome
    return outcome.stderr


def _analyzed(narration: str) -> list[str]:
    """The tables, by the details of `-v`."""
    lines = (line.split() for line in narration.splitlines())
    return [words[-3].removeprefix("public.") for words in lines if words[:1] in (["ANALYZE"], ["VACUUM"])]


def _columns(watch: Watch) -> list[str]:
    return watch.values(
        "select tablename || '.' || attname from pg_stats where schemaname = 'public'"
        " and tablename not like 'schema_migrations%%' order by 1"
    )


def test_what_has_changed_and_nothing_else(configured: Project, watch: Watch) -> None:
    """Rows by SQL, by a DO block and by a trigger, new columns, other types, expressions, a materialized view made anew;
    not what is empty, what lost a column, or what nobody touched."""
    told = _up(
        configured,
        text="".join(
            f"CREATE TABLE {name} (id int); {ROWS.format(name)}"
            for name in ("loaded", "filled", "noted", "untouched", "typed", "shorter", "indexed")
        )
        + "ALTER TABLE shorter ADD COLUMN n int; CREATE TABLE empty (id int);"
        "CREATE MATERIALIZED VIEW seen AS SELECT * FROM loaded;",
    )
    assert sorted(_analyzed(told)) == [
        *("filled", "indexed", "loaded", "noted", "seen", "shorter", "typed", "untouched"),
    ]
    assert "analyzed 8 tables (" in told
    told = _up(
        configured,
        number=2,
        text=ROWS.format("loaded") + f"DO $$ BEGIN {ROWS.format('filled')} END $$;"
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE noted SET id = -id; RETURN NULL; END $$;"
        "CREATE TABLE cause (id int, n int);"
        "CREATE TRIGGER t AFTER INSERT ON cause EXECUTE FUNCTION note(); INSERT INTO cause VALUES (1, 1);"
        "ALTER TABLE typed ALTER id TYPE bigint; ALTER TABLE shorter DROP COLUMN n; ALTER TABLE empty ADD c int;"
        "CREATE INDEX ON indexed ((id % 7)); COMMENT ON TABLE untouched IS 'as it was'; REFRESH MATERIALIZED VIEW seen;",
    )
    assert sorted(_analyzed(told)) == ["cause", "filled", "indexed", "loaded", "noted", "seen", "typed"]
    assert {"typed.id", "cause.n", "indexed_expr_idx.expr"} <= set(_columns(watch))


@pytest.mark.one_major
def test_a_few_rows_of_many(configured: Project) -> None:
    """A share below autovacuum's is left to autovacuum; the first rows of an empty table are not."""
    _up(configured, text=f"CREATE TABLE t (id int); {ROWS.format('t')} CREATE TABLE u (id int);")
    told = _up(configured, number=2, text="UPDATE t SET id = 0 WHERE id < 50; INSERT INTO u VALUES (1);")
    assert _analyzed(told) == ["u"]
    assert _analyzed(_up(configured, number=3, text="UPDATE t SET id = 1 WHERE id < 500;")) == ["t"]


@pytest.mark.one_major
def test_nothing_to_do(configured: Project) -> None:
    """Empty tables and functions: not a word of it."""
    told = _up(configured, text="CREATE TABLE t (id int); CREATE VIEW v AS SELECT * FROM t;")
    assert "nalyze" not in told


@pytest.mark.one_major
def test_left_out_and_vacuum(configured: Project, watch: Watch) -> None:
    """`--no-analyze` and `analyze-after = "off"` leave it out, `--vacuum` vacuums, too; both together are wrong usage."""
    assert (
        _analyzed(_up(configured, "--no-analyze", text="CREATE TABLE t (id int); " + ROWS.format("t"))) == []
    )
    configured.write("pyproject.toml", '[tool.dbops]\nanalyze-after = "off"\n')
    assert _analyzed(_up(configured, number=2, text="ALTER TABLE t ADD c int;")) == []
    assert _columns(watch) == []
    told = _up(configured, "--vacuum", number=3, text="UPDATE t SET c = 1;")
    assert "vacuumed and analyzed public.t (" in told
    assert watch.value("select relallvisible > 0 from pg_class where relname = 't'")
    assert configured.run("migrate", "up", "--vacuum", "--no-analyze").code == 2
    configured.write("pyproject.toml", '[tool.dbops]\nanalyze-after = "always"\n')
    outcome = configured.run("migrate", "up")
    assert outcome.code == 5, outcome
    assert "analyze-after" in outcome.stderr


def test_partitions(configured: Project, database: Database, watch: Watch) -> None:
    """What they are parts of has statistics of its own, which autovacuum never makes; an empty new part changes none."""
    told = _up(
        configured,
        text="CREATE TABLE p (id int) PARTITION BY RANGE (id);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (500);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (500) TO (2000);" + ROWS.format("p"),
    )
    assert "p" in _analyzed(told)
    assert _columns(watch) == ["p.id", "p1.id", "p2.id"]
    if database.server.major < 15:
        time.sleep(1)  # so long it may be until that server has counted the rows
    told = _up(configured, number=2, text="CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (2000) TO (3000);")
    assert _analyzed(told) == []


@pytest.mark.one_major
def test_foreign_parts(configured: Project, database: Database, connect: Connect) -> None:
    """A partitioned table with a foreign part is told and left alone: ANALYZE would read another server."""
    admin = connect(database, **database.server.keywords(database.name))
    admin.execute("create extension postgres_fdw")
    admin.execute(
        sql.SQL("grant usage on foreign data wrapper postgres_fdw to {}").format(
            sql.Identifier(database.user)
        )
    )
    told = _up(
        configured,
        text="CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.1');"
        "CREATE TABLE p (id int) PARTITION BY RANGE (id);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (5000);"
        "CREATE FOREIGN TABLE p2 PARTITION OF p FOR VALUES FROM (5000) TO (6000) SERVER far;"
        + ROWS.format("p"),
    )
    assert _analyzed(told) == ["p1"]
    assert "public.p is not analyzed, since that would read the foreign tables below it" in told


def test_what_may_not_be_analyzed(configured: Project, database: Database, connect: Connect) -> None:
    """A table whose owner is another, and an index whose function fails: a warning each, and exit 0."""
    admin = connect(database, **database.server.keywords(database.name))
    _up(
        configured,
        text="CREATE TABLE broken (id int); CREATE FUNCTION f(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql"
        " AS $$ BEGIN IF i > 9000 THEN RAISE 'no'; END IF; RETURN i; END $$;",
    )
    owner = sql.Identifier(f"other_{database.name}"[:63])
    admin.execute(sql.SQL("create role {}").format(owner))
    try:
        admin.execute(sql.SQL("alter database {} owner to {}").format(sql.Identifier(database.name), owner))
        admin.execute("create table theirs (id int)")
        admin.execute("grant create on schema public to public")
        admin.execute("grant all on theirs, broken to public")
        if database.server.major >= 17:
            admin.execute("revoke maintain on theirs from public")
        text = ROWS.format("theirs") + ROWS.format("broken")
        told = _up(
            configured,
            number=2,
            text=text
            + "CREATE INDEX ON broken (f(id)); CREATE OR REPLACE FUNCTION f(i int) RETURNS int IMMUTABLE"
            " LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$;",
        )
    finally:
        admin.execute(
            sql.SQL("alter database {} owner to {}").format(
                sql.Identifier(database.name), sql.Identifier(database.user)
            )
        )
        admin.execute("drop table theirs")
        admin.execute(sql.SQL("drop role {}").format(owner))
    assert "warning: public.theirs is not analyzed, so that its statistics are old: " in told
    assert "warning: public.broken is not analyzed, so that its statistics are old: never" in told
    assert "applied 002 m" in told


@pytest.mark.one_major
def test_a_table_that_is_locked(
    configured: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """Told with who holds it, after two seconds; the migration is applied, the other table analyzed, the settings are
    as before."""
    _up(configured, text="CREATE TABLE a (id int); CREATE TABLE b (id int);")
    holder = connect(database, autocommit=False, application_name="report of the month")
    holder.execute("lock table a in share update exclusive mode")
    told = _up(configured, "--terminate-blockers", "1s", number=2, text=ROWS.format("a") + ROWS.format("b"))
    holder.execute("select 1")  # it is not worth the end of a session
    assert "warning: public.a is not analyzed, so that its statistics are old: canceling statement" in told
    assert "report of the month" in told
    assert _analyzed(told) == ["b"]
    assert watch.applied() == ["001", "002"]


@pytest.mark.one_major
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_ended_in_analyze(
    configured: Project, database: Database, connect: Connect, watch: Watch, number: signal.Signals
) -> None:
    """The migrations are recorded, and their schema is known; the next run has nothing to do."""
    _up(configured, text="CREATE TABLE a (id int);")
    holder = connect(database, autocommit=False)
    holder.execute("lock table a in share update exclusive mode")
    configured.write("migrations/002_m.sql", ROWS.format("a"))
    child = configured.popen("migrate", "up")
    watch.until(
        "select true from pg_stat_activity where datname = current_database() and query like 'ANALYZE %%'"
        " and wait_event_type = 'Lock'"
    )
    os.killpg(child.pid, number)
    _, err = child.communicate(timeout=30)
    if number is signal.SIGINT:
        assert child.returncode == 130
        assert "interrupted during ANALYZE; what was applied is recorded" in err
    holder.close()
    watch.lock_is_free()
    assert watch.applied() == ["001", "002"]
    outcome = configured.run("migrate", "drift", "--json")
    assert outcome.json["drifted"] is False, outcome
    assert "nothing to do" in configured.run("migrate", "up").stdout


@pytest.mark.one_major
def test_interrupted_with_several_sessions(database: Database, connect: Connect, watch: Watch) -> None:
    """Ctrl-C: what the other sessions are at, a large table perhaps, is not waited for."""
    connect(database).execute("create table a (); create table b ()")
    holder = connect(database, autocommit=False)
    holder.execute("lock table a, b in share update exclusive mode")

    def interrupt() -> None:
        watch.until(
            "select count(*) = 2 from pg_stat_activity where datname = current_database()"
            " and query like 'ANALYZE %%' and wait_event_type = 'Lock'"
        )
        signal.pthread_kill(main, signal.SIGINT)

    main = threading.get_ident()
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt):
        analyze(target_of(database), "dbops test", 2, ignore)
    interrupting.join()
    assert holder.execute("select 1").fetchone() == (1,)


@pytest.mark.one_major
def test_after_a_failure(configured: Project) -> None:
    """What the migrations before the failed one have changed is analyzed, too."""
    configured.write("migrations/002_m.sql", "SELECT 1 / 0;")
    configured.write("migrations/001_m.sql", "CREATE TABLE a (id int);" + ROWS.format("a"))
    outcome = configured.run("migrate", "up", "-v")
    assert outcome.code == 1, outcome
    assert _analyzed(outcome.stderr) == ["a"]


@pytest.mark.one_major
def test_down_goto_and_python(configured: Project) -> None:
    """Going down, and the rows of a Python migration."""
    configured.write(
        "migrations/001_m.sql",
        "-- UP Migration\nCREATE TABLE a (id int);\n-- DOWN Migration\n/*\nDROP TABLE a;\n*/\n",
    )
    configured.write(
        "migrations/002_rows.py",
        "def up(db):\n    db.execute('insert into a select generate_series(1, 500)')\n"
        "def down(db):\n    db.execute('delete from a where id > 100')\n",
    )
    outcome = configured.run("migrate", "up", "-v")
    assert outcome.code == 0, outcome
    assert _analyzed(outcome.stderr) == ["a"]
    outcome = configured.run(
        "migrate", "goto", "001", "-v", "--confirm", configured.environ["DATABASE_URL"].rpartition("/")[2]
    )
    assert outcome.code == 0, outcome
    assert _analyzed(outcome.stderr) == ["a"]
