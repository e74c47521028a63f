"""What does not fit is told all at once, with file, row and column, before anything is written."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dbops.errors import DbopsError, ExitCode, LockNotAcquired
from dbops.seeding.fixtures import BadFixtures
from tests.postgres.seeding import Seeds
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]


def test_every_kind_of_problem_at_once(seeds: Seeds) -> None:
    """Unknown table and columns, types, lengths, enums, domains, NOT NULL, keys, references: one report, on all versions."""
    seeds.connection.execute("""
        create type mood as enum ('sad', 'happy');
        create domain positive as int check (value > 0);
        create table tenants (id serial primary key, name text unique not null, kind text);
        create table users (
            id serial primary key, name varchar(5) unique not null, mood mood, age positive, born date, at timestamptz,
            tenant int references tenants, tags varchar(3)[], upper text generated always as (upper(name)) stored);
        create table must (id int primary key, a text not null, b text not null);
    """)
    seeds.write("nowhere.csv", "id\n1\n")
    seeds.write(
        "tenants.toml",
        '[[rows]]\nname = "acme"\n\n[[rows]]\nname = "twin"\nkind = "x"\n[[rows]]\nname = "acme"\n',
    )
    seeds.write(
        "users.csv",
        "name,mood,age,born,at,tenant\n"
        "ann,glad,1,2026-02-30,now - 3d,@tenants:acme\n"
        "toolong,sad,0,,tomorrow,@tenants:nobody\n"
        ',happy,x,,"when?",9\n',
    )
    seeds.write(
        "users.json",
        '[{"name": "joe", "naem": 1},\n {"name": "jim", "upper": "JIM"},\n {"name": "jon", "tags": ["abcd"]},\n'
        ' {"name": "jan", "tenant": {"tenants": {"nmae": "x"}}}, {"name": "jen", "tenant": {"tenant": "x"}},'
        ' {"name": "jez", "tenant": {"tenants": {}}}]',
    )
    seeds.write("must.jsonl", '{"id": 1, "a": "x"}\n{"id": 3}\n{"id": 2, "a": "x", "b": null}\n')
    expected = """\
seeds/dev/must.jsonl line 1, column b: is missing: the row is new, and the column is NOT NULL without a default
seeds/dev/must.jsonl line 2, column a, b: are missing: the row is new, and the columns are NOT NULL without a default
seeds/dev/must.jsonl line 3, column b: is empty, and must not be
seeds/dev/nowhere.csv: the database has no table 'nowhere'
seeds/dev/tenants.toml row 3 (line 7), column name: name as in seeds/dev/tenants.toml row 1 (line 1): the row is given twice
seeds/dev/users.csv line 2, column mood: 'glad' is none of sad, happy
seeds/dev/users.csv line 2, column born: date/time field value out of range: "2026-02-30"
seeds/dev/users.csv line 3, column name: 'toolong' has 7 characters, and character varying(5) holds 5
seeds/dev/users.csv line 3, column age: value for domain positive violates check constraint "positive_check"
seeds/dev/users.csv line 3, column tenant: tenants where name = nobody finds nothing
seeds/dev/users.csv line 4, column name: is empty, and must not be
seeds/dev/users.csv line 4, column age: invalid input syntax for type integer: "x"
seeds/dev/users.csv line 4, column at: invalid input syntax for type timestamp with time zone: "when?"
seeds/dev/users.json row 1 (line 1), column naem: users has no column 'naem'; is it 'name'?
seeds/dev/users.json row 2 (line 2), column upper: users.upper is generated from other columns: leave it out
seeds/dev/users.json row 3 (line 3), column tags: 'abcd' has 4 characters, and character varying(3) holds 3
seeds/dev/users.json row 4 (line 4), column tenant: a reference by 'nmae', which is no column of tenants
seeds/dev/users.json row 5 (line 4), column tenant: a reference to the table 'tenant', which is not there
seeds/dev/users.json row 6 (line 4), column tenant: a reference to tenants that says of no column what it is
"""
    assert seeds.problems() == expected.splitlines()
    assert seeds.rows("select (select count(*) from tenants) + (select count(*) from users)") == [(0,)]


@pytest.mark.one_major
def test_keys_that_cannot_match(seeds: Seeds) -> None:
    """None given, several possible, named but not unique, not given, unknown: each with what to write."""
    seeds.connection.execute(
        "create table a (id serial primary key, x text unique, y text unique, z text);"
        "create table log (at timestamptz, what text)"
    )
    told = {}
    for name, text in {
        "none": "z\n1\n", "several": "x,y\n1,2\n", "unique": "id,z\n1,2\n", "given": "id\n1\n", "unknown": "id\n1\n",
    }.items():  # fmt: skip
        seeds.write(f"{name}/a.csv", text)
        key = {"unique": "z", "given": "x", "unknown": "w"}.get(name)
        if key:
            seeds.write(f"{name}/set.toml", f'[tables.a]\nkey = ["{key}"]\n')
        told[name] = seeds.problems(name)[0].removeprefix(f"seeds/{name}/a.csv: ")
    assert (
        told["none"]
        == "its rows cannot be matched: it gives all columns of none of the keys of a ((id), (x), (y))"
    )
    assert told["several"].startswith("its rows could be matched by (x) and (y); name the key: ")
    assert '[tables.a] key = ["x"] in set.toml' in told["several"]
    assert told["unique"] == "its key (z) is not unique in a; unique there: (id), (x), (y)"
    assert told["given"] == "its key names the column x, which it does not give"
    assert told["unknown"] == "its key names 'w', which is no column of a"
    seeds.write("log.csv", "at,what\nnow,x\nnow,x\n")
    assert "it has none; bin/seed-test-data --truncate only adds rows" in seeds.problems()[0]
    assert seeds.load(truncate=True).tables[0].inserted == 2
    assert seeds.load(truncate=True).tables[0].deleted == 2


@pytest.mark.one_major
def test_references_that_find_several_or_go_round(seeds: Seeds) -> None:
    """Two rows of that name; keys that are known only when they are known; a table with two unique columns."""
    seeds.connection.execute(
        "create table p (id serial primary key, name text, code text unique, other text unique);"
        "create table c (id int primary key, p int references p);"
        "create table loop (id serial primary key, boss int references loop, name text, unique (boss, name))"
    )
    seeds.write("p.csv", "name,code,other\nx,1,\nx,2,\n")
    seeds.write("set.toml", '[tables.p]\nkey = ["code"]\n')
    seeds.write("c.json", '[{"id": 1, "p": {"p": {"name": "x"}}}, {"id": 2, "p": {"p": "1"}}]')
    ring = '{"loop": {"boss": %s, "name": "a"}}'
    seeds.write("loop.json", '[{"name": "a", "boss": ' + ring % (ring % "1") + "}]")
    assert seeds.problems() == [
        "seeds/dev/c.json row 1 (line 1), column p: p where name = x finds 2 rows, and must find one",
        "seeds/dev/loop.json row 1 (line 1), column boss: loop where boss = 1, name = a waits for itself",
    ]
    seeds.write("set.toml", "")
    (problem,) = [one for one in seeds.problems() if "c.json row 2" in one]
    assert problem.endswith("which column of p is meant is not clear; write {p = {code = ...}}")


@pytest.mark.one_major
@pytest.mark.parametrize(
    ("constraint", "row", "said"),
    [
        ("check (n < 50)", "line 52", '"t_n_check"'),
        ("unique", "line 41, column n", '"t_n_key" of t'),
        ("references r", "line 12, column n", '"t_n_fkey"'),
        ("references r deferrable initially deferred", "line 12, column n", '"t_n_fkey"'),
    ],
)
def test_the_row_that_the_server_refuses(seeds: Seeds, constraint: str, row: str, said: str) -> None:
    """A check, a unique and a foreign key, also deferred: the very line, the column and the constraint's name."""
    seeds.connection.execute(
        "create table r (id int primary key); insert into r select generate_series(1, 100) - 1"
    )
    seeds.connection.execute("delete from r where id = 10" if "references" in constraint else "select")
    seeds.connection.execute(f"create table t (id int primary key, n int {constraint})".encode())
    if constraint == "unique":  # with a row that is there, not one of the file
        seeds.connection.execute("insert into t values (1000, 39)")
    seeds.write("t.csv", "id,n\n" + "".join(f"{n},{n}\n" for n in range(100)))
    with pytest.raises(DbopsError) as raised:
        seeds.load()
    assert raised.value.exit_code is ExitCode.FAILED
    assert raised.value.message.startswith(f"seeds/dev/t.csv {row}: ")
    assert raised.value.message.endswith(said)
    assert raised.value.message.count(said.split(maxsplit=1)[0]) == 1
    assert raised.value.hint == "correct it, then run bin/seed-test-data dev again; nothing was written"
    assert seeds.rows("select count(*) from t") == [(1 if constraint == "unique" else 0,)]


@pytest.mark.one_major
def test_an_identity_that_cannot_be_changed(seeds: Seeds) -> None:
    """Matched by name, with another number than the row has: told, not ignored."""
    seeds.connection.execute(
        "create table t (number int generated always as identity, name text unique); insert into t (name) values ('a')"
    )
    seeds.write("t.toml", 'key = ["name"]\n[[rows]]\nnumber = 7\nname = "a"\n')
    assert seeds.problems() == [
        "seeds/dev/t.toml row 1 (line 2), column number: differs, and an identity that is GENERATED ALWAYS cannot be changed: leave it out"
    ]


@pytest.mark.one_major
def test_hostile_values(seeds: Seeds) -> None:
    """NUL in a JSON escape, half a surrogate pair, NaN in JSON, nesting without end, an integer without end."""
    seeds.connection.execute("create table t (id int primary key, a text, j jsonb, n numeric)")
    seeds.write("nul/t.json", r'[{"id": 1, "a": "x\u0000"}, {"id": 2, "a": "\ud800"}]')
    assert seeds.problems("nul") == [
        "seeds/nul/t.json row 1 (line 1), column a: holds a NUL character, which no text of PostgreSQL may",
        "seeds/nul/t.json row 2 (line 1), column a: holds half of a surrogate pair, which is no character",
    ]
    seeds.write("deep/t.json", '[{"id": 1, "j": ' + "[" * 100_000 + "]" * 100_000 + "}]")
    assert seeds.problems("deep") == ["seeds/deep/t.json line 1: nested too deeply"]
    seeds.write(
        "deeper/t.py",
        "def rows(ctx):\n  x = []\n  for _ in range(99999): x = [x]\n  yield {'id': 1, 'j': x}\n",
    )
    assert seeds.problems("deeper") == ["seeds/deeper/t.py row 1, column j: nested too deeply"]
    seeds.write("huge/t.py", "def rows(ctx):\n  yield {'id': 10**30, 'n': 10**5000}\n")
    assert seeds.problems("huge") == [
        "seeds/huge/t.py row 1, column n: an integer of more than 4300 digits",
        'seeds/huge/t.py row 1, column id: value "1000000000000000000000000000000" is out of range for type integer',
    ]
    seeds.write("nan/t.toml", "[[rows]]\nid = 1\nj = {a = nan}\n")
    assert seeds.problems("nan") == [
        "seeds/nan/t.toml row 1 (line 1), column j: JSON knows neither NaN nor Infinity"
    ]
    seeds.write("large/t.json", '[{"id": 5, "j": {"a": [1e400, -1E-400]}}]')
    seeds.load("large")
    assert seeds.rows(
        "select j #>> '{a,0}' = 1e400::numeric::text, (j #>> '{a,1}')::numeric = -1e-400 from t"
    ) == [(True, True)]
    assert seeds.counts("large") == {"t": (0, 0, 1)}
    seeds.connection.execute("delete from t")
    seeds.write("sql/t.csv", 'id,a\n1,"\'); drop table t; --"\n')
    seeds.load("sql")
    assert seeds.rows("select a from t") == [("'); drop table t; --",)]


@pytest.mark.one_major
def test_two_loads_at_once_insert_once(seeds: Seeds, database: Database, connect: Connect) -> None:
    """Eight sessions load the same set at the same time: one inserts, the others find all unchanged; no deadlock."""
    seeds.connection.execute(
        "create table a (id serial primary key, x text unique); create table b (id serial primary key, x text unique)"
    )
    rows = "".join(f"{n}\n" for n in range(200))
    seeds.write("a.csv", "x\n" + rows)
    seeds.write("b.csv", "x\n" + rows)
    connections = [connect(database) for _ in range(8)]
    found: list[int] = []

    def run(connection: psycopg.Connection[Any]) -> None:
        found.append(sum(one.inserted for one in seeds.load(connection=connection).tables))

    threads = [threading.Thread(target=run, args=[connection]) for connection in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0] * 7 + [400]


@pytest.mark.one_major
def test_a_table_that_somebody_writes_to(seeds: Seeds, database: Database, connect: Connect) -> None:
    """An open transaction has written to the table: after the deadline its session is named; then it works."""
    seeds.connection.execute("create table a (id int primary key)")
    seeds.write("a.csv", "id\n1\n")
    other = connect(database, autocommit=False, application_name="a colleague")
    other.execute("insert into a values (5)")
    with pytest.raises(LockNotAcquired, match=r"a is held by pid .*'a colleague'"):
        seeds.load(lock_timeout=0.2)
    other.commit()
    other.execute("select * from a")
    assert seeds.load(lock_timeout=0.2).tables[0].inserted == 1
    with pytest.raises(LockNotAcquired):
        seeds.load(lock_timeout=0.2, truncate=True)


@pytest.mark.one_major
def test_a_secret_is_in_no_error_of_the_server(seeds: Seeds) -> None:
    """A row with a value of the environment violates a unique key: the server's DETAIL, which has it, is left out."""
    seeds.connection.execute(
        "create table t (id int primary key, token text unique); insert into t values (9, 'hunter2')"
    )
    seeds.write("t.csv", "id,token\n1,${TOKEN}\n")
    with pytest.raises(DbopsError) as raised:
        seeds.load(environ={"TOKEN": "hunter2"})
    assert "t_token_key" in raised.value.message
    assert "hunter2" not in f"{raised.value.message}{raised.value.detail}{raised.value.hint}"


@pytest.mark.one_major
def test_many_problems_are_counted(seeds: Seeds) -> None:
    """A thousand wrong values: the first hundred are shown, the rest counted, all are data of the error."""
    seeds.connection.execute("create table t (id int primary key)")
    seeds.write("t.csv", "id\n" + "".join(f"x{n}\n" for n in range(1000)))
    with pytest.raises(BadFixtures, match="1000 problems") as raised:
        seeds.load()
    assert (raised.value.detail or "").endswith("and 900 more")
    assert len(raised.value.problems) == 1000


@pytest.mark.one_major
def test_a_role_that_may_not(seeds: Seeds, database: Database, connect: Connect) -> None:
    """The table is another role's: said before anything is tried."""
    superuser = connect(database, user=database.server.user, password=database.server.password)
    superuser.execute("create table t (id int primary key)")
    seeds.write("t.csv", "id\n1\n")
    assert seeds.problems() == ["seeds/dev/t.csv: this role may not insert into t"]
    with pytest.raises(BadFixtures) as raised:
        seeds.load()
    grant = raised.value.hint.removeprefix("have their owner run: ") if raised.value.hint else ""
    superuser.execute(grant.encode())
    assert seeds.counts() == {"t": (1, 0, 0)}


@pytest.mark.one_major
def test_what_is_no_table(seeds: Seeds) -> None:
    """A view, a partition, a sequence, in any schema: what it is."""
    seeds.connection.execute("""
        create schema other; create table t (id int primary key) partition by range (id);
        create table t_low partition of t for values from (0) to (10);
        create view v as select * from t; create materialized view other.m as select * from t; create sequence s""")
    for name in ("v", "other.m", "m", "t_low", "s"):
        seeds.write(f"{name}.csv", "id\n1\n")
    assert seeds.problems() == [
        "seeds/dev/m.csv: 'm' is a materialized view: give rows to the tables beneath it",
        "seeds/dev/other.m.csv: 'other.m' is a materialized view: give rows to the tables beneath it",
        "seeds/dev/s.csv: 's' is a sequence",
        "seeds/dev/t_low.csv: 't_low' is a partition: give its rows to the table that it is a part of",
        "seeds/dev/v.csv: 'v' is a view: give rows to the tables beneath it",
    ]
    with pytest.raises(BadFixtures) as raised:
        seeds.load()
    assert raised.value.hint == "correct the files, then run bin/seed-test-data dev again"


@pytest.mark.one_major
def test_unique_values_that_change_places(seeds: Seeds) -> None:
    """Told with both rows and the way out; a constraint that can wait lets it happen."""
    seeds.connection.execute(
        "create table t (id int primary key, name text unique); insert into t values (1, 'p'), (2, 'p2')"
    )
    seeds.write("t.csv", "id,name\n1,p2\n2,p\n")
    with pytest.raises(
        DbopsError, match=r"^seeds/dev/t.csv line 2, column name: .* still that of the row of .* line 3,"
    ):
        seeds.load()
    seeds.connection.execute(
        "alter table t drop constraint t_name_key, add constraint u unique (name) deferrable"
    )
    assert seeds.counts() == {"t": (0, 2, 0)}
    assert seeds.counts() == {"t": (0, 0, 2)}
