"""`bin/migrate validate`: what is wrong with a database, or with one migration before it runs or is undone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbops.engines.postgres.effects.model import LockMode
from dbops.safety.checkup.coming import conflict
from tests.conftest import Project
from tests.postgres.migrating import mark_as_development, ran
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]

ROOT = Path(__file__).resolve().parents[2]
TABLES = """
create table parent (id int primary key);
create table child (id int primary key, parent_id int, n int, at timestamptz);
create index child_parent on child (parent_id);
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touch before insert on child for each row execute function touch();
"""


def found(project: Project, *words: str) -> list[dict[str, Any]]:
    """The findings, of which problems make exit 3."""
    outcome = project.run("migrate", "validate", *words, "--json")
    assert outcome.code in (0, 3), outcome
    *_, result = [line for line in outcome.events if line["type"] == "result"]
    findings: list[dict[str, Any]] = result["findings"]
    assert (outcome.code == 3) == any(one["level"] == "problem" for one in findings)
    return findings


@pytest.fixture
def prepared(configured: Project, database: Database, connect: Connect) -> psycopg.Connection[Any]:
    connection = connect(database)
    connection.execute(TABLES)
    return connection


@pytest.mark.parametrize(
    ("harm", "check", "about"),
    [
        ("alter table child add constraint c check (n > 0) not valid", "not-validated", "c on child"),
        ("alter table child disable trigger touch", "disabled-trigger", "touch on child"),
        ("create sequence s as smallint; select setval('s', 32000)", "sequence-near-its-end", "s"),
        (
            "create table t (id serial primary key); select setval('t_id_seq', 2000000000)",
            "sequence-near-its-end",
            "t_id_seq",
        ),
        (
            "alter table child add column other int references parent (id)",
            "foreign-key-without-index",
            "child_other_fkey on child",
        ),
        (
            "create table parts (id int, parent_id int references parent (id)) partition by hash (id)",
            "foreign-key-without-index",
            "parts_parent_id_fkey on parts",
        ),
        (
            "create sequence falling as smallint increment -1; select setval('falling', -32000)",
            "sequence-near-its-end",
            "falling",
        ),
        ("create table loose (id int)", "no-primary-key", "loose"),
        (
            "insert into parent select generate_series(1, 9000); analyze parent; delete from parent where id > 3000",
            "stale-statistics",
            "parent",
        ),
        ("create index again on child (parent_id)", "duplicate-index", "again"),
        (
            "insert into child select i, i, i, now() from generate_series(1, 60000) as i; create index idle on child (at, n); analyze child",
            "unused-index",
            "idle",
        ),
    ],
)
def test_a_finding_and_what_mends_it(
    configured: Project, prepared: psycopg.Connection[Any], harm: str, check: str, about: str
) -> None:
    """Nothing is found before the harm; after it that one thing; where a statement mends it, it does."""
    assert check not in {one["check"] for one in found(configured)}
    for statement in harm.split("; "):
        prepared.execute(statement.encode())
    prepared.execute("select pg_stat_force_next_flush()")
    (one,) = [one for one in found(configured) if (one["check"], one["about"]) == (check, about)]
    assert prepared.execute(one["query"].encode()).fetchall()
    if one["mend"]:
        for statement in one["mend"].split("; "):
            prepared.execute(statement.encode())
        prepared.execute("select pg_stat_force_next_flush()")
        assert about not in {one["about"] for one in found(configured) if one["check"] == check}


def test_an_invalid_index(configured: Project, prepared: psycopg.Connection[Any]) -> None:
    """A unique index that failed while it was built concurrently: named, with the statement that builds it."""
    prepared.execute("insert into child values (1, 1, 1), (2, 1, 1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        prepared.execute("create unique index concurrently broken on child (n)")
    (one,) = [one for one in found(configured) if one["check"] == "invalid-index"]
    assert (one["about"], one["mend"]) == ("broken", "REINDEX INDEX CONCURRENTLY broken;")
    with pytest.raises(psycopg.errors.UniqueViolation):
        prepared.execute(one["mend"].encode())
    ends = {one["about"]: one["mend"] for one in found(configured) if one["check"] == "invalid-index"}
    assert ends["broken_ccnew"] == "DROP INDEX CONCURRENTLY broken_ccnew;"
    prepared.execute("delete from child")
    for mend in ends.values():
        prepared.execute(mend.encode())
    assert "invalid-index" not in {one["check"] for one in found(configured)}


def test_a_key_whose_triggers_are_disabled(
    configured: Project, prepared: psycopg.Connection[Any], database: Database
) -> None:
    """As a restore leaves them that was killed: nothing enforces the key, though it is valid and no row breaks it yet."""
    prepared.execute("alter table child add constraint k foreign key (parent_id) references parent (id)")
    with psycopg.connect(**database.server.keywords(database.name), autocommit=True) as superuser:
        superuser.execute("alter table child disable trigger all")
        told = {one["about"]: one for one in found(configured) if one["check"] == "disabled-trigger"}
        assert told.keys() == {"touch on child", "k on child"}
        superuser.execute(told["k on child"]["mend"].encode())
    assert "disabled-trigger" not in {one["check"] for one in found(configured)}


def test_rows_without_the_parent_they_name(configured: Project, prepared: psycopg.Connection[Any]) -> None:
    """Of a key that was never validated: how many, and the query that shows them; a key of NULL names nothing."""
    prepared.execute("insert into parent values (1)")
    prepared.execute("insert into child (id, parent_id) values (1, 1), (2, 7), (3, 8), (4, null)")
    prepared.execute(
        "alter table child add constraint k foreign key (parent_id) references parent (id) not valid"
    )
    (one,) = [one for one in found(configured) if one["check"] == "orphans"]
    assert one["message"] == "2 rows name a public.parent that is not there"
    assert {row[0] for row in prepared.execute(one["query"].encode()).fetchall()} == {2, 3}
    prepared.execute(one["mend"].encode())
    assert [row[0] for row in prepared.execute("select id from child order by id").fetchall()] == [1, 4]


def test_a_migration_before_it_runs(
    configured: Project, prepared: psycopg.Connection[Any], database: Database, connect: Connect
) -> None:
    """Nothing in the way: exit 0.  A session that holds the table, a broken file, one that is applied: told."""
    configured.write("migrations/001_a.up.sql", "ALTER TABLE child ADD COLUMN x int;")
    configured.write("migrations/002_b.up.sql", "SELECT 'unfinished;")
    assert found(configured, "migration", "001") == []
    other = connect(database)
    other.execute("begin")
    other.execute("insert into child (id) values (1)")
    (one,) = found(configured, "migration", "1")
    assert one["check"] == "blocked-now"
    assert f"pid {other.info.backend_pid}" in one["message"]
    other.execute("rollback")
    (one,) = found(configured, "migration", "002")
    assert (one["check"], "002_b.up.sql:1:8" in one["message"]) == ("file", True)
    ran(configured, "up", "--to", "001")
    assert [one["check"] for one in found(configured, "migration", "001")] == ["applied-already"]
    assert configured.run("migrate", "validate", "migration", "9").code == 2


def test_an_old_snapshot_and_a_concurrent_index(
    configured: Project, prepared: psycopg.Connection[Any], database: Database, connect: Connect
) -> None:
    """Building an index concurrently waits for every older transaction: one is named once it is a minute old."""
    configured.write("migrations/001_a.up.sql", "CREATE INDEX CONCURRENTLY i ON child (n);")
    other = connect(database)
    other.execute("begin isolation level repeatable read")
    other.execute("select 1")
    assert found(configured, "migration", "001") == []  # it has just begun


def test_what_belongs_to_another_role(
    configured: Project, prepared: psycopg.Connection[Any], database: Database, connect: Connect
) -> None:
    """A table of the superuser: this role could not alter it, and the owner is named."""
    with psycopg.connect(**database.server.keywords(database.name), autocommit=True) as superuser:
        superuser.execute("create table public.theirs (id int)")
    configured.write("migrations/001_a.up.sql", "ALTER TABLE theirs ADD COLUMN x int;")
    (one,) = found(configured, "migration", "001")
    assert (one["check"], one["about"]) == ("not-owner", "theirs")
    assert "postgres" in one["message"]


def test_a_rollback_before_it_happens(
    configured: Project, prepared: psycopg.Connection[Any], database: Database
) -> None:
    """The rows and values that go, the view and the key that depend, the later migration that uses it."""
    mark_as_development(database)
    configured.write("migrations/001_a.up.sql", "CREATE TABLE a (id int PRIMARY KEY, x int);")
    configured.write("migrations/001_a.down.sql", "DROP TABLE a;")
    configured.write("migrations/002_b.up.sql", "ALTER TABLE a ADD COLUMN y int;")
    configured.write("migrations/002_b.down.sql", "ALTER TABLE a DROP COLUMN y;")
    configured.write("migrations/003_c.up.sql", "SELECT 1;")
    ran(configured, "up")
    assert found(configured, "rollback", "002") == []
    prepared.execute("insert into a values (1, 1, null), (2, 1, 5)")
    prepared.execute("create view v as select y from a")
    prepared.execute("alter table child add constraint k foreign key (parent_id) references a (id) not valid")
    of_column = {(one["check"], one["about"]): one["message"] for one in found(configured, "rollback", "002")}
    assert of_column[("data-lost", "the column a.y")] == "goes with 1 value"
    assert ("depends-on-it", "the view v") in of_column
    of_table = {(one["check"], one["about"]): one["message"] for one in found(configured, "rollback", "001")}
    assert of_table[("data-lost", "the table a")] == "goes with 2 rows"
    assert ("depends-on-it", "the constraint k on table child") in of_table
    assert of_table[("needed-later", "version 002")] == "was applied after it and uses a"
    (one,) = found(configured, "rollback", "003")
    assert one["check"] == "no-way-back"


def test_checks_of_the_project(configured: Project, prepared: psycopg.Connection[Any]) -> None:
    """Each is asked by its forms alone, says its message, leaves nothing, and is named where its query is wrong."""
    configured.write(
        "pyproject.toml",
        """
[tool.dbops.checks.no-children]
on = ["schema", "rollback"]
query = "SELECT id FROM child"
message = "children would be lost"
[tool.dbops.checks.none-counted]
query = "SELECT count(*) FROM child"
expect = "zero"
""",
    )
    own = {"no-children", "none-counted"}
    assert not own & {one["check"] for one in found(configured)}
    prepared.execute("insert into child (id) values (7)")
    told = {one["check"]: (one["about"], one["message"]) for one in found(configured) if one["check"] in own}
    assert told == {"no-children": ("7", "children would be lost"), "none-counted": ("1", "expected zero")}
    text = '[tool.dbops.checks.counted]\nquery = "SELECT \'none\'"\nexpect = "zero"\n'
    configured.write("pyproject.toml", text)
    assert ("counted", "none") in {
        (one["check"], one["about"]) for one in found(configured)
    }  # no number at all
    configured.write("pyproject.toml", '[tool.dbops.checks.writes]\nquery = "DELETE FROM child"\n')
    assert configured.run("migrate", "validate").code == 0
    assert prepared.execute("select count(*) from child").fetchone() == (1,)
    configured.write("pyproject.toml", '[tool.dbops.checks.bad]\nquery = "SELECT 1 +"\n')
    outcome = configured.run("migrate", "validate")
    assert outcome.code == 1, outcome
    assert "the check bad of [tool.dbops.checks] fails: syntax error" in outcome.stderr


def test_a_check_whose_tables_are_not_there_yet(configured: Project, database: Database) -> None:
    """Before the first migration a check of its tables says so, and is no problem."""
    configured.write(
        "pyproject.toml", '[tool.dbops.checks.a]\non = "migration"\nquery = "SELECT FROM missing"\n'
    )
    configured.write("migrations/001_a.up.sql", "SELECT 1;")
    (one,) = found(configured, "migration", "001")
    assert one["level"] == "hint"
    assert 'relation "missing" does not exist' in one["message"]


def test_the_checks_of_the_trading_engine(configured: Project, database: Database) -> None:
    """On its own schema all of them can be asked, and find nothing; an active session is told before a migration."""
    shutil.copytree(ROOT / "migrations", configured.folder / "migrations", dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", configured.folder / "pyproject.toml")
    names = {"no-active-session", "no-orphaned-orders", "no-duplicate-fills"}
    ran(configured, "up", "--to", "007")
    assert not names & {
        one["check"] for words in ((), ("migration", "008")) for one in found(configured, *words)
    }
    with psycopg.connect(**database.server.keywords(database.name), autocommit=True) as superuser:
        superuser.execute("set session_replication_role = replica")  # without the account that it belongs to
        superuser.execute(
            "insert into public.sessions (account_id, symbol, name) values (gen_random_uuid(), 'X', 'running')"
        )
    (one,) = [one for one in found(configured, "migration", "008") if one["check"] in names]
    assert one["message"] == "a trading session is active: pause it first"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("checks = 1", "checks is not a table"),
        ("[tool.dbops.checks]\na = 1", "checks.a] is not a table"),
        ("[tool.dbops.checks.a]\nquery = ''", "has no query"),
        ("[tool.dbops.checks.a]\nquery = 'x'\non = 'all'", "on is not a form"),
        ("[tool.dbops.checks.a]\nquery = 'x'\nexpect = 'rows'", "expect is not known"),
        ("[tool.dbops.checks.a]\nsql = 'x'", "unknown key 'sql'"),
    ],
)
def test_a_wrong_check(configured: Project, toml: str, said: str) -> None:
    """Exit 5 with the check and what to write."""
    configured.write("pyproject.toml", f"[tool.dbops]\n{toml}\n")
    outcome = configured.run("migrate", "validate")
    assert outcome.code == 5, outcome
    assert said in outcome.stderr


def test_modes_conflict_as_the_server_has_it(database: Database, connect: Connect) -> None:
    """Each pair of modes in two sessions, the second without waiting: refused exactly where we say that they conflict."""
    one, other = connect(database), connect(database)
    one.execute("create table t (id int)")
    for held in LockMode:
        one.execute("begin")
        one.execute(f"lock table t in {held.words} mode".encode())
        for wanted in LockMode:
            other.execute("begin")
            try:
                other.execute(f"lock table t in {wanted.words} mode nowait".encode())
                refused = False
            except psycopg.errors.LockNotAvailable:
                refused = True
            other.execute("rollback")
            assert refused == conflict(wanted, held) == conflict(held, wanted), (held, wanted)
        one.execute("rollback")
