"""`bin/migrate validate`: rows that coming migrations would fail on, objects that are missing, queries that take too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.migrating import mark_as_development, ran
from tests.postgres.test_validate import found
from tests.servers import Database

pytestmark = pytest.mark.one_major

Connect = Callable[..., psycopg.Connection[Any]]

TABLES = """
create table parent (id int primary key);
create table t (id int, a text, b int, ref int, "odd {} %s" text);
insert into parent values (101), (102);
insert into t select i, 'x' || i % 3, nullif(i, 5), i + 100, case when i % 2 = 0 then 'y' end from generate_series(1, 10) as i;
alter table t add constraint old check (id < 9) not valid;
"""


@pytest.fixture
def prepared(configured: Project, database: Database, connect: Connect) -> Iterator[psycopg.Connection[Any]]:
    connection = connect(database)
    connection.execute(TABLES)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("statement", "check", "said"),
    [
        ("CREATE UNIQUE INDEX ON t (a)", "duplicates-coming", "would be hit by 3 groups of duplicate rows"),
        (
            """CREATE UNIQUE INDEX ON t (lower(a) COLLATE "C", (id % 2)) WHERE id > 2 AND a <> '%s{}'""",
            "duplicates-coming",
            "would be hit by 2 groups of duplicate rows",
        ),
        ("CREATE UNIQUE INDEX ON t (b)", None, ""),
        ("CREATE INDEX ON t (a)", None, ""),
        ('CREATE UNIQUE INDEX ON t ("odd {} %s")', "duplicates-coming", "would be hit by 1 group"),
        (
            'CREATE UNIQUE INDEX ON t ("odd {} %s") NULLS NOT DISTINCT',
            "duplicates-coming",
            "would be hit by 2 groups",
        ),
        ("ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)", "duplicates-coming", "would be hit by 3 groups"),
        ("ALTER TABLE t ADD PRIMARY KEY (b)", "nulls-coming", "would be broken by 1 row"),
        ("ALTER TABLE t ADD PRIMARY KEY (id)", None, ""),
        (
            'ALTER TABLE t ALTER COLUMN "odd {} %s" SET NOT NULL',
            "nulls-coming",
            "would be broken by 5 rows",
        ),
        ("ALTER TABLE t ADD COLUMN c int NOT NULL", "nulls-coming", "has no default, and 10 rows are there"),
        ("ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 0", None, ""),
        ("ALTER TABLE t ADD COLUMN c serial NOT NULL", None, ""),
        ("ALTER TABLE t ADD CHECK (id BETWEEN 2 AND 9)", "check-coming", "would be broken by 2 rows"),
        ("ALTER TABLE t ADD CHECK (id > 5) NOT VALID", None, ""),
        ("ALTER TABLE t VALIDATE CONSTRAINT old", "check-coming", "would be broken by 2 rows"),
        ("ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES parent", "orphans-coming", "would be broken by 8 rows"),
        ("ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES parent (id) NOT VALID", None, ""),
        ("ALTER TABLE t ADD COLUMN c int, ADD UNIQUE (c)", None, ""),
        ("CREATE TABLE n (a int); CREATE UNIQUE INDEX ON n (a)", None, ""),
    ],
)  # fmt: skip
def test_rows_that_a_statement_would_fail_on(
    configured: Project, prepared: psycopg.Connection[Any], statement: str, check: str | None, said: str
) -> None:
    """Told exactly where the statement does fail, by both forms; the query shows rows; what mends it, does."""
    configured.write("migrations/001_a.up.sql", f"{statement};")
    coming = [one for one in found(configured, "migration", "001") if one["check"].endswith("-coming")]
    assert coming == [one for one in found(configured) if one["check"].endswith("-coming")]
    if check is None:
        assert coming == []
        ran(configured, "up")
        return
    (one,) = coming
    assert (one["check"], one["level"]) == (check, "problem")
    assert said in one["message"], one
    assert prepared.execute(one["query"].encode()).fetchall()
    with pytest.raises(psycopg.IntegrityError):
        prepared.execute(statement.encode())
    if "delete" in one["mend"]:
        prepared.execute(one["mend"].encode())
        ran(configured, "up")


def test_what_an_earlier_statement_may_mend(configured: Project, prepared: psycopg.Connection[Any]) -> None:
    """It changes the same rows, or is a block of code: a hint that names it; of another table it is a problem still."""
    configured.write("migrations/001_a.up.sql", "DELETE FROM t WHERE id > 3;")
    configured.write("migrations/002_b.up.sql", "CREATE UNIQUE INDEX ON t (a);")
    (one,) = [one for one in found(configured) if one["check"] == "duplicates-coming"]
    assert (one["level"], one["message"].endswith(", unless 001 mends that first")) == ("hint", True)
    configured.write("migrations/001_a.up.sql", "DELETE FROM parent;")
    (one,) = [one for one in found(configured) if one["check"] == "duplicates-coming"]
    assert one["level"] == "problem"
    configured.write("migrations/001_a.up.sql", "DO $$ BEGIN DELETE FROM t WHERE id > 3; END $$;")
    (one,) = [one for one in found(configured) if one["check"] == "duplicates-coming"]
    assert (one["level"], "unless a block of code in 001 mends" in one["message"]) == ("hint", True)


def test_a_query_that_takes_too_long(configured: Project, prepared: psycopg.Connection[Any]) -> None:
    """It ends at the statement timeout, and what it would have told is said not to be known; the others go on."""
    prepared.execute("create view slow as select id, pg_sleep(5)::text as a from t")
    prepared.execute("alter table t add constraint waits foreign key (ref) references parent (id) not valid")
    prepared.execute(
        "create function is_fine(int) returns boolean language sql as 'select pg_sleep(5) is null'"
    )
    configured.write("migrations/001_a.up.sql", "ALTER TABLE t ADD CHECK (is_fine(id)), ADD UNIQUE (a);")
    configured.write(
        "pyproject.toml", '[tool.dbops.checks.own]\non = "migration"\nquery = "SELECT a FROM slow"\n'
    )
    told = {
        one["check"]: one for one in found(configured, "migration", "001", "--statement-timeout", "900ms")
    }
    for check in ("check-coming", "own"):
        assert told[check]["level"] == "hint"
        assert "its query took longer than 900 ms (--statement-timeout)" in told[check]["message"]
    assert told["duplicates-coming"]["level"] == "problem"


def test_what_may_not_be_read_or_is_locked(
    configured: Project, prepared: psycopg.Connection[Any], database: Database, connect: Connect
) -> None:
    """It is not known, and why; the table and the schema of another role are named with the grant that helps."""
    with psycopg.connect(**database.server.keywords(database.name), autocommit=True) as superuser:
        superuser.execute("create schema theirs; create table theirs.s (a int)")
        superuser.execute(f'grant usage on schema theirs to "{prepared.info.user}"'.encode())
    configured.write(
        "migrations/001_a.up.sql",
        "CREATE TABLE theirs.mine (a int); CREATE UNIQUE INDEX ON theirs.s (a); INSERT INTO theirs.s VALUES (1);",
    )
    told = {(one["check"], one["about"]): one for one in found(configured, "migration", "001")}
    assert told["not-owner", "theirs.s"]["level"] == "problem"
    assert "may not write" in told["not-allowed", "theirs.s"]["message"]
    assert "may make nothing" in told["not-allowed", "schema theirs"]["message"]
    assert any("permission denied" in one["message"] for one in told.values())
    configured.write("migrations/001_a.up.sql", "CREATE UNIQUE INDEX ON t (a);")
    with connect(database) as other:
        other.execute("begin; lock table t")
        told_now = found(configured, "migration", "001", "--lock-timeout", "100ms")
        for verb in ("plan", "lint"):  # sizes are those of before then
            outcome = configured.run("migrate", verb, "--lock-timeout", "100ms")
            assert outcome.code == {"plan": 0, "lint": 3}[verb], outcome
    (one,) = [one for one in told_now if one["check"] == "duplicates-coming"]
    assert "another session has locked" in one["message"]


def test_space_that_is_told(configured: Project, prepared: psycopg.Connection[Any]) -> None:
    """The role may not see the server's disk: unknown, until it is told; enough is no finding, a wrong size is usage."""
    configured.write("migrations/001_a.up.sql", "CREATE INDEX ON t (id);")
    (hint,) = found(configured, "migration", "001")
    assert (hint["check"], hint["level"], hint["mend"]) == (
        "disk-space",
        "hint",
        "tell it: --free-space SIZE",
    )
    (problem,) = found(configured, "migration", "001", "--free-space", "1kB")
    assert (problem["level"], "is 1.0 kB, and rewrites" in problem["message"]) == ("problem", True)
    assert found(configured, "migration", "001", "--free-space", "1.5GB") == []
    assert configured.run("migrate", "validate", "migration", "001", "--free-space", "much").code == 2


def test_objects_that_are_missing(
    configured: Project, prepared: psycopg.Connection[Any], connect: Connect
) -> None:
    """What the last migration left and is gone: a problem with its definition; all that only differs is one hint."""
    configured.write(
        "migrations/001_a.up.sql",
        "CREATE TABLE a (id int, x int); CREATE INDEX a_x ON a (x); CREATE VIEW v AS SELECT 1;",
    )
    configured.write("migrations/002_b.up.sql", "DROP VIEW v; CREATE TABLE b (id int);")
    ran(configured, "up")
    assert not [one for one in found(configured) if one["check"] in ("missing-object", "drift")]
    prepared.execute("drop index a_x; alter table a add y int")
    told = {one["check"]: one for one in found(configured)}
    assert told["missing-object"]["about"] == "index public.a_x"
    assert "CREATE INDEX a_x ON public.a" in told["missing-object"]["mend"]
    assert told["drift"]["level"] == "hint"


def test_missing_objects_where_no_schema_was_stored(
    configured: Project, prepared: psycopg.Connection[Any]
) -> None:
    """As after a baseline: the tables and views that the applied files make and none of them drops or moves."""
    configured.write(
        "migrations/001_a.up.sql",
        "CREATE TABLE gone (id int); CREATE TABLE moved (id int); CREATE VIEW v AS SELECT 1; CREATE TABLE t (id int);",
    )
    configured.write(
        "migrations/002_b.up.sql",
        "DROP VIEW v; ALTER TABLE t RENAME TO renamed; ALTER TABLE moved SET SCHEMA elsewhere;",
    )
    configured.write("migrations/003_c.up.sql", "CREATE TABLE coming (id int);")
    ran(configured, "baseline", "002")
    told = [one["about"] for one in found(configured) if one["check"] == "missing-object"]
    assert told == ["table gone", "table renamed"]


def test_everything_that_a_rollback_would_meet(
    configured: Project, prepared: psycopg.Connection[Any], database: Database
) -> None:
    """By the catalog: of functions, types, sequences and columns too; nothing of what goes in the same down section."""
    mark_as_development(database)
    configured.write(
        "migrations/001_a.up.sql",
        "CREATE TABLE a (id int PRIMARY KEY, x int); CREATE TYPE mood AS ENUM ('m'); CREATE SEQUENCE s;"
        "CREATE FUNCTION f(int, text) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'; CREATE VIEW own AS SELECT x FROM a;"
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "ALTER TABLE parent ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES a (id) NOT VALID;",
    )
    configured.write(
        "migrations/001_a.down.sql",
        "DROP VIEW own; ALTER TABLE parent DROP CONSTRAINT k; DROP TABLE a; DROP TYPE mood CASCADE; DROP SEQUENCE s;"
        "DROP FUNCTION f(int, text); DROP FUNCTION touch; DROP TABLE IF EXISTS never; DROP FUNCTION IF EXISTS never(int);",
    )
    ran(configured, "up")
    assert [one for one in found(configured, "rollback", "001") if one["check"] == "depends-on-it"] == []
    prepared.execute("""
        create table users (m mood, n int default nextval('s'), c int check (f(c, 'a') > 0), a_id int references a (id));
        create trigger touched before insert on users for each row execute function touch();
        create view v as select x from a; create function of_row(a) returns int language sql as 'select 1';
    """)
    told = {one["about"]: one["message"] for one in found(configured, "rollback", "001")}
    assert told.keys() == {
        "the column m of table users",
        "the default value for column n of table users",
        "the constraint users_c_check on table users",
        "the constraint users_a_id_fkey on table users",
        "the trigger touched on table users",
        "the view v",
        "the function of_row(a)",
    }
    assert told["the column m of table users"].endswith("CASCADE takes it along")
    assert told["the view v"].endswith("the statement fails")


def test_transactions_of_others(
    configured: Project, prepared: psycopg.Connection[Any], database: Database
) -> None:
    """Since when another role is in its transaction this role may not see: that is said; one that is prepared is named."""
    configured.write("migrations/001_a.up.sql", "CREATE INDEX CONCURRENTLY i ON t (id);")
    with psycopg.connect(**database.server.keywords(database.name), autocommit=True) as superuser:
        superuser.execute("begin isolation level repeatable read")
        superuser.execute("select 1")
        told = {one["check"]: one for one in found(configured, "migration", "001")}
        assert told["long-transaction"]["level"] == "hint"
        assert "since when this role may not see" in told["long-transaction"]["message"]
        superuser.execute("lock table t in share mode")
        told = {one["check"]: one for one in found(configured, "migration", "001")}
        assert f"pid {superuser.info.backend_pid}, user postgres" in told["blocked-now"]["message"]
        superuser.execute("rollback")
    prepared.execute("begin; lock table t in share mode; prepare transaction 'mine'")
    told = {one["check"]: one for one in found(configured, "migration", "001")}
    prepared.execute("rollback prepared 'mine'")
    assert "by a prepared transaction" in told["blocked-now"]["message"]
