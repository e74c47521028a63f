"""Loading fixture sets: what is inserted, updated, left alone, in which order, and how values get their meaning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dbops.errors import DbopsError, Refused
from tests.postgres.seeding import NOW, Seeds
from tests.servers import Database

SCHEMA = """
create table tenants (id bigint generated always as identity primary key, name text not null unique);
create table users (
    id bigint generated always as identity primary key, tenant_id bigint not null references tenants,
    username varchar(10) not null, note text, unique (tenant_id, username)
);
create table posts (id uuid primary key default gen_random_uuid(), slug text not null unique,
    author bigint not null references users, updated_at timestamptz not null default '2000-01-01');
create function touch() returns trigger language plpgsql as
    $$ begin new.updated_at = clock_timestamp(); return new; end $$;
create trigger touch before update on posts for each row execute function touch();
"""


@pytest.fixture
def blog(seeds: Seeds) -> Seeds:
    """Tenants, users and posts, in three formats, referring to each other by natural keys."""
    seeds.connection.execute(SCHEMA.encode())
    seeds.write("tenants.csv", "name\nacme\nglobex\n")
    seeds.write(
        "users.toml",
        'key = ["tenant_id", "username"]\n'
        '[[rows]]\ntenant_id = {tenants = "acme"}\nusername = "ann"\n'
        '[[rows]]\ntenant_id = {tenants = {name = "globex"}}\nusername = "ann"\nnote = "the other"\n',
    )
    author = '{"users": {"tenant_id": {"tenants": "globex"}, "username": "ann"}}'
    seeds.write("posts.json", f'{{"key": ["slug"], "rows": [{{"slug": "hello", "author": {author}}}]}}')
    return seeds


def test_a_set_is_inserted_and_loading_it_again_changes_nothing(blog: Seeds) -> None:
    """Three tables that refer to each other: parents come first, references nested and composite find their rows.

    On all versions; the second load counts all as unchanged and fires no trigger.
    """
    assert blog.counts() == {"tenants": (2, 0, 0), "users": (2, 0, 0), "posts": (1, 0, 0)}
    author = "select t.name, u.note from posts p join users u on u.id = p.author join tenants t on t.id = u.tenant_id"
    assert blog.rows(author) == [("globex", "the other")]
    before = blog.rows("select xmin, * from posts union all select xmin, null, username, id, null from users")
    assert blog.counts() == {"tenants": (0, 0, 2), "users": (0, 0, 2), "posts": (0, 0, 1)}
    after = blog.rows("select xmin, * from posts union all select xmin, null, username, id, null from users")
    assert before == after


@pytest.mark.one_major
def test_only_what_differs_is_updated(blog: Seeds) -> None:
    """A note was changed by hand, a column that no file gives too: the first is put right, the second stays."""
    blog.load()
    blog.connection.execute("update users set note = 'changed'")
    blog.connection.execute("update posts set updated_at = '1999-01-01'")
    assert blog.counts()["users"] == (0, 1, 1)
    # Ann of acme has no note in the file: it is not the file's.
    assert blog.rows("select note from users order by id") == [("changed",), ("the other",)]
    assert blog.rows("select extract(year from updated_at)::int from posts")[0][0] >= 2026


@pytest.mark.one_major
def test_nothing_is_written_when_the_last_table_fails(blog: Seeds) -> None:
    """A trigger refuses the post: tenants and users are not there either, and the error says file, row and reason."""
    blog.connection.execute(
        "create function no() returns trigger language plpgsql as $$ begin raise 'no posts today'; end $$;"
        "create trigger no before insert on posts for each row execute function no()"
    )
    with pytest.raises(DbopsError, match=r"seeds/dev/posts.json row 1 \(line 1\): no posts today"):
        blog.load()
    assert blog.rows("select (select count(*) from tenants) + (select count(*) from users)") == [(0,)]


@pytest.mark.one_major
def test_dry_run_counts_and_writes_nothing(blog: Seeds) -> None:
    """The summary is that of a real load; the tables stay empty."""
    assert blog.counts(dry_run=True)["users"] == (2, 0, 0)
    assert blog.rows("select count(*) from tenants") == [(0,)]


def test_values_of_every_format_and_type(seeds: Seeds) -> None:
    """Arrays, JSON, composite types, domains, enums, bytes, times, numbers of any size: as written, and unchanged later."""
    seeds.connection.execute("""
        create type mood as enum ('sad', 'happy'); create type pair as (a int, b text);
        create domain short as varchar(5) check (value <> 'no');
        create table things (id int primary key, texts text[], grid int[][], shorts short[], j json, jb jsonb, p pair,
            ps pair[], m mood, ms mood[], s short, b bytea, d date, t time, ts timestamp, tz timestamptz, n numeric,
            n2 numeric(10,2), f float8, pt point, bx box, r int4range, flag boolean, u uuid, i interval,
            c char(5), big numeric, bits bit(3), net inet, up text generated always as (upper(s)) stored)
    """)
    seeds.write(
        "things.toml",
        r"""
        [[rows]]
        id = 1
        texts = ["a", "b,c", 'q"\', "", "NULL"]
        grid = [[1, 2], [3, 4]]
        shorts = ["x", "yy"]
        j = {z = 1, a = [1.50, true]}
        jb = {a = 0.10, deep = [{b = "ü"}], at = 2026-01-02}
        p = {a = 1, b = 'x"y'}
        ps = [{a = 1}, [2, "z"]]
        m = "happy"
        ms = ["sad"]
        s = "abc"
        d = 2026-01-02
        t = 10:11:12
        ts = 2026-01-02T03:04:05
        tz = 2026-01-02T03:04:05+02:00
        n = 1.500
        n2 = 1.005
        f = inf
        pt = "(1,2)"
        bx = "(2,2),(0,0)"
        r = "[1,5)"
        flag = true
        u = "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"
        i = "1 day 2 hours"
        c = "ab"
        bits = "101"
        net = "10.0.0.1"
    """,
    )
    seeds.write(
        "things.py",
        "from decimal import Decimal\n"
        "def rows(ctx):\n"
        "    yield {'id': 2, 'b': b'\\x00\\xff', 'big': 10**60 + 1, 'n': Decimal('1E+5'), 'jb': 'a text', 'tz': ctx.now}\n",
    )
    seeds.write(
        "things.csv", 'id,texts,jb,s,f\n3,"[""x"", null]","{""k"": [1]}","",NaN\n4,"{a,NULL}",null,,\n'
    )
    assert seeds.counts() == {"things": (4, 0, 0)}
    assert seeds.rows("select texts, grid, shorts::text[], j::text, jb, p::text, ps::text from things where id = 1") == [
        (["a", "b,c", 'q"\\', "", "NULL"], [[1, 2], [3, 4]], ["x", "yy"], '{"z": 1, "a": [1.50, true]}',
         {"a": 0.1, "deep": [{"b": "ü"}], "at": "2026-01-02"}, '(1,"x""y")', '{"(1,)","(2,z)"}')
    ]  # fmt: skip
    assert seeds.rows(
        "select n::text, n2::text, f::text, tz = '2026-01-02 01:04:05Z', up from things where id = 1"
    ) == [("1.500", "1.01", "Infinity", True, "ABC")]
    assert seeds.rows("select b, big = 10::numeric ^ 60 + 1, n, jb, tz from things where id = 2") == [
        (b"\x00\xff", True, 100000, "a text", NOW)
    ]
    assert seeds.rows("select texts, jb::text, s, f from things where id in (3, 4) order by id")[1] == (
        ["a", None], "null", None, None,
    )  # fmt: skip
    assert seeds.rows("select texts, s, f::text from things where id = 3") == [(["x", None], "", "NaN")]
    assert seeds.counts() == {"things": (0, 0, 4)}


@pytest.mark.one_major
def test_times_are_relative_to_the_context(seeds: Seeds) -> None:
    """now, today, yesterday with offsets, also in months, in columns of times only; a text stays a text."""
    seeds.connection.execute(
        "create table t (id int primary key, at timestamptz, day date, clock time, note text, ats date[])"
    )
    seeds.write(
        "t.csv",
        "id,at,day,clock,note\n1,now - 3d,today,now,now - 3d\n2,today + 8h 30m,yesterday,,\n3,now - 3mo,now - 1y,,\n",
    )
    seeds.write("t.jsonl", '{"id": 4, "ats": ["today", "today + 1w"]}\n')
    seeds.load()
    assert seeds.rows("select at, day::text, clock::text, note from t where id < 4 order by id") == [
        (NOW - timedelta(days=3), "2026-05-31", "12:30:00", "now - 3d"),
        (datetime(2026, 5, 31, 8, 30, tzinfo=UTC), "2026-05-30", None, None),
        (datetime(2026, 2, 28, 12, 30, tzinfo=UTC), "2025-05-31", None, None),
    ]
    assert seeds.rows("select ats::text from t where id = 4") == [("{2026-05-31,2026-06-07}",)]
    assert seeds.counts(now=NOW + timedelta(days=5)) == {"t": (0, 0, 4)}
    seeds.connection.execute(
        "update t set at = null where id = 1; update t set at = '2000-01-01' where id = 2"
    )
    assert seeds.counts() == {"t": (0, 1, 3)}
    seeds.write("t.csv", "id,at\n1,2026-01-01 00:00\n2,now\n3,\n")
    assert seeds.counts() == {"t": (0, 2, 2)}
    assert seeds.rows("select extract(year from at)::int from t where id < 4 order by id") == [
        (2026,),
        (2000,),
        (None,),
    ]


@pytest.mark.one_major
def test_values_of_the_environment(seeds: Seeds) -> None:
    """In any text, with a default, escaped; what is missing is a problem, and no secret is ever shown."""
    seeds.connection.execute("create table t (id int primary key, a text, n int, j jsonb)")
    seeds.write(
        "t.csv", "id,a,n\n1,https://${HOST}/${PATH_:-x},${N}\n2,$${HOST},${EMPTY:-7}\n3,$2b$12$abc,\n"
    )
    seeds.write("t.json", '[{"id": 4, "j": {"host": ["${HOST}"]}}]')
    environ = {"HOST": "example.com", "N": "5", "EMPTY": ""}
    seeds.load(environ=environ)
    assert seeds.rows("select a, n from t where id < 4 order by id") == [
        ("https://example.com/x", 5),
        ("${HOST}", 7),
        ("$2b$12$abc", None),
    ]
    assert seeds.rows("select j from t where id = 4") == [({"host": ["example.com"]},)]
    assert seeds.problems(environ={"HOST": "h"}) == [
        "seeds/dev/t.csv line 2, column n: the environment has no N; set it, or write ${N:-default}"
    ]
    with pytest.raises(DbopsError) as raised:
        seeds.load(environ={**environ, "N": "hunter2"})
    assert "the value that the environment gives is no integer" in (raised.value.detail or "")
    assert "hunter2" not in f"{raised.value.message}{raised.value.detail}{raised.value.hint}"


@pytest.mark.one_major
def test_references_in_csv_and_what_only_looks_like_one(seeds: Seeds) -> None:
    """Short form, JSON form, doubled first characters, texts with an at sign or a brace that mean themselves."""
    seeds.connection.execute(
        "create table users (id serial primary key, name text unique);"
        "create table t (id int primary key, u int references users, note text)"
    )
    seeds.write("users.csv", "name\na:b\n@users:x\n")
    seeds.write(
        "t.csv",
        'id,u,note\n1,@users:a:b,@handle\n2,"{""users"": {""name"": ""a:b""}}",{template}\n'
        '3,@users:@users:x,@@users:a:b\n4,,"{""nobody"": 1}"\n5,,"{{""users"": ""a:b""}"\n',
    )
    seeds.write("users.csv", "name\na:b\n@@users:x\n")
    seeds.load()
    assert seeds.rows("select name, note from t left join users on users.id = u order by t.id") == [
        ("a:b", "@handle"),
        ("a:b", "{template}"),
        ("@users:x", "@users:a:b"),
        (None, '{"nobody": 1}'),
        (None, '{"users": "a:b"}'),
    ]


@pytest.mark.one_major
def test_a_table_that_refers_to_itself(seeds: Seeds) -> None:
    """Children stand before their parents and name them by their key; ids are the server's; also a second load."""
    seeds.connection.execute(
        "create table c (id int generated by default as identity primary key, name text unique not null, parent int references c)"
    )
    seeds.write(
        "c.json",
        '[{"name": "leaf", "parent": {"c": "branch"}}, {"name": "branch", "parent": {"c": "root"}}, {"name": "root"}]',
    )
    assert seeds.counts() == {"c": (3, 0, 0)}
    assert seeds.rows("select a.name, b.name from c a left join c b on b.id = a.parent order by 1") == [
        ("branch", "root"),
        ("leaf", "branch"),
        ("root", None),
    ]
    assert seeds.counts() == {"c": (0, 0, 3)}


@pytest.mark.one_major
@pytest.mark.parametrize("how", ["deferrable", "nullable", "neither"])
def test_tables_that_refer_to_each_other(seeds: Seeds, how: str) -> None:
    """A team has a captain, a player a team: by deferring the check, or by a second pass over what may be NULL."""
    null = "" if how == "nullable" else "not null"
    deferrable = "deferrable" if how == "deferrable" else ""
    seeds.connection.execute(
        f"create table teams (id serial primary key, name text unique, captain int {null});"
        "create table players (id serial primary key, name text unique, team int not null references teams);"
        f"alter table teams add constraint captains foreign key (captain) references players {deferrable}".encode()
    )
    seeds.write("teams.toml", '[[rows]]\nname = "reds"\ncaptain = {players = "ann"}\n')
    seeds.write("players.toml", '[[rows]]\nname = "ann"\nteam = {teams = "reds"}\n')
    if how == "neither":
        with pytest.raises(DbopsError, match="captains of teams") as raised:
            seeds.load()
        assert raised.value.hint == "make one of them DEFERRABLE, or one of its columns nullable"
        return
    assert seeds.counts() == {"teams": (1, 0, 0), "players": (1, 0, 0)}
    both = "select count(*) from teams t join players p on p.team = t.id and t.captain = p.id"
    assert seeds.rows(both) == [(1,)]
    assert seeds.counts() == {"teams": (0, 0, 1), "players": (0, 0, 1)}
    seeds.connection.execute(
        "update teams set captain = null" if how == "nullable" else "update teams set name = name"
    )
    assert seeds.counts()["teams"] == ((0, 1, 0) if how == "nullable" else (0, 0, 1))


@pytest.mark.one_major
def test_sequences_go_past_the_highest_value_and_never_back(seeds: Seeds) -> None:
    """Ids given by the file: the next one of the server is free, whether serial, identity or a sequence that goes down."""
    seeds.connection.execute(
        "create table a (id serial primary key); create table b (id int generated always as identity primary key);"
        'create table "C d" (id int generated by default as identity (increment -1) primary key);'
        "create table e (id serial primary key); select setval('e_id_seq', 500)"
    )
    seeds.write("a.csv", "id\n7\n3\n")
    seeds.write("b.csv", "id\n10\n")
    seeds.write("C d.csv", "id\n-4\n")
    seeds.write("e.csv", "id\n9\n")
    seeds.load()
    nexts = "select nextval('a_id_seq'), nextval('b_id_seq'), nextval('\"C d_id_seq\"'), nextval('e_id_seq')"
    assert seeds.rows(nexts) == [(8, 11, -5, 501)]
    seeds.load()
    assert seeds.rows(nexts) == [(9, 12, -6, 502)]


@pytest.mark.one_major
def test_rows_with_and_without_an_id(seeds: Seeds) -> None:
    """The ids that the server gives are none of those that the file gives, whatever the sequence stood at."""
    seeds.connection.execute(
        "create table a (id serial primary key, name text unique not null); create table b (a int references a, n int primary key)"
    )
    seeds.write("set.toml", '[tables.a]\nkey = ["name"]\n')
    seeds.write("a.json", '[{"name": "x"}, {"id": 1, "name": "y"}, {"id": 2, "name": "z"}]')
    seeds.write("b.json", '[{"n": 1, "a": {"a": "x"}}]')
    assert seeds.counts() == {"a": (3, 0, 0), "b": (1, 0, 0)}
    assert seeds.rows("select id, name from a order by id") == [(1, "y"), (2, "z"), (3, "x")]
    assert seeds.counts() == {"a": (0, 0, 3), "b": (0, 0, 1)}


@pytest.mark.one_major
def test_truncate(blog: Seeds) -> None:
    """Rows that no file has go; ids begin anew; a table outside that refers to the set is named and kept."""
    blog.load()
    blog.connection.execute("insert into tenants (name) values ('extra')")
    summary = blog.load(truncate=True)
    assert [(one.table, one.inserted, one.deleted) for one in summary.tables] == [
        ("tenants", 2, 3),
        ("users", 2, 2),
        ("posts", 1, 1),
    ]
    assert blog.rows("select max(id) from tenants") == [(2,)]
    blog.write("posts.json", "[]")
    assert [
        (one.inserted, one.deleted) for one in blog.load(truncate=True).tables if one.table == "posts"
    ] == [(0, 1)]
    blog.connection.execute("insert into posts (slug, author) select 'x', id from users limit 1")
    blog.connection.execute(
        "create table likes (post uuid references posts); insert into likes select id from posts"
    )
    with pytest.raises(Refused, match=r"likes \(1 rows\)"):
        blog.load(truncate=True)
    assert blog.rows("select count(*) from likes") == [(1,)]
    summary = blog.load(truncate=True, cascade=True)
    assert [(one.table, one.deleted) for one in summary.tables][-1] == ("likes", 1)
    assert blog.rows("select (select count(*) from likes), (select count(*) from posts)") == [(0, 0)]


@pytest.mark.one_major
def test_scripts_run_between_the_tables(seeds: Seeds) -> None:
    """By number before and after; settings they change do not last; their errors have a line; COMMIT is refused."""
    seeds.connection.execute("create table t (id int primary key); create table log (at int, n bigint)")
    seeds.write(
        "010_before.sql",
        "set search_path = pg_catalog;\ninsert into public.log select 1, count(*) from public.t;\n",
    )
    seeds.write("020_t.csv", "id\n1\n2\n")
    seeds.write("after.sql", "insert into log select 2, count(*) from t;")
    seeds.write("030_between.sql", "insert into t values (3);")
    seeds.write("t.json", '[{"id": 4}, {"id": 3}]')
    assert seeds.load().scripts == (
        "seeds/dev/010_before.sql",
        "seeds/dev/030_between.sql",
        "seeds/dev/after.sql",
    )
    assert seeds.rows("select * from log order by at") == [(1, 0), (2, 4)]
    seeds.write("030_between.sql", "")
    assert seeds.rows("show search_path") == [('"$user", public',)]
    seeds.write("after.sql", "select 1;\n\nselect nonsense;")
    with pytest.raises(DbopsError, match=r'seeds/dev/after\.sql line 3: column "nonsense" does not exist'):
        seeds.load()
    seeds.write("after.sql", "begin;\nselect 1;\ncommit;\nvacuum;")
    assert [problem.partition(":")[0] for problem in seeds.problems()] == [
        f"seeds/dev/after.sql line {line}" for line in (1, 3, 4)
    ]


@pytest.mark.one_major
def test_python_files_see_the_context_and_the_rows_before(seeds: Seeds) -> None:
    """`ctx` gives now, environ, seed, the set's name and other files' rows; an error has its line, and no traceback."""
    seeds.connection.execute(
        "create table t (id int primary key, note text); create table u (id int primary key)"
    )
    seeds.write("u.csv", "id\n1\n2\n")
    seeds.write(
        "t.py",
        "KEY = ['id']\n\ndef rows(ctx):\n    for row in ctx.rows('u'):\n"
        "        yield {'id': row['id'], 'note': f'{ctx.set} {ctx.seed} {ctx.environ[\"A\"]} {ctx.now:%Y}'}\n",
    )
    seeds.load(environ={"A": "a"})
    assert seeds.rows("select * from t order by id") == [(1, "dev 42 a 2026"), (2, "dev 42 a 2026")]
    assert seeds.problems() == ["seeds/dev/t.py line 5: KeyError: 'A'"]


@pytest.mark.one_major
def test_sets_that_require_others_load_together(blog: Seeds) -> None:
    """`qa` requires `dev`: both are loaded, once; the notices come in their order; references cross the sets."""
    blog.write("set.toml", 'notice = "first"\n')
    blog.write("qa/set.toml", 'requires = ["dev"]\nnotice = "second"\n')
    blog.write("qa/users.csv", "tenant_id,username\n@tenants:acme,bob\n")
    summary = blog.load("qa", "dev")
    assert summary.sets == ("dev", "qa")
    assert summary.notices == ("first", "second")
    assert blog.rows("select count(*) from users") == [(3,)]


@pytest.mark.one_major
def test_a_set_that_is_never_for_production(blog: Seeds, database: Database) -> None:
    """The database's comment says production: refused, nothing is written."""
    blog.write("set.toml", 'never-on = ["production"]\n')
    blog.connection.execute(
        f"comment on database \"{database.name}\" is 'x\nenvironment=production'".encode()
    )
    with pytest.raises(Refused, match="dev is never loaded on production"):
        blog.load()
    assert blog.rows("select count(*) from tenants") == [(0,)]


@pytest.mark.one_major
def test_odd_names_partitions_and_other_schemas(seeds: Seeds) -> None:
    """Quoted names, a schema before the table, a partitioned table whose rows move, a key of two columns."""
    seeds.connection.execute(
        'create schema "My Schema"; create table "My Schema"."Order" ("Id" int, "select" text, "a""b" text, primary key ("Id", "select"));'
        "create table p (id int, day date, note text, primary key (id, day)) partition by range (day);"
        "create table p1 partition of p for values from ('2026-01-01') to ('2026-02-01');"
        "create table p2 partition of p for values from ('2026-02-01') to ('2026-03-01')"
    )
    seeds.write("My Schema.Order.csv", 'Id,select,"a""b"\n1,x,%s {}\n')
    seeds.write("p.csv", "id,day,note\n1,2026-01-05,a\n2,2026-02-05,b\n")
    assert seeds.counts() == {"My Schema.Order": (1, 0, 0), "p": (2, 0, 0)}
    seeds.write("p.csv", "id,day,note\n1,2026-01-05,z\n2,2026-02-05,b\n")
    assert seeds.counts() == {"My Schema.Order": (0, 0, 1), "p": (0, 1, 1)}


@pytest.mark.one_major
def test_a_large_file_is_loaded_in_seconds(seeds: Seeds) -> None:
    """50,000 rows with a reference each are inserted, and found unchanged."""
    seeds.connection.execute(
        "create table parents (id serial primary key, code text unique);"
        "create table big (id bigint primary key, code text unique, price numeric(20,8), parent int references parents)"
    )
    seeds.write("parents.csv", "code\n" + "".join(f"p{n}\n" for n in range(1000)))
    seeds.write(
        "big.csv",
        "id,code,price,parent\n" + "".join(f"{n},c{n},{n}.25,@parents:p{n % 1000}\n" for n in range(50_000)),
    )
    assert seeds.counts() == {"parents": (1000, 0, 0), "big": (50_000, 0, 0)}
    assert seeds.counts() == {"parents": (0, 0, 1000), "big": (0, 0, 50_000)}
