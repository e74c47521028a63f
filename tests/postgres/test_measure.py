"""What is measured of a database: which relations, large objects, by how many sessions, and how it ends early."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dbops.engines.contents import LargeObjects, TableContent
from dbops.engines.postgres import fingerprint, snapshot
from dbops.engines.postgres.crew import ContentMeasured
from dbops.engines.postgres.fingerprint import measure
from dbops.errors import DbopsError, Interrupted, LockNotAcquired
from dbops.events import Event, ignore
from tests.postgres.proving import contents_of, fingerprints, superuser, target_of
from tests.servers import Database
from tests.watching import GIVE_UP

Connect = Callable[..., psycopg.Connection[Any]]

CHUNK = 262144

pytestmark = pytest.mark.one_major


def test_every_table_by_itself(database: Database, connect: Connect) -> None:
    """Parents are read without their children; a partitioned table has no rows, its partitions have."""
    connect(database).execute(
        """
        create table parent (a int); create table child (b int) inherits (parent);
        insert into parent values (1); insert into child values (2, 3), (4, 5);
        create table parted (a int) partition by list (a);
        create table part1 partition of parted for values in (1);
        create table part2 partition of parted for values in (2) partition by list (a);
        create table part21 partition of part2 for values in (2);
        insert into parted values (1), (2), (2);
        """
    )
    rows = {table.name: table.rows for table in contents_of(database).tables}
    assert rows == {"parent": 1, "child": 2, "part1": 1, "part21": 2}


def test_other_relations(database: Database, connect: Connect) -> None:
    """Views of both kinds, foreign tables and sequences are told apart; a foreign table is never asked."""
    connect(database, **superuser(database)).execute(
        """
        create foreign data wrapper nothing; create server nowhere foreign data wrapper nothing;
        create foreign table far (a int) server nowhere;
        create table t (id int generated always as identity, n serial);
        insert into t select from generate_series(1, 3);
        create view v as select * from t; create materialized view full_one as select * from t;
        create materialized view empty_one as select * from t with no data;
        create sequence down increment -5 cycle; select nextval('down'), nextval('down');
        create unlogged table u (a int); create temp table gone (a int);
        """
    )
    found = contents_of(database)
    assert [table.name for table in found.tables] == ["t", "u"]
    assert found.materialized_views == (("public", "empty_one", None), ("public", "full_one", 3))
    assert found.foreign_tables == (("public", "far"),)
    down, identity, serial = found.sequences
    assert (down.name, down.before, down.increment, down.cycles) == ("down", (-6, True), -5, True)
    assert down.after == down.before
    assert (identity.name, identity.after, serial.name) == ("t_id_seq", (3, True), "t_n_seq")


def test_members_of_extensions(database: Database, connect: Connect) -> None:
    """Of an extension's tables, only those with configuration count, and of these the rows that a dump holds."""
    connect(database, **superuser(database)).execute(
        """
        create table secret (a int); create table settings (own bool); insert into secret values (1);
        insert into settings values (true), (false), (true);
        alter extension plpgsql add table secret; alter extension plpgsql add table settings;
        update pg_extension set extconfig = array['settings'::regclass::oid], extcondition = array['WHERE own']
        where extname = 'plpgsql';
        """
    )
    tables = contents_of(database).tables
    assert [(table.name, table.rows) for table in tables] == [("settings", 2)]


def test_counts_alone_and_a_selection(database: Database, connect: Connect) -> None:
    """Level "counts" has no fingerprints; a selection has its tables, the sequences they own, no large objects."""
    connect(database).execute(
        "create table a (id serial); create table b (id serial); insert into a default values; select lo_create(7)"
    )
    counted = contents_of(database, level="counts")
    assert counted.tables == (TableContent("public", "a", 1, None), TableContent("public", "b", 0, None))
    assert counted.large_objects == LargeObjects(1, None)
    chosen = contents_of(database, only={("public", "b"), ("public", "missing")})
    assert [table.name for table in chosen.tables] == ["b"]
    assert [sequence.name for sequence in chosen.sequences] == ["b_id_seq"]
    assert chosen.large_objects is None


def test_text_in_another_encoding(database: Database, connect: Connect) -> None:
    """A database in LATIN1 has the fingerprint of one in UTF8 with the same letters."""
    admin = connect(database, **superuser(database))
    twin = dataclasses.replace(database, name=f"{database.name}_latin1")
    admin.execute(f"create database {twin.name} template template0 encoding 'LATIN1' locale 'C'")
    try:
        for one in (database, twin):
            connection = connect(one, **superuser(database), client_encoding="UTF8")
            connection.execute("create table t (a text, b jsonb, c text[])")
            connection.execute("insert into t values (%s, %s, %s)", ["grüß", '"é"', ["ä"]])
        assert fingerprints(database) == fingerprints(twin)
    finally:
        admin.execute(f"drop database {twin.name} with (force)")


def _large(number: int, content: str) -> str:
    return f"select lo_from_bytea({number}, {content})"


def _repeated(byte: str, length: int) -> str:
    return f"decode(repeat('{byte}', {length}), 'hex')"


def test_large_objects(database: Database, connect: Connect) -> None:
    """Their numbers, bytes and lengths count, however long they are; a hole equals the zeros of its restored copy."""
    connection = connect(database)

    def state(*statements: str) -> LargeObjects | None:
        connection.execute("select lo_unlink(oid) from pg_largeobject_metadata")
        for statement in statements:
            connection.execute(statement)
        return contents_of(database).large_objects

    long = _large(5, _repeated("ab", CHUNK * 20))
    variants = {
        state(),
        state("select lo_create(5)"),
        state("select lo_create(6)"),
        state(_large(5, "'a'")),
        state(_large(5, "'b'")),
        state(_large(5, "'a'"), _large(6, "'b'")),
        state(_large(5, "'b'"), _large(6, "'a'")),
        state(_large(5, _repeated("00", CHUNK))),
        state(_large(5, _repeated("00", CHUNK + 1))),
        state(_large(5, _repeated("00", CHUNK - 1))),
        state(long),
        state(long, f"select lo_put(5, {CHUNK * 17 + 3}, 'x')"),
        state(long, f"select lo_put(5, {CHUNK * 16 - 1}, 'x')"),
        state(long, f"select lo_put(5, {CHUNK * 20}, 'x')"),
    }
    assert len(variants) == 14
    sparse = state("select lo_create(5)", f"select lo_put(5, {CHUNK * 3 + 100}, 'end')")
    filled = state(_large(5, f"{_repeated('00', CHUNK * 3 + 100)} || 'end'"))
    assert sparse == filled


def test_very_many_large_objects(database: Database, connect: Connect) -> None:
    """More objects than are looked at in one query are all counted, by their owner, who is no superuser."""
    connection = connect(database)
    found = []
    for statement in (
        "select count(lo_from_bytea(i, 'x')) from generate_series(20001, 32000) as i",
        "select lo_put(31999, 0, 'y')",
    ):
        connection.execute(statement)
        found.append(measure(target_of(database), None, "full", 1, ignore).large_objects)
    before, after = found
    assert before is not None
    assert after is not None
    assert before.count == after.count == 12000
    assert before.fingerprint != after.fingerprint


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_any_number_of_sessions(jobs: int, database: Database, connect: Connect) -> None:
    """The result does not depend on it, and progress reaches all of it, the largest table first."""
    connection = connect(database)
    for number in range(8):
        rows = 20000 if number == 3 else number
        connection.execute(f"create table t{number} as select i from generate_series(1, {rows}) as i")
    events: list[Event] = []
    found = contents_of(database, jobs=jobs, listen=events.append)
    assert [table.rows for table in found.tables] == [0, 1, 2, 20000, 4, 5, 6, 7]
    assert found == contents_of(database, jobs=1)
    told = [event for event in events if isinstance(event, ContentMeasured)]
    assert ("public.t3", 0) in [(event.table, event.tables_done) for event in told[:jobs]]
    assert (told[-1].tables_done, told[-1].bytes_done) == (told[-1].tables_total, told[-1].bytes_total)
    assert told[-1].sentence().startswith("proof: 9 of 9 tables, 100 %")


@pytest.mark.parametrize("by_id", [False, True])
def test_tables_that_others_wait_to_change(by_id: bool, database: Database, connect: Connect) -> None:
    """ALTER TABLEs that queue up in the middle keep two sessions out; the third, which came before, reads the tables."""
    connection = connect(database)
    connection.execute("create table first as select i from generate_series(1, 90000) as i")
    for number in range(6):
        connection.execute(f"create table t{number} as select i from generate_series(1, 30000) as i")
    waiting: list[threading.Thread] = []

    def listen(event: Event) -> None:
        if not waiting:
            waiting.extend(_alter(connect(database), f"table t{number} add x int") for number in range(6))
            _until_waiting(connection, 6)

    with snapshot.hold(target_of(database), "test", 5, ignore) as held:
        found = measure(target_of(database), held.id if by_id else held, "full", 3, listen)
        assert all(thread.is_alive() for thread in waiting)
    assert [table.rows for table in found.tables] == [90000] + [30000] * 6
    for thread in waiting:
        thread.join(10)


@pytest.mark.parametrize(
    ("meanwhile", "rows"),
    [
        ("refresh materialized view m", None),
        ("refresh materialized view concurrently m", 3),
        ("refresh materialized view m with no data", None),
        ("drop materialized view m", None),
        ("alter materialized view m rename to n", None),
    ],
)
def test_a_materialized_view_that_changes_meanwhile(
    meanwhile: str, rows: int | None, database: Database, connect: Connect
) -> None:
    """Nothing keeps others from it; where it is not what the snapshot has, its rows are not known."""
    connection = connect(database)
    connection.execute("create table t as select i from generate_series(1, 3) as i")
    connection.execute("create materialized view m as select * from t; create unique index on m (i)")
    with snapshot.hold(target_of(database), "test", 5, ignore) as held:
        connection.execute("insert into t values (4)")
        connection.execute(f"set lock_timeout = 1000; {meanwhile}")
        found = measure(target_of(database), held, "full", 1, ignore)
    assert found.materialized_views == (("public", "m", rows),)
    assert found.tables[0].rows == 3


def test_a_table_that_is_waited_for_all_the_time(database: Database, connect: Connect) -> None:
    """The session that holds the snapshot needs no further locks: an ALTER TABLE in the queue does not matter to it."""
    connection = connect(database)
    connection.execute("create table t (a int)")
    with snapshot.hold(target_of(database), "test", 5, ignore) as held:
        thread = _alter(connect(database), "table t add x int")
        _until_waiting(connection, 1)
        assert [table.rows for table in measure(target_of(database), held, "full", 3, ignore).tables] == [0]
    thread.join(10)


def test_a_table_that_is_waited_for_from_the_start(
    database: Database, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ALTER TABLE that queues up before any session has its locks is named, instead of waited for."""
    monkeypatch.setattr(fingerprint, "_LOCK_SECONDS", 0.3)
    connection = connect(database)
    connection.execute("create table t (a int)")
    with snapshot.hold(target_of(database), "test", 5, ignore) as held:
        thread = _alter(connect(database, application_name="the one"), "table t add x int")
        _until_waiting(connection, 1)
        with pytest.raises(LockNotAcquired, match=r"the lock on public\.t of pid .*the one"):
            measure(target_of(database), held.id, "full", 2, ignore)
    thread.join(10)


def test_a_failure_ends_all(database: Database, connect: Connect) -> None:
    """A value that cannot be read fails it, and ends the session that would wait for ever at another table."""
    admin = connect(database, **superuser(database))
    admin.execute(
        """
        create type sly;
        create function sly_in(cstring) returns sly language internal immutable strict as 'textin';
        create function sly_out(sly) returns cstring language internal immutable strict as 'pg_node_tree_in';
        create type sly (input = sly_in, output = sly_out, like = text);
        create table bad (a sly); insert into bad values ('x');
        """
    )
    _keep_busy(connect(database))
    with pytest.raises(DbopsError, match="pg_node_tree"):
        contents_of(database, jobs=2)
    assert _sessions(admin) == 0


def test_an_interruption_ends_all(database: Database, connect: Connect) -> None:
    """Ctrl-C, in the thread that waits, ends the session in the middle of its query."""
    admin = connect(database, **superuser(database))
    _keep_busy(connect(database))

    def listen(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contents_of(database, jobs=2, listen=listen)
    assert _sessions(admin) == 0


def test_another_thread_ends_all(database: Database, connect: Connect) -> None:
    """Where nothing happens that could be told, an event that another thread sets ends the sessions, too."""
    admin = connect(database, **superuser(database))
    _keep_busy(connect(database))
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(Interrupted):
        measure(target_of(database), None, "full", 2, ignore, stop=stop)
    assert _sessions(admin) == 0


def test_what_may_not_be_read(database: Database, connect: Connect) -> None:
    """A large object of another role's is named before anything is read, with the grant that helps."""
    connect(database, **superuser(database)).execute("select lo_create(77)")
    with pytest.raises(DbopsError, match="may not read large object 77") as failed:
        measure(target_of(database), None, "full", 1, ignore)
    assert failed.value.hint == (
        f"its owner or a superuser runs: GRANT SELECT ON LARGE OBJECT 77 TO {database.user}"
    )
    connect(database, **superuser(database)).execute(f"grant select on large object 77 to {database.user}")
    assert measure(target_of(database), None, "full", 1, ignore).large_objects is not None


def _alter(connection: psycopg.Connection[Any], what: str) -> threading.Thread:
    thread = threading.Thread(target=connection.execute, args=[f"alter {what}"], daemon=True)
    thread.start()
    return thread


def _until_waiting(connection: psycopg.Connection[Any], count: int) -> None:
    query = (
        "select count(*) from pg_locks where not granted and mode = 'AccessExclusiveLock'"
        " and database = (select oid from pg_database where datname = current_database())"
    )
    while connection.execute(query).fetchone() != (count,):
        time.sleep(0.01)


def _keep_busy(connection: psycopg.Connection[Any]) -> None:
    """A table whose reader waits in its query, since an index of it is locked."""
    connection.execute(
        "create table slow (a int primary key); insert into slow select generate_series(1, 9999)"
    )
    connection.execute("begin; reindex index slow_pkey")


def _sessions(connection: psycopg.Connection[Any]) -> int:
    """How many are left, once the server has had the time to end them."""
    query = (
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and application_name like 'dbops proof%'"
    )
    deadline = time.monotonic() + GIVE_UP
    while (found := connection.execute(query).fetchall()) != [(0,)] and time.monotonic() < deadline:
        time.sleep(0.02)
    return int(found[0][0])
