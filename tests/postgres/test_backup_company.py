"""Backups while others work in the database: locks, changes of the schema, writers, migrations."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from dbops.engines.postgres.lock import KEY
from tests.conftest import Outcome, Project
from tests.postgres.backing import Connect, assert_restores, fill, leftovers, made, tables_of
from tests.servers import Database
from tests.watching import Watch

LARGE = """
create table a_large as select i, md5(i::text) as text from generate_series(1, 400000) as i;
create table b_other as select i as x from generate_series(1, 1000) as i;
"""
LARGER = LARGE.replace("400000", "1200000")
"""The same where something has to happen to pg_dump itself before its end, on a machine that is busy as well."""
SMALL = LARGE.replace("400000", "1000")
"""The same tables where nothing has to happen while they are dumped."""
DUMPING = "select pid from pg_stat_activity where datname = current_database() and query like 'COPY %%' and state = 'active'"


def in_the_background(project: Project, *words: str) -> Callable[[], Outcome]:
    """Begin `backup WORDS`; call what is returned for its end."""
    found: list[Outcome] = []
    thread = threading.Thread(target=lambda: found.append(project.run("backup", *words)))
    thread.start()

    def end() -> Outcome:
        thread.join()
        return found[0]

    return end


def no_session_is_left(watch: Watch) -> None:
    watch.until(
        "select count(*) = 0 from pg_stat_activity where datname = current_database() and application_name like 'dbops %%'"
    )


def children(of: int) -> list[tuple[int, str]]:
    """Process id and command line of all processes below one."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        if parent == of:
            found += [(int(path.name), words), *children(int(path.name))]
    return found


@pytest.mark.one_major
def test_a_table_that_is_locked(configured: Project, database: Database, connect: Connect) -> None:
    """Another session holds a table exclusively past the deadline: exit 11 with that session, nothing is left."""
    holder = fill(database, connect, SMALL)
    holder.execute("set application_name = 'the holder'")
    holder.execute("begin")
    holder.execute("lock table b_other in access exclusive mode")
    outcome = configured.run("backup", "b", "--deadline", "1s")
    assert outcome.code == 11, outcome
    assert "b_other" in outcome.stderr
    assert "the holder" in outcome.stderr
    assert str(holder.info.backend_pid) in outcome.stderr
    assert leftovers(configured) == []


@pytest.mark.one_major
def test_a_table_that_is_locked_for_a_while(
    configured: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """Within the deadline the lock goes: the backup is made."""
    holder = fill(database, connect, SMALL)
    holder.execute("begin")
    holder.execute("lock table b_other in access exclusive mode")
    end = in_the_background(configured, "b", "--deadline", "30s")
    watch.until("select true from pg_locks where relation = 'b_other'::regclass and not granted")
    holder.execute("rollback")
    outcome = end()
    assert outcome.code == 0, outcome


@pytest.mark.one_major
def test_while_a_migration_runs(abc: Project, database: Database, connect: Connect) -> None:
    """The migration lock is held exclusively: exit 11 with its holder."""
    migrator = connect(database)
    migrator.execute("set application_name = 'dbops migrate up'")
    migrator.execute("select pg_advisory_lock(%s)", [KEY])
    outcome = abc.run("backup", "b", "--deadline", "1s")
    assert outcome.code == 11, outcome
    assert "dbops migrate up" in outcome.stderr
    assert leftovers(abc) == []


@pytest.mark.one_major
def test_a_migration_waits_for_a_backup(
    abc_dev: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """`migrate up` that begins during a backup runs when that has ended; the backup is that of before."""
    fill(database, connect, LARGE)
    end = in_the_background(abc_dev, "b", "--jobs", "1")
    watch.until(DUMPING)
    migrated = abc_dev.run("migrate", "up", "--yes")
    outcome = end()
    assert migrated.code == 0, migrated
    assert outcome.code == 0, outcome
    backup = made(abc_dev, "b")
    assert set(tables_of(backup)) == {"public.a_large", "public.b_other"}
    assert backup.summary.version is None


@pytest.mark.one_major
@pytest.mark.parametrize("stuck", [False, True])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_change_of_the_schema_waits_for_a_table(
    configured: Project, database: Database, connect: Connect, watch: Watch, jobs: str, stuck: bool
) -> None:
    """ALTER TABLE queues right behind the snapshot's locks, so that pg_dump cannot get its own.

    It is repeated, and whole then; where a third session keeps the ALTER TABLE waiting, the answer is exit 11.
    """
    fill(database, connect, SMALL)
    blocker, changer = connect(database), connect(database)
    blocker.execute("begin")
    if stuck:
        blocker.execute("lock table b_other in access share mode")
    queued = threading.Thread(target=lambda: changer.execute("alter table b_other add column y int"))
    end = in_the_background(configured, "b", "--jobs", jobs, "--deadline", "3s" if stuck else "60s")
    watch.until(
        "select true from pg_locks where relation = 'b_other'::regclass and granted and pid <> %s",
        blocker.info.backend_pid,
    )
    queued.start()
    outcome = end()
    blocker.execute("rollback")
    queued.join()
    assert outcome.code == (11 if stuck else 0), outcome
    assert leftovers(configured) == ([] if stuck else ["b"])
    if not stuck:
        assert_restores(made(configured, "b"), database)


@contextmanager
def repeating(database: Database, connect: Connect, statement: str, pause: float) -> Iterator[list[float]]:
    """Another session executes a statement again and again; the list gets the seconds that each took."""
    session, stop, took = connect(database), threading.Event(), []

    def work() -> None:
        while not stop.wait(pause):
            began = time.monotonic()
            session.execute(statement)
            took.append(time.monotonic() - began)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()


@pytest.mark.one_major
@pytest.mark.parametrize("form", ["directory", "plain"])
def test_refresh_in_a_loop(configured: Project, database: Database, connect: Connect, form: str) -> None:
    """REFRESH MATERIALIZED VIEW all through the backup: neither waits for the other for ever."""
    fill(database, connect, LARGE + "create materialized view mv as select * from a_large;")
    with repeating(database, connect, "refresh materialized view mv", 0):
        outcome = configured.run("backup", "b", "--format", form)
    assert outcome.code == 0, outcome
    assert_restores(made(configured, "b"), database)


@pytest.mark.one_major
@pytest.mark.parametrize("form", ["directory", "plain"])
def test_pg_dump_waits_for_who_waits_for_us(
    configured: Project, database: Database, connect: Connect, watch: Watch, form: str
) -> None:
    """A view's definition is locked by one who waits for a table that we have locked: begun anew, both succeed."""
    fill(database, connect, SMALL + "create view v as select x from b_other;")
    changer = connect(database)
    changer.execute("begin; create or replace view v as select x from b_other where x > 1")
    end = in_the_background(configured, "b", "--format", form)
    watch.until(
        "select true from pg_locks where relation = 'a_large'::regclass and granted and pid <> pg_backend_pid()"
    )
    changer.execute("alter table a_large add column y int; commit")
    outcome = end()
    assert outcome.code == 0, outcome
    assert str(changer.info.backend_pid) in outcome.stderr
    assert_restores(made(configured, "b"), database)


@pytest.mark.one_major
def test_changes_of_the_schema_in_a_loop(configured: Project, database: Database, connect: Connect) -> None:
    """ALTER TABLE twenty times a second: a backup, or exit 11 with who it was; and no ALTER TABLE waits for long."""
    fill(database, connect, LARGE)
    statement = "alter table b_other add column if not exists y int"
    with repeating(database, connect, statement, 0.05) as took:
        outcome = configured.run("backup", "b", "--deadline", "5s")
    assert outcome.code in {0, 11}, outcome
    assert outcome.code == 0 or statement in outcome.stderr
    assert max(took) < 20


@pytest.mark.one_major
@pytest.mark.parametrize("form", ["directory", "custom", "plain"])
def test_truncate_during_a_backup(
    configured: Project, database: Database, connect: Connect, watch: Watch, form: str
) -> None:
    """TRUNCATE waits until the backup has ended, and all rows are in it."""
    fill(database, connect, LARGE)
    end = in_the_background(configured, "b", "--format", form)
    watch.until(DUMPING)
    connect(database).execute("truncate b_other")
    outcome = end()
    assert outcome.code == 0, outcome
    assert tables_of(made(configured, "b"))["public.b_other"] == 1000
    assert_restores(made(configured, "b"), database)


def test_a_writer_all_through(configured: Project, database: Database, connect: Connect) -> None:
    """Rows come all through the backup: the archive is that of the snapshot, and the proof agrees with it."""
    fill(database, connect, LARGE + "create table written (id serial primary key, text text);")
    writer, stop = connect(database), threading.Event()

    def write() -> None:
        while not stop.is_set():
            writer.execute("insert into written (text) select md5(i::text) from generate_series(1, 20) as i")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        outcome = configured.run("backup", "b")
    finally:
        stop.set()
        thread.join()
    assert outcome.code == 0, outcome
    assert_restores(made(configured, "b"), database)


@pytest.mark.one_major
@pytest.mark.parametrize("form", ["directory", "custom"])
def test_pg_dump_is_killed(
    configured: Project, database: Database, connect: Connect, watch: Watch, form: str
) -> None:
    """Somebody kills pg_dump: exit 12 with the signal, nothing is left, neither files nor sessions."""
    fill(database, connect, LARGER)
    backup = configured.popen("backup", "b", "--format", form)
    watch.until(DUMPING)
    found = [pid for pid, words in children(backup.pid) if "pg_dump" in words and "--version" not in words]
    os.kill(found[0], signal.SIGKILL)
    _, stderr = backup.communicate(timeout=60)
    assert backup.returncode == 12, stderr
    assert "signal 9" in stderr
    assert leftovers(configured) == []
    no_session_is_left(watch)


@pytest.mark.one_major
def test_no_password_in_any_command_line(
    configured: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """While it works, no process below it has the password in its words; files with it are the owner's alone."""
    fill(database, connect, LARGE)
    backup = configured.popen("backup", "b", "--jobs", "1")
    watch.until(DUMPING)
    seen = children(backup.pid)
    modes = {
        path.stat().st_mode & 0o077 for path in (configured.folder / "backups").glob(".partial-*/work/*")
    }
    stdout, stderr = backup.communicate(timeout=60)
    assert backup.returncode == 0, stderr
    assert any("pg_dump" in words for _, words in seen)
    assert not [words for _, words in seen if database.password in words]
    assert modes <= {0}
    assert database.password not in stdout + stderr


@pytest.mark.one_major
def test_two_at_once_of_one_name(configured: Project, database: Database, connect: Connect) -> None:
    """Exactly one of three wins; the others are refused, and the one that is there is whole."""
    fill(database, connect, LARGE)
    ends = [in_the_background(configured, "b") for _ in range(3)]
    codes = sorted(end().code for end in ends)
    assert codes == [0, 13, 13]
    assert leftovers(configured) == ["b"]
    assert_restores(made(configured, "b"), database)


@pytest.mark.one_major
def test_at_once_of_different_and_of_no_names(
    configured: Project, database: Database, connect: Connect
) -> None:
    """Two named and two unnamed that begin in one second: all four are made."""
    fill(database, connect, LARGE)
    ends = [
        in_the_background(configured, *words)
        for words in (["a"], ["b"], ["--proof", "none"], ["--proof", "counts"])
    ]
    outcomes = [end() for end in ends]
    assert [outcome.code for outcome in outcomes] == [0] * 4, outcomes
    assert len(leftovers(configured)) == 4


@pytest.mark.one_major
def test_a_table_that_may_not_be_read(configured: Project, database: Database, connect: Connect) -> None:
    """A table of somebody else: the error names it and the GRANT that helps."""
    with psycopg.connect(**database.server.keywords(database.name), autocommit=True) as superuser:
        superuser.execute("create table public.secret as select 1 as x")
    outcome = configured.run("backup", "b")
    assert outcome.code == 1, outcome
    assert "secret" in outcome.stderr
    assert "GRANT pg_read_all_data" in outcome.stderr
    assert leftovers(configured) == []


@pytest.mark.one_major
@pytest.mark.parametrize(("limit", "code"), [(1, 10), (3, 12)])
def test_no_connection_is_left(
    configured: Project, database: Database, connect: Connect, limit: int, code: int
) -> None:
    """The role may hold fewer sessions than the jobs want: an error that says so by the deadline, nothing is left."""
    fill(database, connect, SMALL).close()
    with psycopg.connect(**database.server.keywords(), autocommit=True) as superuser:
        superuser.execute(f'alter role "{database.user}" connection limit {limit}')
    outcome = configured.run("backup", "b", "--jobs", "2", "--deadline", "2s")
    assert outcome.code == code, outcome
    assert "too many connections" in outcome.stderr
    assert ("--jobs 1" in outcome.stderr) == (code == 12)
    assert leftovers(configured) == []


@pytest.mark.one_major
def test_quoted_and_foreign_names(project: Project, database: Database, connect: Connect) -> None:
    """A database with quotes, spaces and umlauts in its name, a label with umlauts: all the same."""
    name = f'Größe "{database.name}\'s" = %1'
    with psycopg.connect(**database.server.keywords(), autocommit=True) as superuser:
        quoted = sql.Identifier(name)
        superuser.execute(
            sql.SQL("create database {} template {}").format(quoted, sql.Identifier("template0"))
        )
        superuser.execute(
            sql.SQL("alter database {} owner to {}").format(quoted, sql.Identifier(database.user))
        )
    try:
        connect(database, dbname=name).execute("create table t as select 1 as x")
        keywords = database.keywords
        project.environ.update(
            DB_HOST=keywords["host"], DB_PORT=keywords["port"], DB_USER=keywords["user"], DB_PASSWORD=keywords["password"],
            DB_NAME=name,
        )  # fmt: skip
        outcome = project.run("backup", "vor der Größe")
        assert outcome.code == 0, outcome
        backup = made(project, "vor der Größe")
        assert backup.summary.database == name
        assert tables_of(backup) == {"public.t": 1}
    finally:
        with psycopg.connect(**database.server.keywords(), autocommit=True) as superuser:
            superuser.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.mark.one_major
@pytest.mark.parametrize("form", ["directory", "custom", "plain"])
def test_another_encoding(project: Project, database: Database, connect: Connect, form: str) -> None:
    """A LATIN1 database with umlauts in names: archive and proof are about the same tables."""
    name = f"{database.name}_latin1"
    with psycopg.connect(**database.server.keywords(), autocommit=True) as superuser:
        superuser.execute(
            f"create database {name} template template0 encoding 'LATIN1' locale 'C' owner {database.user}"
        )
    try:
        connect(database, dbname=name).execute(
            "create table größe (id serial, x text); insert into größe (x) values ('é')"
        )
        project.use(database)
        for words in ((), ("--table", "gr*")):
            label = f"b{len(words)}"
            outcome = project.run(
                "backup",
                label,
                "--format",
                form,
                *words,
                environ={"DATABASE_URL": database.url.replace(database.name, name)},
            )
            assert outcome.code == 0, outcome
            assert tables_of(made(project, label)) == {"public.größe": 1}
    finally:
        with psycopg.connect(**database.server.keywords(), autocommit=True) as superuser:
            superuser.execute(f"drop database {name} with (force)")


@pytest.mark.one_major
def test_a_service_and_a_password_file(project: Project, database: Database, connect: Connect) -> None:
    """What the service file and .pgpass say reaches pg_dump, too."""
    fill(database, connect, SMALL)
    keywords = database.keywords
    home = Path(project.environ["HOME"])
    (home / ".pg_service.conf").write_text(
        f"[shop]\nhost={keywords['host']}\nport={keywords['port']}\ndbname={database.name}\nuser={database.user}\n"
    )
    (home / ".pgpass").write_text(f"*:*:*:{database.user}:{database.password}\n")
    (home / ".pgpass").chmod(0o600)
    outcome = project.run("backup", "b", environ={"PGSERVICE": "shop"})
    assert outcome.code == 0, outcome
    assert_restores(made(project, "b"), database)


@pytest.mark.one_major
def test_the_servers_session_ends_in_the_middle(
    configured: Project, database: Database, connect: Connect, watch: Watch
) -> None:
    """An administrator ends pg_dump's session: exit 12 with the server's words, nothing is left."""
    fill(database, connect, LARGE)
    end = in_the_background(configured, "b", "--jobs", "1")
    pid = watch.until(DUMPING)
    began = time.monotonic()
    connect(database).execute("select pg_terminate_backend(%s)", [pid])
    outcome = end()
    assert outcome.code == 12, outcome
    assert "administrator" in outcome.stderr or "terminat" in outcome.stderr
    assert time.monotonic() - began < 20
    assert leftovers(configured) == []
    no_session_is_left(watch)
