"""Indexes, keys, foreign keys and triggers that are put away while rows come in: what comes back, and what stays."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops.engines.catalog import TableName
from dbops.engines.postgres import advance, bulk, quiet, rebuild, tablelocks
from dbops.engines.postgres.rebuild import Removed
from dbops.errors import DbopsError, LockNotAcquired
from dbops.events import Event, ignore
from tests import zoo
from tests.older import known_to
from tests.servers import Database
from tests.zoo.description import describe, differences

Connect = Callable[..., psycopg.Connection[Any]]
Connection = psycopg.Connection[Any]
WEIRD = Path(__file__).with_name("bulky.sql").read_text(encoding="utf-8")


@pytest.fixture
def bulky(database: Database, connect: Connect) -> Connection:
    """A session in a schema with every kind of index, key and foreign key."""
    connection = connect(database)
    connection.execute(known_to(connection.info.server_version, WEIRD).encode())
    return connection


def _dump(database: Database) -> list[str]:
    """The schema as pg_dump has it, without the key that differs each time."""
    argv = [f"{database.server.bindir}/pg_dump", "--schema-only", database.url]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return [line for line in said.splitlines() if "restrict " not in line]


def _tables(connection: Connection) -> list[TableName]:
    """All that are no partitions."""
    return connection.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where relkind in ('r', 'p') and not relispartition and relpersistence <> 't'"
        " and nspname not in ('pg_catalog', 'information_schema')"
    ).fetchall()


def _taken(
    connection: Connection, tables: Iterable[TableName], mode: rebuild.Rebuild = "always", rows: int = 1
) -> tuple[Removed, tuple[str, ...]]:
    """What the plan for so many rows into each table says."""
    return rebuild.plan(connection, dict.fromkeys(tables, rows), mode, triggers=False)


def _names(removed: Removed) -> set[str]:
    return {one.name for one in (*removed.indexes, *removed.foreign_keys)}


def test_all_comes_back_as_it_was(bulky: Connection, database: Database) -> None:
    """Everything that can be is dropped and made again, with rows between: pg_dump sees no difference."""
    before = _dump(database)
    with bulky.transaction():
        removed, stay = _taken(bulky, _tables(bulky))
        rebuild.take_away(bulky, removed)
        left = {row[0] for row in bulky.execute("select relname from pg_class where relkind in ('i', 'I')")}
        assert not left & {index.name for index in removed.indexes}
        bulky.execute("insert into parent values (1, 'x')")
        bulky.execute("""insert into "We ird" (id, a, c, ref, code) values (1, 'a', 9, 1, 'x')""")
        bulky.execute("insert into pt values (1, '2020-02-02', 1, 'x'), (2, '2021-02-02', 1, 'y')")
        rebuild.put_back(bulky, removed)
    assert _dump(database) == before
    assert _names(removed) >= {
        "i1", "i2", "i3", "i4", "i5", "i6", "i7", "i8", "i9", "uq", 'pk "q', "parent_code_key", "fk1", "fk2", "fkself",
        "pti", "pt1_x_idx", "pt1a_x_idx", "own_name", "only_leaf", "pt_ref_fkey", "child_ref_fkey", "fills_pkey",
    }  # fmt: skip
    reasons = {
        line.split()[2 if line.startswith("foreign") else 1]: line.rpartition(": ")[2] for line in stay
    }
    assert reasons == {
        "no_overlap": "it excludes overlaps",
        "calls": "it calls functions",
        "not_valid": "it is not valid",
        "broken": "it is not valid",
        "all_fk": "it differs between partitions",
        "parent_pkey": "something depends on it",
        **dict.fromkeys(
            ("pt_pkey", "pt1_pkey", "pt1a_pkey", "pt1b_pkey", "pt2_pkey"),
            "it is the key of a partitioned table",
        ),
    }


def test_the_indexes_are_used_again(bulky: Connection) -> None:
    """An index of a partitioned table and all of its parts are valid, and so are keys and foreign keys."""
    with bulky.transaction():
        removed, _ = _taken(bulky, _tables(bulky))
        rebuild.take_away(bulky, removed)
        rebuild.put_back(bulky, removed)
    invalid = bulky.execute("select indexrelid::regclass::text from pg_index where not indisvalid").fetchall()
    assert invalid == [("broken",)]
    with pytest.raises(psycopg.errors.UniqueViolation), bulky.transaction():
        bulky.execute("insert into fills values (1), (1)")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        bulky.execute("insert into fills values (1, 5)")


def test_a_whole_zoo_comes_back(database: Database, connect: Connect) -> None:
    """A database with everything there is, all of it dropped and made again by a superuser: the catalogs are equal."""
    zoo.build(database, zoo.EVERYTHING - {zoo.Part.SUPERUSER})
    server = database.server
    connection = connect(database, user=server.user, password=server.password)
    before = describe(connection)
    with connection.transaction():
        removed, _ = _taken(connection, _tables(connection))
        assert len(removed.indexes) > 10
        assert len(removed.foreign_keys) > 3
        rebuild.take_away(connection, removed)
        rebuild.put_back(connection, removed)
    assert differences(before, describe(connection)) == []


@pytest.mark.one_major
def test_what_another_needs_stays(bulky: Connection) -> None:
    """A key that a foreign key of a table that is not filled stands on stays, and goes where that one is filled."""
    removed, stay = _taken(bulky, [("bulky", "We ird")])
    assert 'pk "q' not in _names(removed)
    assert any("a foreign key that stays needs it" in reason for reason in stay)
    removed, _ = _taken(bulky, [("bulky", "We ird"), ("bulky", "child")])
    assert 'pk "q' in _names(removed)


@pytest.mark.one_major
def test_what_belongs_to_another_role_stays(bulky: Connection, database: Database, connect: Connect) -> None:
    """A role that may only insert takes nothing away, nor a foreign key to a table that it does not own."""
    server = database.server
    superuser = connect(database, user=server.user, password=server.password)
    superuser.execute(
        "alter table bulky.fills owner to current_user; alter table bulky.parent owner to current_user"
    )
    removed, stay = _taken(bulky, [("bulky", "fills"), ("bulky", "We ird")])
    assert not _names(removed) & {"fills_pkey", "fills_note", "fills_parent_fkey", "fk1", "fk2"}
    assert sum("another role owns" in reason for reason in stay) == 5


@pytest.mark.one_major
def test_a_foreign_key_whose_triggers_are_off_stays(
    bulky: Connection, database: Database, connect: Connect
) -> None:
    """It would come back with its triggers enabled."""
    server = database.server
    superuser = connect(database, user=server.user, password=server.password)
    superuser.execute("alter table bulky.fills disable trigger all")
    removed, stay = _taken(bulky, [("bulky", "fills")])
    assert "fills_parent_fkey" not in _names(removed)
    assert any("its triggers are not enabled as usual" in reason for reason in stay)


@pytest.mark.one_major
def test_tablespaces_come_back(bulky: Connection, database: Database, connect: Connect) -> None:
    """An index in a tablespace comes back there, one beside it in the database's own, whatever the default is."""
    server = database.server
    superuser = connect(database, user=server.user, password=server.password)
    space = f"space_{database.name}"
    superuser.execute("set allow_in_place_tablespaces = on")
    superuser.execute(f"create tablespace {space} owner {database.user} location ''".encode())
    bulky.execute(f"alter table fills add unique (note) using index tablespace {space}".encode())
    bulky.execute(f"create index there on fills (id) tablespace {space}".encode())
    bulky.execute(f"set default_tablespace = {space}".encode())
    before = _dump(database)
    with bulky.transaction():
        removed, _ = _taken(bulky, [("bulky", "fills")])
        rebuild.take_away(bulky, removed)
        rebuild.put_back(bulky, removed)
    assert {"there", "fills_note_key", "fills_note"} <= _names(removed)
    assert _dump(database) == before
    setting = bulky.execute("select current_setting('default_tablespace')").fetchone()
    assert setting == (space,)
    bulky.execute(
        "reset default_tablespace; drop index there; alter table fills drop constraint fills_note_key"
    )
    superuser.execute(f"drop tablespace {space}".encode())


@pytest.mark.one_major
def test_only_where_it_pays(bulky: Connection) -> None:
    """Few rows leave all in place, some thousands take the foreign keys, many the indexes; rows that are there count."""
    fills = [("bulky", "fills")]
    assert _names(_taken(bulky, fills, "auto", 4_000)[0]) == set()
    assert _names(_taken(bulky, fills, "auto", 20_000)[0]) == {"fills_parent_fkey"}
    assert _names(_taken(bulky, fills, "auto", 60_000)[0]) == {
        "fills_parent_fkey",
        "fills_pkey",
        "fills_note",
    }
    assert _names(_taken(bulky, fills, "never", 60_000)[0]) == set()
    bulky.execute("insert into fills select n from generate_series(1, 70000) n; analyze fills")
    assert _names(_taken(bulky, fills, "auto", 60_000)[0]) == {"fills_parent_fkey"}
    assert _names(_taken(bulky, fills, "auto", 80_000)[0]) == {
        "fills_parent_fkey",
        "fills_pkey",
        "fills_note",
    }


@pytest.mark.one_major
def test_what_is_emptied_in_the_transaction_counts_for_nothing(database: Database, connect: Connect) -> None:
    """The statistics still tell of more rows than come; the tables are empty, and what pays is taken away."""
    connection = connect(database)
    connection.execute(
        "create table parent (id int primary key); create table child (id int references parent)"
    )
    connection.execute("create index by_parent on child (id)")
    connection.execute("insert into parent select generate_series(1, 60000)")
    connection.execute("insert into child select id from parent")
    connection.execute("analyze parent, child")
    child = [("public", "child")]
    assert _names(_taken(connection, child, "auto", 55_000)[0]) == {"child_id_fkey"}
    with connection.transaction():
        connection.execute("truncate parent, child")
        assert _names(_taken(connection, child, "auto", 55_000)[0]) == {"child_id_fkey", "by_parent"}


def test_users_code_keeps_its_indexes(bulky: Connection, database: Database, connect: Connect) -> None:
    """A trigger that fires, a check that calls a function, an event trigger: then nothing is taken away."""
    fills = {("bulky", "fills"): 90_000}
    bulky.execute("create function t() returns trigger language plpgsql as 'begin return new; end'")
    bulky.execute("create trigger t before insert on fills for each row execute function t()")
    assert _names(rebuild.plan(bulky, fills, "auto", triggers=False)[0])
    assert not _names(rebuild.plan(bulky, fills, "auto", triggers=True)[0])
    bulky.execute("alter table fills disable trigger t")
    assert _names(rebuild.plan(bulky, fills, "auto", triggers=True)[0])
    bulky.execute("alter table fills add constraint c check (same(note) <> 'no')")
    assert not _names(rebuild.plan(bulky, fills, "auto", triggers=False)[0])
    assert _names(rebuild.plan(bulky, fills, "always", triggers=False)[0])
    server = database.server
    superuser = connect(database, user=server.user, password=server.password)
    superuser.execute("create function e() returns event_trigger language plpgsql as 'begin end'")
    superuser.execute("create event trigger e on sql_drop execute function e()")
    removed, stay = rebuild.plan(bulky, fills, "always", triggers=False)
    assert not _names(removed)
    assert "an event trigger would notice" in stay[0]


@pytest.mark.one_major
@pytest.mark.parametrize("own", [32_768, 1_048_576])
def test_more_memory_never_less(bulky: Connection, own: int) -> None:
    """Indexes are built with more memory than the server gives, or with the server's; after, it is as before."""
    seen = []
    bulky.execute(f"set maintenance_work_mem = {own}")
    setting = "select setting::int from pg_settings where name = 'maintenance_work_mem'"
    with bulky.transaction():
        removed, _ = _taken(bulky, [("bulky", "fills")])
        rebuild.take_away(bulky, removed)
        rebuild.put_back(bulky, removed, lambda _: seen.append(bulky.execute(setting).fetchone()))
    assert set(seen) == {(max(own, 262_144),)}
    assert bulky.execute(setting).fetchone() == (own,)


TRIGGERS = """
create function t() returns trigger language plpgsql as 'begin return null; end';
create table plain (a int); create table parts (a int) partition by list (a);
create table part partition of parts for values in (1) partition by list (a);
create table leaf partition of part default;
create trigger o after insert on plain for each row execute function t();
create trigger a after insert on plain execute function t(); alter table plain enable always trigger a;
create trigger r after insert on plain execute function t(); alter table plain enable replica trigger r;
create trigger d after insert on plain execute function t(); alter table plain disable trigger d;
create constraint trigger c after insert on plain deferrable for each row execute function t();
create trigger p after insert on parts for each row execute function t();
create trigger q after insert on parts for each row execute function t();
alter table parts disable trigger q; alter table leaf enable always trigger q; alter table part disable trigger p;
alter table leaf enable replica trigger p; create trigger own after insert on leaf execute function t();
"""


def test_triggers_come_back_as_they_were(database: Database, connect: Connect) -> None:
    """Each has its own state again, copies in partitions too; between, those that fire are off."""
    connection = connect(database)
    connection.execute(TRIGGERS)
    states = "select tgrelid::regclass::text, tgname, tgenabled from pg_trigger order by 1, 2"
    before = connection.execute(states).fetchall()
    assert len({state for *_, state in before}) == 4
    with connection.transaction():
        triggers = quiet.user_triggers(connection, [("public", "plain"), ("public", "parts")])
        quiet.disable_triggers(connection, triggers)
        assert {state for *_, state in connection.execute(states)} <= {b"D", b"R", "D", "R"}
        quiet.enable_triggers(connection, triggers)
    assert connection.execute(states).fetchall() == before


@pytest.mark.one_major
def test_triggers_of_another_role_are_refused(database: Database, connect: Connect) -> None:
    """The error names the trigger, the table and what else to do."""
    connection = connect(database)
    connection.execute(TRIGGERS)
    server = database.server
    superuser = connect(database, user=server.user, password=server.password)
    superuser.execute("alter table plain owner to current_user")
    with pytest.raises(DbopsError, match=r"trigger a of public\.plain cannot be disabled: another role"):
        quiet.user_triggers(connection, [("public", "plain")])


@pytest.mark.one_major
def test_a_held_table_is_told(bulky: Connection, database: Database, connect: Connect) -> None:
    """After the patience the error names table and session; the transaction may go on, and once free it is locked.

    Without patience it waits for ever; a reader does not keep writers out.
    """
    other = connect(database, autocommit=False, application_name="somebody")
    other.execute("select from bulky.pt2")
    events: list[Event] = []
    with bulky.transaction():
        tablelocks.lock(bulky, [("bulky", "pt")], "row exclusive", 0.1, events.append)
        with pytest.raises(LockNotAcquired) as caught:
            tablelocks.lock(bulky, [("bulky", "pt")], "access exclusive", 1.2, events.append)
        assert f"pt2 is held by pid {other.info.backend_pid}" in caught.value.message
        assert "somebody" in caught.value.message
        assert "somebody" in events[0].sentence()
        other.commit()
        tablelocks.lock(bulky, [("bulky", "pt")], "access exclusive", 5, ignore)
    assert len(events) == 1
    other.execute("select from bulky.pt2")
    release = threading.Timer(1, other.commit)
    release.start()
    with bulky.transaction():
        tablelocks.lock(bulky, [("bulky", "pt")], "share row exclusive", 0.1, ignore)
        tablelocks.lock(bulky, [("bulky", "pt")], "access exclusive", 0, events.append)
    release.join()
    assert events[1].sentence().startswith("waits: pt2 is held by")


SEQUENCES = """
create table up (id serial primary key, other bigint generated by default as identity (start 10 increment 5));
create table down (id int generated always as identity (increment -1 minvalue -1000 maxvalue 500 start 500));
create sequence shared; create table one (n numeric default nextval('shared')); create table two (n int default nextval('shared'));
create sequence small maxvalue 50; create table over (n int default nextval('small'), t text default 'x' || nextval('small'));
create table parts (id int generated by default as identity, k int) partition by list (k); create table part partition of parts default;
"""


@pytest.mark.one_major
def test_sequences_go_past_what_is_there(database: Database, connect: Connect) -> None:
    """Up, down, shared by two columns, of a partitioned table, at its end; and never backwards."""
    connection = connect(database)
    connection.execute(SEQUENCES)
    connection.execute(
        "insert into up values (7, 3); insert into down overriding system value values (-5), (3)"
    )
    connection.execute(
        "insert into one values (8.5); insert into two values (4); insert into over values (70)"
    )
    connection.execute("insert into parts values (41, 1)")
    tables = [("public", name) for name in ("up", "down", "one", "two", "over", "parts")]
    assert advance.set_sequences(connection, tables) == 5

    def next_of(name: str) -> Any:
        row = connection.execute("select nextval(%s)", [name]).fetchone()
        return row and row[0]

    assert [next_of(name) for name in ("up_id_seq", "up_other_seq", "down_id_seq", "shared", "parts_id_seq")] == [
        8, 10, -6, 10, 42,
    ]  # fmt: skip
    with pytest.raises(psycopg.errors.SequenceGeneratorLimitExceeded):
        next_of("small")
    assert advance.set_sequences(connection, tables) == 0


@pytest.mark.one_major
def test_copy(database: Database, connect: Connect) -> None:
    """Text in pieces of more than one message arrives whole, whatever encoding the client has."""
    connection = connect(database, client_encoding="latin1")
    connection.execute('create table "T t" (a text, "b c" int)')
    text = "".join(f"ünï {n}\\t€\t{n}\n" for n in range(30_000)).encode()
    with connection.transaction(), bulk.copying(connection, ("public", "T t"), ["a", "b c"]) as write:
        write(text)
        write(b"\\N\t\\N\n")
    query = """select count(*), sum("b c"), count(a), max(length(a)) from "T t" where a is null or a like 'ünï %%\t€'"""
    connection.execute("set client_encoding = utf8")
    assert connection.execute(query, []).fetchone() == (30_001, 449_985_000, 30_000, 11)
