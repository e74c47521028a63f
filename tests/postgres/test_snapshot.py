"""A snapshot that is held: nothing in it can vanish, and what keeps it from being taken is named."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops.engines.postgres import relations, snapshot
from dbops.engines.postgres.fingerprint import measure
from dbops.engines.postgres.pinned import join
from dbops.errors import DbopsError, LockNotAcquired
from dbops.events import Event, Note, ignore
from tests.postgres.proving import superuser, target_of
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]

pytestmark = pytest.mark.one_major


def _hold(database: Database, deadline: float = 5, **keywords: Any) -> Any:
    return snapshot.hold(target_of(database), "dbops test", deadline, ignore, **keywords)


def test_what_is_listed_is_locked(database: Database, connect: Connect) -> None:
    """Tables and partitions are locked, with their sizes; foreign tables and materialized views only listed."""
    admin = connect(database, **superuser(database))
    admin.execute(
        f"""
        create foreign data wrapper nothing; create server nowhere foreign data wrapper nothing;
        create foreign table far (a int) server nowhere; grant select on far to {database.user};
        set role {database.user};
        create schema "Ün ""q"; create table "Ün ""q"."%s {{}}" (a int);
        create table p (a int) partition by list (a); create table p1 partition of p for values in (1);
        create table big as select repeat(i::text, 100) from generate_series(1, 1000) as i;
        create materialized view m as select 1; create materialized view n as select 1 with no data;
        create view v as select 1; create sequence s; create unlogged table u (); create table zero ();
        """
    )
    with _hold(database) as held:
        kinds = {info.name: info.kind for info in held.tables}
        assert kinds == {
            "far": "f", "%s {}": "r", "p": "p", "p1": "r", "big": "r", "m": "m", "n": "m", "u": "r", "zero": "r"
        }  # fmt: skip
        assert [info.label for info in held.sequences] == ["public.s"]
        assert all(info.locked == (info.kind not in "fm") for info in held.tables)
        assert all(info.locked for info in held.sequences)
        assert next(info.bytes for info in held.tables if info.name == "big") > 300_000
        admin.execute("set lock_timeout = 100")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            admin.execute("truncate p1")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            admin.execute("drop sequence s")
        admin.execute("refresh materialized view m")
    admin.execute("truncate p1; drop sequence s")


def test_an_empty_database(database: Database) -> None:
    """It has a snapshot, too."""
    with _hold(database) as held:
        assert (held.tables, held.sequences, held.sequence_ranges()) == ((), (), ())
        assert held.id
        with join(target_of(database), held.id, "dbops test", ignore) as connection:
            assert connection.execute("select 1").fetchone() == (1,)


def test_a_gone_snapshot(database: Database) -> None:
    """Joining one whose holder has ended fails in words."""
    with _hold(database) as held:
        pass
    with (
        pytest.raises(DbopsError, match="snapshot"),
        join(target_of(database), held.id, "dbops test", ignore),
    ):
        pass


def _between(monkeypatch: pytest.MonkeyPatch, connection: psycopg.Connection[Any], steps: list[str]) -> None:
    """Runs a step each time that a snapshot has listed the tables and not locked them yet."""
    listed, left = relations.listed, iter(steps)

    def list_and_step(looks: psycopg.Connection[Any], *args: Any) -> Any:
        found = listed(looks, *args)
        if looks.info.transaction_status == psycopg.pq.TransactionStatus.IDLE and (step := next(left, None)):
            connection.execute(step)
        return found

    monkeypatch.setattr(relations, "listed", list_and_step)


def test_a_table_that_comes_between(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One made after the list is locked before a snapshot shows it, even when that happens again and again."""
    other = connect(database)
    other.execute("create table t (a int)")
    _between(monkeypatch, other, [f"create table late{number} (a int)" for number in range(3)])
    with _hold(database) as held:
        assert [info.name for info in held.tables] == ["late0", "late1", "late2", "t"]
        assert all(info.locked for info in held.tables)
        with join(target_of(database), held.id, "dbops test", ignore) as connection:
            assert [info.name for info in relations.listed(connection)] == ["late0", "late1", "late2", "t"]


def test_a_table_that_is_emptied_between(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A TRUNCATE after the list and before the locks shows as what it is: the snapshot is newer than it."""
    other = connect(database)
    other.execute("create table t (a int)")
    other.execute("insert into t values (1), (2)")
    _between(monkeypatch, other, ["truncate t", "insert into t values (3)"])
    with _hold(database) as held:
        (table,) = measure(target_of(database), held, "counts", 1, ignore).tables
        (later,) = measure(target_of(database), held.id, "counts", 1, ignore).tables
    assert (table.rows, later.rows) == (0, 0)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("drop table a", ["public.b", "public.m"]),
        ("alter table a rename to c", ["public.b", "public.c", "public.m"]),
        (
            "alter table a rename to c; create table a (j text)",
            ["public.a", "public.b", "public.c", "public.m"],
        ),
        ("alter table a rename to c; alter table b rename to a", ["public.a", "public.c", "public.m"]),
        ("drop table a; create view a as select 1", ["public.b", "public.m"]),
        ("drop table a; create sequence a", ["public.b", "public.m"]),
        ("create schema n; alter table a set schema n", ["n.a", "public.b", "public.m"]),
        ("alter schema public rename to n; create schema public", ["n.a", "n.b", "n.m"]),
        ("drop sequence s", ["public.a", "public.b", "public.m"]),
        ("drop materialized view m", ["public.a", "public.b"]),
        ("drop materialized view m; create table m (i int)", ["public.a", "public.b", "public.m"]),
    ],
)
def test_tables_that_go_between(
    step: str, expected: list[str], database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes, moves or changes its name between list and locks: all that the snapshot then shows is locked."""
    other = connect(database, **superuser(database))
    other.execute(f"alter schema public owner to {database.user}")
    other.execute(f"grant create on database {database.name} to {database.user}; set role {database.user}")
    other.execute("create table a (i int); create table b (i int); create sequence s")
    other.execute("create materialized view m as select 1")
    _between(monkeypatch, other, [step])
    with _hold(database) as held:
        assert [info.label for info in held.tables] == expected
        assert all(info.locked for info in (*held.tables, *held.sequences) if info.kind != "m")
        assert len(held.sequence_ranges()) == len(held.sequences)


def test_truncate_never_shows(database: Database, connect: Connect) -> None:
    """While another session empties and fills a table all the time, every snapshot shows it whole, to all readers."""
    connection = connect(database)
    connection.execute("create table t (a int)")
    fill = "begin; truncate t; insert into t select generate_series(1, 1000); commit"
    connection.execute(fill)
    with _running(connect(database), fill):
        for _ in range(10):
            with _hold(database) as held:
                found = measure(target_of(database), held, "full", 2, ignore)
                assert [table.rows for table in found.tables] == [1000]


def test_a_writer_in_the_middle(database: Database, connect: Connect, tmp_path: Path) -> None:
    """While another session inserts, updates and deletes, pg_dump and the fingerprints see the very same rows."""
    connection = connect(database)
    connection.execute(
        "create table t (a bigserial, b text); insert into t (b) select 'x' from generate_series(1, 500)"
    )
    writes = "insert into t (b) values ('new'); update t set b = b || '.' where a % 7 = 0; delete from t where a % 11 = 0"
    bindir = database.server.bindir
    environ = {**os.environ, "PGPASSWORD": database.password}
    where = ["-h", database.server.host, "-p", str(database.server.port), "-U", database.user]
    with _running(connect(database), writes), _hold(database) as held:
        measured = measure(target_of(database), held.id, "full", 2, ignore)
        script = tmp_path / "dump.sql"
        subprocess.run(
            [f"{bindir}/pg_dump", *where, "--snapshot", held.id, "-n", "public", "-f", script, database.name],
            env=environ, check=True,
        )  # fmt: skip
        time.sleep(0.1)
        (before,) = held.sequence_ranges()
    live = measure(target_of(database), None, "full", 2, ignore)
    assert live.tables != measured.tables
    assert before.before < before.after
    connection.execute("drop table t")
    # What the dump sets is only a search_path and the like, and the schema is there.
    text = script.read_text().replace("CREATE SCHEMA public;", "")
    (tmp_path / "restore.sql").write_text(text)
    subprocess.run(
        [f"{bindir}/psql", *where, "-qX", "-f", tmp_path / "restore.sql", database.name],
        env=environ, check=True, capture_output=True,
    )  # fmt: skip
    assert measure(target_of(database), None, "full", 2, ignore).tables == measured.tables


def test_sequences_before_and_after(database: Database, connect: Connect) -> None:
    """Their values are read before the snapshot and again when asked; those of a new one are there, too."""
    connection = connect(database)
    connection.execute("create sequence s; create sequence d increment -2; select nextval('s')")
    with _hold(database) as held:
        connection.execute("select nextval('s'), nextval('s'), nextval('d')")
        d, s = held.sequence_ranges()
    assert (s.name, s.before, s.after, s.increment, s.cycles) == ("s", (1, True), (3, True), 1, False)
    assert (d.name, d.before, d.after, d.increment) == ("d", (-1, False), (-1, True), -2)


def test_a_selection(database: Database, connect: Connect) -> None:
    """Only these tables are locked, with the sequences they own."""
    connection = connect(database)
    connection.execute("create table a (i serial); create table b (i serial)")
    with _hold(database, only={("public", "a")}) as held:
        assert [info.name for info in (*held.tables, *held.sequences)] == ["a", "a_i_seq"]
        connection.execute("truncate b")


def test_a_lock_that_is_held(database: Database, connect: Connect) -> None:
    """Whoever holds a table is told at once, and named when the deadline has come; nothing else was kept locked."""
    holder = connect(database, application_name="the holder")
    holder.execute("create table a (i int); create table b (i int)")
    holder.execute("begin; lock table b in access exclusive mode")
    told: list[Event] = []
    began = time.monotonic()
    with (
        pytest.raises(
            LockNotAcquired, match=r"within 1\.5 s, because of the lock on public\.b of pid .*the holder"
        ),
        snapshot.hold(target_of(database), "dbops test", 1.5, told.append),
    ):
        pass
    assert time.monotonic() - began > 1.4
    assert [type(event) for event in told] == [Note]
    assert f"pid {holder.info.backend_pid}" in told[0].sentence()
    holder.execute("rollback")


def test_a_lock_that_is_given_back(database: Database, connect: Connect) -> None:
    """It goes on as soon as the holder is gone; meanwhile other tables can be changed by others."""
    holder, other = connect(database), connect(database)
    holder.execute("create table a (i int); create table b (i int)")
    holder.execute("begin; lock table b in access exclusive mode")
    release = threading.Timer(1.5, holder.execute, ["commit"])
    release.start()
    changing = threading.Timer(0.3, other.execute, ["alter table a add j int"])
    changing.start()
    with _hold(database, 20) as held:
        assert [info.name for info in held.tables] == ["a", "b"]
        changing.join(5)
        assert not changing.is_alive()
        release.join(5)


def test_a_prepared_transaction_is_named(database: Database, connect: Connect) -> None:
    """It has no session, yet it holds locks."""
    connection = connect(database)
    connection.execute("create table a (i int)")
    connection.execute("begin; lock table a in access exclusive mode; prepare transaction 'x y'")
    with (
        pytest.raises(LockNotAcquired, match=f"prepared transaction x y, owner {database.user}"),
        _hold(database, 0.5),
    ):
        pass
    connection.execute("rollback prepared 'x y'")


def test_it_ends_no_other_session_by_deadlock(database: Database, connect: Connect) -> None:
    """A session that locks tables the other way round gets through, and so does the snapshot."""
    other = connect(database)
    other.execute("create table a (i int); create table b (i int)")
    other.execute("begin; lock table b in access exclusive mode")
    crossing = threading.Timer(0.3, other.execute, ["lock table a in access exclusive mode; commit"])
    crossing.start()
    with _hold(database, 20) as held:
        assert len(held.tables) == 2
    crossing.join(5)
    assert not crossing.is_alive()
    assert other.info.transaction_status is psycopg.pq.TransactionStatus.IDLE


def test_tables_that_may_not_be_read(database: Database, connect: Connect) -> None:
    """All of them are named, ten at most, and the grant that helps does help."""
    admin = connect(database, **superuser(database))
    admin.execute("create schema shut; create table shut.t (a int); create sequence shut.s")
    for number in range(12):
        admin.execute(f"create table closed{number:02} (a int)")
    with pytest.raises(DbopsError) as failed, _hold(database):
        pass
    assert failed.value.message.startswith(
        f"role {database.user} may not read public.closed00, public.closed01,"
    )
    assert failed.value.message.endswith("public.closed09 and 4 more")
    assert failed.value.hint == f"a superuser runs: GRANT pg_read_all_data TO {database.user}"
    admin.execute(failed.value.hint.removeprefix("a superuser runs: "))
    with _hold(database) as held:
        assert len(held.tables) == 13


def test_row_security_that_hides_rows(database: Database, connect: Connect) -> None:
    """It is found before anything is dumped; an owner whom it does not bind is not stopped."""
    admin = connect(database, **superuser(database))
    connect(database).execute("create table own (a int); alter table own enable row level security")
    admin.execute("create table theirs (a int); alter table theirs enable row level security")
    admin.execute(f"grant select on theirs to {database.user}")
    with (
        pytest.raises(DbopsError, match=r"row security hides rows from role .* in public\.theirs$") as failed,
        _hold(database),
    ):
        pass
    assert failed.value.hint is not None
    admin.execute(failed.value.hint.removeprefix("a superuser runs: "))
    with _hold(database) as held:
        assert len(held.tables) == 2


def test_settings_of_the_database_end_nothing(database: Database, connect: Connect) -> None:
    """Time limits that the database or the role sets do not end a snapshot that is held."""
    admin = connect(database, **superuser(database))
    connect(database).execute("create table t (a int)")
    for setting in (
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
    ):
        admin.execute(f"alter role {database.user} set {setting} = '200ms'")
    with _hold(database) as held:
        time.sleep(0.5)
        with join(target_of(database), held.id, "dbops test", ignore) as connection:
            connection.execute("select pg_sleep(0.4)")
            time.sleep(0.4)
            assert connection.execute("select count(*) from public.t").fetchone() == (0,)
        assert held.sequence_ranges() == ()


@contextmanager
def _running(connection: psycopg.Connection[Any], statements: str) -> Iterator[None]:
    """The statements over and over, until the context ends; a failure of theirs fails the test."""
    stop = threading.Event()
    failed: list[psycopg.Error] = []

    def run() -> None:
        try:
            while not stop.is_set():
                connection.execute(statements)
        except psycopg.Error as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
    assert failed == []
