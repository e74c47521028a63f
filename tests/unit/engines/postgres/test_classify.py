"""What each statement means for the transaction around it, and what it leaves behind."""

from __future__ import annotations

import pytest

from dbops.engines.names import QualifiedName
from dbops.engines.postgres import targets
from dbops.engines.postgres.facts import AddedEnumValue, facts_of
from dbops.engines.postgres.statements import split
from dbops.engines.postgres.targets import Repeatable, Unknowable
from dbops.engines.statements import Kind, Statement


def only(sql: str) -> Statement:
    """The one statement of a text that the parser knows."""
    found = split(sql)
    assert found.parsed
    (statement,) = found.statements
    return statement


T = QualifiedName(None, "t")
COMMITS = "BEGIN FOR i IN 1..2 LOOP INSERT INTO t VALUES (i); COMMIT; END LOOP; END"
ALONE = {
    "CREATE INDEX CONCURRENTLY ON t (a)": targets.CreateIndexConcurrently(None, T, if_not_exists=False),
    'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "I" ON s.T (a)': targets.CreateIndexConcurrently(
        "I", QualifiedName("s", "t"), if_not_exists=True
    ),
    "DROP INDEX CONCURRENTLY IF EXISTS s.i": targets.DropIndexConcurrently(
        (QualifiedName("s", "i"),), if_exists=True
    ),
    "REINDEX INDEX CONCURRENTLY s.i": targets.ReindexConcurrently("index", QualifiedName("s", "i")),
    "REINDEX (VERBOSE, CONCURRENTLY) TABLE t": targets.ReindexConcurrently("table", T),
    "REINDEX SCHEMA CONCURRENTLY s": targets.ReindexConcurrently("schema", QualifiedName(None, "s")),
    "REINDEX DATABASE CONCURRENTLY": targets.ReindexConcurrently("database", None),
    "REINDEX SCHEMA s": Repeatable(),
    "REINDEX DATABASE d": Repeatable(),
    "REINDEX SYSTEM d": Repeatable(),
    "ALTER TABLE s.p DETACH PARTITION t CONCURRENTLY": targets.DetachPartitionConcurrently(
        QualifiedName("s", "p"), T, finalize=False
    ),
    "VACUUM": Repeatable(),
    "VACUUM (ANALYZE) t": Repeatable(),
    "CLUSTER": Repeatable(),
    "CREATE DATABASE d": targets.CreateDatabase("d"),
    "DROP DATABASE IF EXISTS d": targets.DropDatabase("d", if_exists=True),
    "ALTER DATABASE d SET TABLESPACE x": Repeatable(),
    "CREATE TABLESPACE x LOCATION '/x'": targets.CreateTablespace("x"),
    "DROP TABLESPACE x": targets.DropTablespace("x", if_exists=False),
    "ALTER SYSTEM SET work_mem = '4MB'": Repeatable(),
    "ALTER SYSTEM RESET ALL": Repeatable(),
    "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p": targets.CreateSubscription("s"),
    "DROP SUBSCRIPTION IF EXISTS s": targets.DropSubscription("s", if_exists=True),
    "ALTER SUBSCRIPTION s REFRESH PUBLICATION": Repeatable(),
    "ALTER SUBSCRIPTION s SET PUBLICATION p": Repeatable(),
    "ALTER SUBSCRIPTION s ADD PUBLICATION p": Unknowable(),
    "ALTER SUBSCRIPTION s SET (failover = true)": Repeatable(),
    "DISCARD ALL": Repeatable(),
    "COMMIT PREPARED 'x'": Unknowable(),
    "ROLLBACK PREPARED 'x'": Unknowable(),
    f"DO $$ {COMMITS} $$": Unknowable(),
    "DO LANGUAGE plpgsql 'BEGIN IF true THEN ROLLBACK; END IF; END'": Unknowable(),
    "DO $$ BEGIN BEGIN NULL; EXCEPTION WHEN others THEN COMMIT; END; END $$": Unknowable(),
}


@pytest.mark.parametrize(("sql", "target"), ALONE.items())
def test_statement_that_cannot_run_in_a_transaction(sql: str, target: targets.Target) -> None:
    """ALONE, with a reason in words and what to look for after an interruption."""
    statement = only(sql)
    assert (statement.kind, statement.facts.target) == (Kind.ALONE, target)
    assert statement.reason


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX i ON t (a)",
        "REINDEX TABLE t",
        "REINDEX (CONCURRENTLY false) TABLE t",
        "REINDEX (CONCURRENTLY off) INDEX i",
        "ALTER TABLE p DETACH PARTITION t",
        "ANALYZE t",
        "CLUSTER t USING i",
        "DROP TABLE t",
        "ALTER DATABASE d SET work_mem = '4MB'",
        "ALTER TYPE t ADD VALUE 'x'",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false)",
        "CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (create_slot = off)",
        "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)",
        "ALTER SUBSCRIPTION s DISABLE",
        "DISCARD PLANS",
        "DO $$ BEGIN RAISE NOTICE 'commit'; END $$",
        "DO $$ BEGIN EXECUTE 'SELECT 1'; /* COMMIT; */ END $$",
        "DO LANGUAGE plpython3u $$ plpy.commit() $$",
        "DO $$ this is not PL/pgSQL; COMMIT $$",
        "CALL p()",
        "SAVEPOINT a",
        "ROLLBACK TO a",
        "RELEASE a",
        "SET LOCAL work_mem = '4MB'",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "SET transaction_read_only = on",
        "SET CONSTRAINTS ALL DEFERRED",
        "SELECT set_config('work_mem', '4MB', true)",
        "SELECT set_config('work_mem', '4MB', false) FROM t",
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$",
    ],
)
def test_statement_that_runs_in_a_transaction(sql: str) -> None:
    """TRANSACTIONAL, without a reason."""
    statement = only(sql)
    assert (statement.kind, statement.reason, statement.facts.target) == (Kind.TRANSACTIONAL, "", None)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("BEGIN", Kind.BEGIN),
        ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", Kind.BEGIN),
        ("COMMIT", Kind.COMMIT),
        ("END WORK", Kind.COMMIT),
        ("PREPARE TRANSACTION 'x'", Kind.COMMIT),
        ("COMMIT AND CHAIN", Kind.COMMIT_AND_CHAIN),
        ("ROLLBACK", Kind.ROLLBACK),
        ("ABORT", Kind.ROLLBACK),
        ("ROLLBACK AND CHAIN", Kind.ROLLBACK_AND_CHAIN),
        ("SET search_path = a, b", Kind.SET),
        ("SET ROLE r", Kind.SET),
        ("RESET ROLE", Kind.SET),
        ("RESET ALL", Kind.SET),
        ("SET SESSION AUTHORIZATION r", Kind.SET),
        ("SET TIME ZONE 'UTC'", Kind.SET),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Kind.SET),
        ("SELECT set_config('a.b', 'c', false), pg_catalog.set_config('a.d', '', false)", Kind.SET),
    ],
)
def test_transaction_control_and_settings(sql: str, kind: Kind) -> None:
    """Statements that begin and end transactions or change the session, each by its kind."""
    assert only(sql).kind is kind


def test_finalize_may_run_in_a_transaction() -> None:
    """DETACH PARTITION ... FINALIZE, which the server allows in a block: transactional, with its target."""
    statement = only("ALTER TABLE p DETACH PARTITION t FINALIZE")
    assert statement.kind is Kind.TRANSACTIONAL
    assert statement.facts.target == targets.DetachPartitionConcurrently(
        QualifiedName(None, "p"), T, finalize=True
    )


def test_call_of_a_procedure_of_the_same_section_that_commits() -> None:
    """CALL after CREATE PROCEDURE: alone where the body commits, transactional where it does not."""
    create = "CREATE PROCEDURE {}() LANGUAGE plpgsql AS $$ BEGIN {}; END $$;"
    found = split(create.format("s.a", "COMMIT") + create.format("b", "NULL") + "CALL s.a(); CALL b()")
    assert [s.kind for s in found.statements[2:]] == [Kind.ALONE, Kind.TRANSACTIONAL]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TEMP TABLE t (a int)", True),
        ("CREATE TABLE pg_temp.t (a int)", True),
        ("CREATE TEMPORARY VIEW v AS SELECT 1", True),
        ("CREATE TEMP SEQUENCE s", True),
        ("CREATE TEMP TABLE t AS SELECT 1", True),
        ("SELECT 1 INTO TEMP t", True),
        ("SELECT 1 INTO TEMP t UNION SELECT 2", True),
        ("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", True),
        ("CREATE TABLE temp (a int)", False),
        ("CREATE UNLOGGED TABLE t (a int)", False),
        ("SELECT 1 INTO t", False),
    ],
)
def test_what_lives_only_as_long_as_the_session(sql: str, expected: bool) -> None:
    """Temporary tables, views, sequences and functions, by keyword or by schema."""
    assert only(sql).makes_temporary is expected


def test_enum_facts() -> None:
    """CREATE TYPE and ALTER TYPE of an enum: the type's name and the value that is added."""
    mood = QualifiedName("s", "mood")
    assert facts_of(only("CREATE TYPE s.mood AS ENUM ('a')")).creates_type == mood
    added = facts_of(only("ALTER TYPE s.mood ADD VALUE 'it''s' AFTER 'a'")).adds_enum_value
    assert added == AddedEnumValue(mood, "it's")
    assert facts_of(only("ALTER TYPE s.mood RENAME VALUE 'a' TO 'b'")).adds_enum_value is None
