"""`bin/migrate plan --trace`: the pending migrations on a scratch database, and what was seen next to what plan says."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import Outcome, Project
from tests.postgres.rounds import superuser_sql, superuser_url
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]

BASE = """
create table accounts (id int primary key, name text);
create table orders (id int primary key, price int not null, account int);
"""
PRICE = """
alter table orders alter price type bigint;
alter table orders add foreign key (account) references accounts (id) not valid;
"""


@pytest.fixture
def shop(configured: Project, database: Database) -> Project:
    """One migration applied, two pending: one in a transaction, one outside; an ordinary role that may make databases."""
    superuser_sql(database, f"alter role {database.user} createdb")
    pair(configured, "001_base", BASE, "drop table orders; drop table accounts;")
    assert configured.run("migrate", "up").code == 0
    pair(
        configured,
        "002_price",
        PRICE,
        "alter table orders drop constraint orders_account_fkey; alter table orders alter price type int;",
    )
    pair(
        configured,
        "003_index",
        "create index concurrently orders_price on orders (price);",
        "drop index orders_price;",
    )
    return configured


def pair(project: Project, name: str, up: str, down: str) -> None:
    project.write(f"migrations/{name}.up.sql", up)
    project.write(f"migrations/{name}.down.sql", down)


def traced(project: Project, *options: str, code: int = 0) -> Outcome:
    outcome = project.run("migrate", "plan", "--trace", "--json", *options)
    assert outcome.code == code, outcome
    return outcome


def result(outcome: Outcome) -> dict[str, Any]:
    return next(event for event in outcome.events if event["type"] == "result")


def kept(project: Project) -> list[Path]:
    return sorted((project.folder / "backups" / "traces").glob("*"))


def scratches(database: Database) -> list[Any]:
    """Of this database's owner, who is nobody else's."""
    return superuser_sql(
        database,
        "select datname from pg_database where starts_with(datname, 'dbops_verify_')"
        f" and pg_get_userbyid(datdba) = '{database.user}'",
    )


def test_what_is_seen(shop: Project, database: Database, connect: Connect) -> None:
    """Locks, new files, built indexes and times of each statement; plan was right; nothing has changed; it is kept."""
    found = result(traced(shop))
    trace = found["trace"]
    assert (trace["passed"], trace["source"], found["otherwise"]) == (True, "schema", [])
    price, index = trace["migrations"]
    first, second = price["statements"]
    assert strongest(first) == {"public.orders": "ACCESS EXCLUSIVE"}
    assert (first["rewritten"], first["built"]) == (["public.orders"], ["public.orders_pkey"])
    assert strongest(second) == {
        "public.orders": "SHARE ROW EXCLUSIVE",
        "public.accounts": "SHARE ROW EXCLUSIVE",
    }
    (concurrent,) = index["statements"]
    assert (concurrent["in_transaction"], concurrent["built"]) == (False, ["public.orders_price"])
    assert strongest(concurrent) == {"public.orders": "SHARE UPDATE EXCLUSIVE"}
    assert [one["result"] for one in trace["rounds"]] == ["comes back", "comes back"]

    page, data = kept(shop)
    assert json.loads(data.read_text()) == trace
    assert page.suffix == ".html"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (page, data)} == {0o600}
    assert stat.S_IMODE(data.parent.stat().st_mode) == 0o700
    assert connect(database).execute("select count(*) from schema_migrations").fetchone() == (1,)
    assert not scratches(database)


def strongest(statement: dict[str, Any]) -> dict[str, str]:
    """Of tables, those locks that others feel."""
    return {
        lock["relation"]: lock["mode"]
        for lock in statement["locks"]
        if lock["kind"] == "table" and lock["mode"] not in {"ACCESS SHARE", "ROW SHARE", "SHARE"}
    }


@pytest.mark.one_major
def test_all_in_one_transaction(shop: Project) -> None:
    """Locks are held until the last migration is through, and a later one takes none again: plan was right all the same."""
    last = "alter table orders add column tax int; create index orders_tax on orders (tax);"
    pair(shop, "003_index", last, "alter table orders drop column tax;")
    found = result(traced(shop, "--single-transaction"))
    trace = found["trace"]
    assert (trace["passed"], trace["single_transaction"], found["otherwise"]) == (True, True, [])
    price, tax = trace["migrations"]
    assert [len(one["statements"]) for one in (price, tax)] == [2, 2]
    first = next(lock for lock in price["statements"][0]["locks"] if lock["mode"] == "ACCESS EXCLUSIVE")
    assert first["ended"] >= tax["statements"][1]["began"]
    assert strongest(tax["statements"][0]) == {}
    assert tax["statements"][1]["built"] == ["public.orders_tax"]
    assert [one["schema"] is None for one in trace["files"]] == [False, True]


@pytest.mark.one_major
def test_what_fails_in_one_transaction(shop: Project) -> None:
    """It is told of the migration that failed; nothing of those before it is left, and those after it are not there."""
    pair(shop, "003_index", "select 1; select 1/0;", "")
    pair(shop, "004_more", "create table more (id int);", "")
    outcome = traced(shop, "--single-transaction", code=3)
    assert "version 003 did not pass" in outcome.json["message"]
    price, wrong = result(outcome)["trace"]["migrations"]
    assert (price["failure"], len(price["statements"])) == (None, 2)
    assert "division by zero" in wrong["failure"]["message"]
    pair(shop, "003_index", "create role dbops_trace_role;", "")
    outcome = traced(shop, "--single-transaction", code=3)
    assert "version 003 did not pass" in outcome.json["message"]
    assert "reaches beyond" in outcome.json["message"]


@pytest.mark.one_major
def test_for_people(shop: Project) -> None:
    """Each statement with its locks below it, what came of the round, and where the report is."""
    told = shop.run("migrate", "plan", "--trace")
    assert told.code == 0
    for words in (
        "ACCESS EXCLUSIVE on public.orders",
        "public.orders written anew",
        "index public.orders_price built",
        "outside a transaction: locks are sampled",
        "up, down and up again: comes back",
        "plan and trace agree about every statement",
        "kept as ",
    ):
        assert words in told.stdout
    assert "those of empty tables" in told.stderr


@pytest.mark.one_major
def test_plan_is_corrected(shop: Project, database: Database, connect: Connect) -> None:
    """What a function locks no grammar tells: the trace does, and says that plan was wrong."""
    connect(database).execute(
        "create function touch() returns void language plpgsql as 'begin lock table accounts; end'"
    )
    pair(shop, "002_price", "select touch();", "select 1;")
    found = result(traced(shop, "--to", "002"))
    (wrong,) = found["otherwise"]
    assert wrong["differences"] == ["public.accounts: plan says no lock, the trace saw ACCESS EXCLUSIVE"]


@pytest.mark.parametrize(
    ("up", "down", "says"),
    [
        ("create table x (id int); select 1/0;", "drop table x;", "division by zero"),
        ("create table x (id int);", "select 1;", "differs"),
        ("create table x (id int);", "drop table y;", "down fails"),
        (("create table x (id int, part int) partition by range (part); create table x1 partition of x "
         "for values from (1) to (2); create index on only x (id);"), "drop table x;", "invalid"),
        ("alter table orders add column c int not null;", "alter table orders drop column c;", "up fails"),
    ],
)  # fmt: skip
@pytest.mark.one_major
def test_what_does_not_pass(shop: Project, database: Database, up: str, down: str, says: str) -> None:
    """A failing statement, an invalid index, a down that does not bring back, an up that rows break: exit 3, kept."""
    pair(shop, "002_price", up, down)
    outcome = traced(shop, "--to", "002", code=3)
    assert says in outcome.json["message"]
    assert not result(outcome)["trace"]["passed"]
    assert len(kept(shop)) == 2
    assert not scratches(database)


@pytest.mark.one_major
def test_from_a_backup(shop: Project, database: Database, connect: Connect) -> None:
    """--from-backup latest: with its rows, in which a duplicate shows itself."""
    connect(database).execute("insert into orders values (1, 5), (2, 5)")
    assert shop.run("backup").code == 0
    pair(shop, "002_price", "create unique index on orders (price);", "drop index orders_price_idx;")
    outcome = traced(shop, "--to", "002", "--from-backup", "latest", code=3)
    assert "could not create unique index" in outcome.json["message"]
    assert result(outcome)["trace"]["source"] == "backup"
    assert result(traced(shop, "--to", "002"))["trace"]["passed"]  # without these rows


@pytest.mark.one_major
def test_a_development_database_is_copied(shop: Project, database: Database, connect: Connect) -> None:
    """With its rows; where others are connected its schema alone, and that is said."""
    superuser_sql(database, f"comment on database {database.name} is 'environment=development'")
    with psycopg.connect(**database.keywords, autocommit=True) as other:
        other.execute("insert into orders values (1, 5)")
        outcome = traced(shop)
        assert result(outcome)["trace"]["source"] == "schema"
        assert any("others are connected" in event.get("text", "") for event in outcome.events)
    assert result(traced(shop))["trace"]["source"] == "template"


@pytest.mark.one_major
def test_tables_of_another_owner(shop: Project, database: Database) -> None:
    """They are the role's own on the scratch database, and that is told; no rehearsal is made of it."""
    superuser_sql(database, f"create table theirs (id int); grant select on theirs to {database.user}")
    outcome = traced(shop)
    assert result(outcome)["trace"]["passed"]
    assert any("was not as the live one is" in event.get("text", "") for event in outcome.events)
    assert shop.run("migrate", "up", "--require-rehearsal").code == 13


@pytest.mark.one_major
def test_what_reaches_beyond_is_not_run(shop: Project, database: Database) -> None:
    """A role would be there on the live server, too."""
    pair(shop, "002_price", "create role dbops_trace_role;", "drop role dbops_trace_role;")
    outcome = traced(shop, "--to", "002", code=3)
    assert "reaches beyond the scratch database" in outcome.json["message"]
    assert "--scratch-url" in outcome.json["hint"]
    assert not superuser_sql(database, "select 1 from pg_roles where rolname = 'dbops_trace_role'")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--trace", "--markdown"], "--trace and --markdown"),
        (["--from-backup", "latest"], "--from-backup is for --trace"),
        (["--trace", "--from-backup", "nowhere"], "nowhere"),
        (["--trace", "--scratch-url", "sqlite:///x.db"], "names no PostgreSQL server"),
    ],
)
@pytest.mark.one_major
def test_what_cannot_be_asked(shop: Project, options: list[str], says: str) -> None:
    """Exit 2, told what is wrong."""
    outcome = shop.run("migrate", "plan", *options)
    assert outcome.code == 2, outcome
    assert says in outcome.stderr


@pytest.mark.one_major
def test_nothing_pending(shop: Project) -> None:
    """Nothing is made and nothing kept."""
    assert shop.run("migrate", "up").code == 0
    assert result(traced(shop))["trace"] is None
    assert not kept(shop)


ODD = """-- UP Migration
set transaction isolation level serializable;
create table t (id int primary key, s text);
copy t from stdin;
1	a
\\.
create table parted (id int, at date) partition by range (at);
create table parted_1 partition of parted for values from ('2024-01-01') to ('2025-01-01');
create index on parted (id);
truncate t;
-- DOWN Migration
drop table parted; drop table t;
"""


@pytest.mark.one_major
def test_odd_files(configured: Project, database: Database) -> None:
    """What has to come first in a transaction, data of COPY, a transaction of the file's own, partitions, Python."""
    superuser_sql(database, f"alter role {database.user} createdb")
    configured.write("migrations/001_odd.sql", ODD)
    own = "-- UP Migration\nbegin isolation level repeatable read;\nalter table t add x int;\ncommit;\n"
    configured.write("migrations/002_own.sql", own + "-- DOWN Migration\nalter table t drop x;\n")
    configured.write(
        "migrations/003_py.py",
        "def up(db):\n    db.execute('alter table t add y int')\n"
        "def down(db):\n    db.execute('alter table t drop y')\n",
    )
    trace = result(traced(configured))["trace"]
    odd, own_one, python = (one["statements"] for one in trace["migrations"])
    assert (trace["passed"], len(odd), len(own_one), len(python)) == (True, 7, 1, 1)
    assert odd[5]["built"] == ["public.parted_1_id_idx", "public.parted_id_idx"]
    assert all(lock["new"] for one in (*odd, *own_one, *python) for lock in one["locks"])


MODULE = """
def up(db):
    for _ in range(3):
        db.execute("update orders set price = %s where id = %s", [1, 2])
    db.execute("savepoint a")
    try:
        db.execute("insert into orders values (1, null)")
    except db.Error:
        db.execute("rollback to savepoint a")
    db.execute("create table notes (id int)")
    db.copy("notes", ["id"], [(1,)])
    db.execute("alter table accounts add column kind int; create index accounts_kind on accounts (kind)")

def down(db):
    db.execute("drop table notes; alter table accounts drop column kind")
"""
COMMITTING = """
transactional = False

def up(db):
    db.execute("begin")
    db.execute("lock table orders")
    db.execute("commit")
    db.execute("lock table accounts; alter table accounts add column sort int")
    db.execute("create index concurrently accounts_sort on accounts (sort)")
    db.batched("update orders set price = 1 where id between %(first)s and %(last)s", table="orders", key="id")

def down(db):
    db.execute("alter table accounts drop column sort")
"""


@pytest.mark.one_major
def test_what_python_sends(shop: Project) -> None:
    """Each call with its line and its locks, one that is repeated once; a failure that the module lives with is none."""
    for path in (shop.folder / "migrations").glob("00[23]*"):
        path.unlink()
    shop.write("migrations/002_module.py", MODULE)
    shop.write("migrations/003_committing.py", COMMITTING)
    module, committing = (one["statements"] for one in result(traced(shop))["trace"]["migrations"])
    assert [(one["line"], one["times"]) for one in module] == [
        (4, 3),
        (5, 1),
        (7, 1),
        (9, 1),
        (10, 1),
        (11, 1),
        (12, 1),
    ]
    assert {one["in_transaction"] for one in module} == {True}
    assert strongest(module[0]) == {"public.orders": "ROW EXCLUSIVE"}
    copy, last = module[5:]
    assert copy["text"].lower().startswith('copy "notes"')
    assert strongest(copy) == {"public.notes": "ROW EXCLUSIVE"}
    assert strongest(last) == {"public.accounts": "ACCESS EXCLUSIVE"}
    assert last["built"] == ["public.accounts_kind"]
    texts = [one["text"].split()[0] for one in committing]
    assert texts == ["begin", "lock", "commit", "lock", "create"]  # no rows, no batch
    assert [one["in_transaction"] for one in committing] == [False, True, True, False, False]
    assert strongest(committing[1]) == {"public.orders": "ACCESS EXCLUSIVE"}
    assert committing[4]["built"] == ["public.accounts_sort"]


@pytest.mark.one_major
def test_on_another_server(configured: Project, database: Database) -> None:
    """Without the right to make databases it is refused, with the way out, which works: a server that is named."""
    pair(configured, "001_a", "create table a (id int);", "drop table a;")
    refused = configured.run("migrate", "plan", "--trace")
    assert (refused.code, "--scratch-url" in refused.stderr) == (13, True)
    assert result(traced(configured, "--scratch-url", superuser_url(database)))["trace"]["passed"]


@pytest.mark.one_major
def test_one_that_stopped_in_the_middle(shop: Project) -> None:
    """It is to be finished first: exit 13."""
    pair(
        shop,
        "002_price",
        "create index concurrently a on orders (price); create index concurrently b on x (y);",
        "",
    )
    assert shop.run("migrate", "up").code == 4
    refused = shop.run("migrate", "plan", "--trace")
    assert refused.code == 13
    assert "version 002 stopped in the middle" in refused.stderr


@pytest.mark.one_major
def test_where_it_cannot_be_kept(shop: Project) -> None:
    """What was seen is told, and a warning says why there is no report."""
    shop.write("backups", "")
    outcome = traced(shop)
    assert (result(outcome)["file"], result(outcome)["trace"]["passed"]) == (None, True)
    assert any("the trace is not kept" in event.get("text", "") for event in outcome.events)


def test_live_statistics(shop: Project, database: Database, connect: Connect) -> None:
    """From PostgreSQL 18 on they are there in the scratch database; before, an ordinary role cannot write them."""
    connect(database).execute(
        "insert into accounts select i, 'x' from generate_series(1, 500) as i; analyze accounts"
    )
    tells = "do $$ begin raise exception 'rows: %', (select reltuples from pg_class where relname = 'accounts'); end $$"
    pair(shop, "002_price", tells, "")
    rows = "500" if database.server.major >= 18 else "-1"
    assert f"rows: {rows}" in traced(shop, "--to", "002", code=3).json["message"]
