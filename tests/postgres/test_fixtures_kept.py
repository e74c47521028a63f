"""Fixture sets: what a row that is there keeps, and rows that several sets give."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.postgres.seeding import NOW, Seeds

pytestmark = pytest.mark.one_major

ACCOUNTS = """
create table accounts (id int primary key, name text unique not null, balance numeric(10,2) not null default 0,
    opened timestamptz default now(), owner int references accounts)
"""


@pytest.mark.parametrize("where", ["set.toml", "toml", "json", "py"])
def test_insert_only_columns(seeds: Seeds, where: str) -> None:
    """A balance is written when the account is added; what it is later is neither compared nor set back."""
    seeds.connection.execute(ACCOUNTS.encode())
    if where == "set.toml":
        seeds.write("set.toml", '[tables.accounts]\ninsert-only = ["balance", "opened"]\n')
        seeds.write("accounts.csv", "id,name,balance,opened\n1,a,100,2026-01-05\n")
    elif where == "toml":
        seeds.write(
            "accounts.toml",
            'insert-only = ["balance", "opened"]\n[[rows]]\nid = 1\nname = "a"\nbalance = 100\nopened = 2026-01-05\n',
        )
    elif where == "json":
        row = '{"id": 1, "name": "a", "balance": 100, "opened": "2026-01-05"}'
        seeds.write("accounts.json", f'{{"insert-only": ["balance", "opened"], "rows": [{row}]}}')
    else:
        seeds.write(
            "accounts.py",
            "INSERT_ONLY = ['balance', 'opened']\ndef rows(ctx):\n"
            "    yield {'id': 1, 'name': 'a', 'balance': 100, 'opened': '2026-01-05'}\n",
        )
    assert seeds.counts() == {"accounts": (1, 0, 0)}
    there = "select name, balance::int, opened::date::text from accounts"
    assert seeds.rows(there) == [("a", 100, "2026-01-05")]
    seeds.connection.execute("update accounts set balance = 7, opened = null")
    before = seeds.rows("select xmin::text, * from accounts")
    assert seeds.counts() == {"accounts": (0, 0, 1)}
    assert seeds.rows("select xmin::text, * from accounts") == before
    seeds.connection.execute("update accounts set name = 'b'")
    assert seeds.counts() == {"accounts": (0, 1, 0)}
    assert seeds.rows(there) == [("a", 7, None)]


def test_insert_only_columns_that_are_wrong(seeds: Seeds) -> None:
    """One that the table does not have, and one by which rows are matched, are told."""
    seeds.connection.execute(ACCOUNTS.encode())
    seeds.write("one/accounts.toml", 'insert-only = ["blance"]\n[[rows]]\nid = 1\nname = "a"\n')
    seeds.write("two/accounts.toml", 'insert-only = "id"\n[[rows]]\nid = 1\nname = "a"\n')
    at = "accounts.toml row 1 (line 2)"
    assert seeds.problems("one") == [
        f"seeds/one/{at}: its insert-only names 'blance', which is no column of accounts"
    ]
    assert seeds.problems("two") == [
        f"seeds/two/{at}: its insert-only names the column id, by which its rows are matched"
    ]


def test_insert_only_references_in_a_circle(seeds: Seeds) -> None:
    """A captain that can only be written in a second pass is written to the new team, and left alone in the other."""
    seeds.connection.execute(
        "create table teams (name text primary key, captain text);"
        "create table players (name text primary key, team text not null references teams);"
        "alter table teams add foreign key (captain) references players;"
        "insert into teams values ('blues', null)"
    )
    seeds.write("set.toml", '[tables.teams]\ninsert-only = ["captain"]\n')
    seeds.write("teams.csv", "name,captain\nreds,ann\nblues,ann\n")
    seeds.write("players.csv", "name,team\nann,reds\n")
    assert seeds.counts() == {"teams": (1, 0, 1), "players": (1, 0, 0)}
    assert seeds.rows("select * from teams order by name") == [("blues", None), ("reds", "ann")]


def test_a_row_keeps_its_primary_key(seeds: Seeds) -> None:
    """Matched by name, with an id that the row was not made with: it keeps its own, and references lead there."""
    seeds.connection.execute(ACCOUNTS.encode())
    seeds.connection.execute(
        "insert into accounts (id, name, owner) values (70, 'a', null), (71, 'mine', 70); create table notes (id int primary key,"
        " account int references accounts)"
    )
    seeds.write("accounts.toml", 'key = "name"\n[[rows]]\nid = 1\nname = "a"\n[[rows]]\nid = 2\nname = "b"\n')
    seeds.write("notes.csv", "id,account\n1,@accounts:a\n2,@accounts:b\n")
    assert seeds.counts() == {"accounts": (1, 0, 1), "notes": (2, 0, 0)}
    assert seeds.rows("select id, name from accounts order by id") == [(2, "b"), (70, "a"), (71, "mine")]
    assert seeds.rows("select account from notes order by id") == [(70,), (2,)]
    assert seeds.counts() == {"accounts": (0, 0, 2), "notes": (0, 0, 2)}


def test_the_same_row_in_two_sets(seeds: Seeds) -> None:
    """Two sets give a row with the same values, in other formats and with other columns left out: it is there once."""
    seeds.connection.execute(ACCOUNTS.encode())
    seeds.write("accounts.csv", "id,name,balance,opened\n1,a,100,2026-01-05 00:00\n2,b,1,\n")
    row = '{"id": 1, "name": "a", "balance": "100.0", "owner": {"accounts": {"name": "b"}}}'
    seeds.write("more/accounts.jsonl", row)
    assert seeds.counts("dev", "more") == {"accounts": (2, 1, 0)}
    assert seeds.rows("select id, owner from accounts order by id") == [(1, 2), (2, None)]
    assert seeds.counts("dev", "more") == {"accounts": (0, 0, 3)}
    assert seeds.counts("more", "dev") == {"accounts": (0, 0, 3)}


def test_the_same_row_in_two_sets_with_a_key_of_the_server(seeds: Seeds) -> None:
    """Neither set, or only one of them, gives the id: references find the one row."""
    seeds.connection.execute(
        "create table users (id uuid primary key default gen_random_uuid(), name text unique not null);"
        "create table notes (id int primary key, author uuid not null references users)"
    )
    seeds.write("users.csv", "name\nann\nbob\n")
    seeds.write("notes.csv", "id,author\n1,@users:ann\n")
    seeds.write("more/users.csv", "name\nann\n")
    seeds.write("more/notes.csv", "id,author\n2,@users:ann\n")
    given = "8d73713b-7210-4871-8978-71d5c067b1fc"
    seeds.write("third/users.toml", f'key = "name"\n[[rows]]\nid = "{given}"\nname = "ann"\n')
    for names in (["dev", "more"], ["dev", "more", "third"]):
        seeds.connection.execute("truncate users, notes")
        assert seeds.counts(*names)["notes"] == (2, 0, 0)
        written = seeds.rows("select name, count(*) from users join notes on author = users.id group by 1")
        assert written == [("ann", 2)]
    assert seeds.rows("select id::text from users where name = 'ann'") == [(given,)]


def test_different_rows_in_two_sets(seeds: Seeds) -> None:
    """The sets contradict each other: told with both places and the columns, once; twice in one set stays an error."""
    seeds.connection.execute(ACCOUNTS.encode())
    seeds.write("accounts.csv", "id,name,balance\n1,a,100\n2,b,1\n")
    seeds.write("more/accounts.csv", "id,name,balance\n2,b,1\n1,a,5\n")
    (problem,) = seeds.problems("dev", "more")
    assert problem.startswith(
        "seeds/more/accounts.csv line 3, column id: id as in seeds/dev/accounts.csv line 2"
    )
    assert problem.endswith(": the sets give different values of balance")
    seeds.connection.execute('create table odd ("a %s" int primary key, "b \'%" int)')
    seeds.write("odd.csv", "a %s,b '%\n1,2\n")
    seeds.write("more/odd.csv", "b '%,a %s\n2,1\n")
    seeds.write("more/accounts.csv", "id,name\n2,b\n")
    assert seeds.problems("dev", "more") == []
    seeds.write("more/odd.csv", "b '%,a %s\n3,1\n")
    assert seeds.problems("dev", "more")[0].endswith("the sets give different values of b '%")
    seeds.write("more/accounts.csv", "id,name\n9,x\n9,x\n")
    assert "the row is given twice" in seeds.problems("dev", "more")[0]


def test_times_of_rows_in_two_sets(seeds: Seeds) -> None:
    """Relative times that mean the same moment are the same; a later load changes nothing."""
    seeds.connection.execute(ACCOUNTS.encode())
    seeds.write("accounts.csv", "id,name,opened\n1,a,now - 1d\n")
    seeds.write("more/accounts.csv", "id,name,opened\n1,a,now - 24h\n")
    assert seeds.counts("dev", "more") == {"accounts": (1, 0, 1)}
    assert seeds.counts("dev", "more", now=NOW + timedelta(days=1)) == {"accounts": (0, 0, 2)}


def test_a_reference_to_a_table_that_no_foreign_key_names(seeds: Seeds) -> None:
    """It is found, though the set has no file for that table and none of its tables refers to it."""
    seeds.connection.execute(
        "create table notes (id int primary key, about int, more int, text text);"
        "create schema far; create table far.things (id serial primary key, name text unique not null);"
        "insert into far.things (name) values ('x'), ('y')"
    )
    seeds.write("notes.csv", "id,about,more,text\n1,@things:y,@far.things:x,@nothing:z\n")
    assert seeds.counts() == {"notes": (1, 0, 0)}
    assert seeds.rows("select * from notes") == [(1, 2, 1, "@nothing:z")]
    seeds.write("thinks.csv", "id\n1\n")
    assert seeds.problems() == [
        "seeds/dev/thinks.csv: the database has no table 'thinks'; is it 'far.things'?"
    ]


def test_a_domain_with_a_default(seeds: Seeds) -> None:
    """A NOT NULL column whose domain has a default may be left out; references find what it gives."""
    seeds.connection.execute(
        "create sequence numbers start 5; create domain number as int default nextval('numbers');"
        "create domain state as text default 'new' not null;"
        "create table jobs (id number primary key, name text unique not null, state state);"
        "create table runs (job int not null references jobs primary key)"
    )
    seeds.write("jobs.csv", "name\na\n")
    seeds.write("runs.csv", "job\n@jobs:a\n")
    assert seeds.counts() == {"jobs": (1, 0, 0), "runs": (1, 0, 0)}
    assert seeds.rows("select id, name, state, job from jobs, runs") == [(5, "a", "new", 5)]


@pytest.mark.one_major
def test_different_rows_in_two_sets_with_a_script_between(seeds: Seeds) -> None:
    """Told as without the script, before anything is written; what is only written otherwise, or refers, is no problem."""
    seeds.connection.execute("create table r (id int primary key, name text unique);"
                             "create table t (id int primary key, n numeric, r int references r, at date)")  # fmt: skip
    seeds.write("a/r.csv", "id,name\n1,x\n")
    seeds.write("a/t.csv", "id,n,r,at\n1,1.0,@r:x,2026-01-01\n2,5,,\n")
    seeds.write("a/z.sql", "select 1")
    seeds.write("b/t.json", '[{"id": 1, "n": 1.0, "r": 1, "at": "January 1, 2026"}, {"id": 2, "n": 6}]')
    assert seeds.problems("a", "b") == [
        "seeds/b/t.json row 2 (line 1), column id: id as in seeds/a/t.csv line 3: the sets give different values of n"
    ]
    assert seeds.rows("select * from r") == []
    seeds.write("b/t.json", '[{"id": 1, "n": 1.0, "r": 1, "at": "January 1, 2026"}, {"id": 2, "n": 5}]')
    assert seeds.counts("a", "b") == {"r": (1, 0, 0), "t": (2, 0, 2)}
    assert seeds.counts("a", "b") == {"r": (0, 0, 1), "t": (0, 0, 4)}
