"""A SQLite schema in one form: what is the same however it is written, and what is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import pytest

from dbops.engines.schema import differences
from dbops.engines.sqlite.schema import read


def made(*statements: str) -> Mapping[str, str]:
    """What a script makes, in that form."""
    connection = sqlite3.connect(":memory:")
    for one in statements:
        connection.executescript(one)
    return read(connection, ()).objects


SAME = {
    "blanks": ("create table t (a int, b text)", "CREATE TABLE t(\n  a INT , -- the a\n  b\tTEXT /* b */)"),
    "quotes": ("create table t (a int)", 'create table "t" ([a] int)', "create table `T` ('a' int)"),
    "letters_beyond_ascii": ("create table t (é int check (é > 0))", 'create table t ("é" int check ([é] > 0))'),
    "order": (
        "create table t (a int not null default 1 collate nocase)",
        "create table t (a int collate nocase default 1 not null)",
    ),
    "place": (
        "create table t (a int constraint k primary key, b int unique check (b > 0) references u (c) on delete cascade)",
        "create table t (a int, b int, check (b > 0), foreign key (b) references u (c) on delete cascade, unique (b), constraint k primary key (a))",
    ),
    "autoincrement": (
        "create table t (a integer primary key autoincrement)",
        "create table t (a integer, primary key (a autoincrement))",
    ),
    "default": ("create table t (a int default 1, b)", "create table t (a int default ((1)), b null default null)"),
    "text": ("create table t (a default 'It''s')", 'create table t (a default "It\'s")'),
    "index": ("create table t (a); create index i on t (a)", 'create table t (a); CREATE INDEX "i" ON "t" ("a" ASC)'),
    "if_not_exists": ("create view v as select 1 as a", "create view if not exists main.v as select 1 AS a"),
    "generated": ("create table t (a, b as (a))", "create table t (a, b generated always as (a) virtual)"),
    "added_last": ("create table t (a, b int, unique (a))", "create table t (a, unique (a)); alter table t add b int"),
    "made_anew": (
        "create table t (a int, b text); create index i on t (a)",
        "create table n (a int, b text); alter table n rename to t; create index i on t (a)",
    ),
    "column_and_back": ("create table t (a int, b text)", "create table t (a int, c int, b text); alter table t drop c"),
    "renamed_and_back": (
        "create table Users (id int); create view v as select id from Users",
        """create table Users (id int); create view v as select id from Users;
        alter table Users rename to people; alter table people rename to Users""",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_the_same(name: str) -> None:
    """However it is written."""
    first, *others = SAME[name]
    expected = made(first)
    assert expected
    for other in others:
        # only the name by which SQLite lists an object keeps its capitals
        assert list(made(other).values()) == list(expected.values())


START = """
create table u (c int primary key);
create table t (a integer primary key, b varchar(10) not null default 'x' collate nocase, c int check (c > 0) unique
    references u (c) on delete set null, g int generated always as (c * 2) virtual, x blob, Y text default "Abc");
create index i on t (b desc, c) where c > 1;
create view v as select 'A' as one, b from t where b <> 'q';
create trigger g after update of b on t when new.b <> 'Q' begin update t set c = 1; select 'a'; end;
"""
OTHERWISE = {
    "type": ("varchar(10)", "varchar(11)", "table t"),
    "default": ("default 'x'", "default 'X'", "table t"),
    "default_in_double_quotes": ('"Abc"', '"abc"', "table t"),
    "no_default": ("default 'x'", "", "table t"),
    "not_null": ("varchar(10) not null", "varchar(10)", "table t"),
    "collation": ("collate nocase", "", "table t"),
    "check": ("check (c > 0)", "check (c > 1)", "table t"),
    "no_check": ("check (c > 0)", "", "table t"),
    "unique": ("unique", "", "table t"),
    "unique_on_conflict": ("unique", "unique on conflict ignore", "table t"),
    "key": ("references u (c) on delete set null", "", "table t"),
    "key_action": ("on delete set null", "on delete set default", "table t"),
    "key_later": ("on delete set null", "on delete set null deferrable initially deferred", "table t"),
    "primary_key": ("a integer primary key", "a integer", "table t"),
    "primary_key_desc": ("a integer primary key", "a integer primary key desc", "table t"),
    "autoincrement": ("a integer primary key", "a integer primary key autoincrement", "table t"),
    "generated": ("(c * 2) virtual", "(c * 3) virtual", "table t"),
    "stored": ("(c * 2) virtual", "(c * 2) stored", "table t"),
    "order_of_columns": ("x blob, Y text", "Y text, x blob", "table t"),
    "name_of_constraint": ("check (c > 0)", "constraint positive check (c > 0)", "table t"),
    "without_rowid": (
        "create table u (c int primary key)",
        "create table u (c int primary key) without rowid",
        "table u",
    ),
    "index_order": ("b desc", "b", "index i"),
    "index_columns": ("b desc, c", "c, b desc", "index i"),
    "index_unique": ("create index", "create unique index", "index i"),
    "index_where": ("where c > 1", "", "index i"),
    "letters_beyond_ascii": ("Y text default", 'Y text check ("É" > "é") default', "table t"),
    "view": ("<> 'q'", "<> 'Q'", "view v"),
    "trigger_event": ("after update of b", "before update of b", "trigger g"),
    "trigger_when": ("new.b <> 'Q'", "new.b <> 'q'", "trigger g"),
    "trigger_statement": ("select 'a'", "select 'b'", "trigger g"),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_not_the_same(name: str) -> None:
    """Each thing that counts is seen in the object that has it, and in no other."""
    old, new, where = OTHERWISE[name]
    changed = START.replace(old, new, 1)
    assert changed != START
    before, after = made(START), made(changed)
    assert [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)] == [where]


def test_lines() -> None:
    """One for each column and constraint, and for each statement of a trigger, as they are told."""
    found = made(
        "create table t (id integer primary key, [the name] varchar(20) not null default (-1), n int constraint k references u)",
        "create trigger g after insert on t begin delete from t; select case when 1 then 2 end; end",
    )
    assert found["table t"].splitlines() == [
        "create table t (",
        "    id integer",
        '    "the name" varchar(20) default -1 not null',
        "    n int",
        "    constraint k foreign key (n) references u",
        "    primary key (id)",
        ")",
    ]
    assert found["trigger g"].splitlines() == [
        "create trigger g",
        "after insert on t begin",
        "delete from t;",
        "select case when 1 then 2 end;",
        "end",
    ]


def test_what_is_left_out() -> None:
    """What SQLite makes by itself, and the tables that are asked to be left out, with their indexes."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        "create table own (a integer primary key autoincrement, b unique); create index i on own (b);"
        "create table t (a unique); analyze"
    )
    found = read(connection, ["own"])
    assert list(found.objects) == ["table t"]
    assert differences(found, found) == ()
