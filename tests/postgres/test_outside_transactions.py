"""What cannot run in a transaction is recognised, by the grammar or by the server's word, on every version."""

from __future__ import annotations

from tests.conftest import Project
from tests.watching import Watch

SETS_UP = """
CREATE TABLE t (id integer) PARTITION BY RANGE (id);
CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (1) TO (100);
CREATE INDEX i ON t (id);
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$BEGIN INSERT INTO t VALUES (1); COMMIT; END$$;
CREATE TYPE colour AS ENUM ('red');
"""


def test_each_kind(configured: Project, watch: Watch) -> None:
    """DO that commits, CALL of a procedure that commits, REINDEX of a partitioned table, VACUUM, ALTER SYSTEM's kin."""
    configured.write("migrations/001_sets_up.sql", SETS_UP)
    configured.write("migrations/002_do.sql", "DO $$BEGIN INSERT INTO t VALUES (2); COMMIT; END$$;")
    configured.write(
        "migrations/003_call.sql", "INSERT INTO t VALUES (3);\nCALL commits();\nINSERT INTO t VALUES (4);"
    )
    configured.write("migrations/004_reindex.sql", "INSERT INTO t VALUES (5);\nREINDEX TABLE t;")
    configured.write("migrations/005_vacuum.sql", "VACUUM (ANALYZE) t1;\nCLUSTER t1 USING t1_id_idx;")
    configured.write("migrations/006_enum.sql", "ALTER TYPE colour ADD VALUE 'green';")
    configured.write("migrations/007_uses.sql", "CREATE TABLE c AS SELECT 'green'::colour AS v;")
    outcome = configured.run("migrate", "up", "-v")
    assert outcome.code == 0, outcome
    assert watch.values("select id from t order by id") == [1, 2, 3, 4, 5]
    assert watch.applied() == [f"00{n}" for n in range(1, 8)]
    assert configured.run("migrate", "status", "--check").code == 0


def test_enum_value_used_in_the_same_file(configured: Project, watch: Watch) -> None:
    """The server's refusal carries the remedy, and the remedy works."""
    configured.write("migrations/001_sets_up.sql", SETS_UP)
    text = "ALTER TYPE colour ADD VALUE 'green';\nCREATE TABLE c AS SELECT 'green'::colour AS v;"
    configured.write("migrations/002_enum.sql", text)
    outcome = configured.run("migrate", "up")
    assert outcome.code == 1, outcome
    assert "002_enum.sql:2:26: unsafe use of new value" in outcome.stderr
    assert "55P04" in outcome.stderr
    assert "-- dbops: no-transaction" in outcome.stderr
    assert watch.applied() == ["001"]
    configured.write("migrations/002_enum.sql", f"-- dbops: no-transaction\n{text}")
    assert configured.run("migrate", "up").code == 0
    assert watch.value("select v::text from c") == "green"


def test_syntax_that_the_parser_does_not_know(configured: Project, watch: Watch) -> None:
    """A newer server's syntax runs there, and is the server's error elsewhere; the statements around it stay whole."""
    configured.write(
        "migrations/001_new.sql",
        "CREATE TABLE t (id integer, v integer GENERATED ALWAYS AS (id * 2) VIRTUAL);\nINSERT INTO t VALUES (1);",
    )
    outcome = configured.run("migrate", "up")
    if watch.connection.info.server_version >= 180000:
        assert outcome.code == 0, outcome
        assert watch.value("select v from t") == 2
        assert configured.run("migrate", "status", "--check").code == 0
    else:
        assert outcome.code == 1, outcome
        assert '001_new.sql:1:68: syntax error at or near "VIRTUAL"' in outcome.stderr


# -- --single-transaction ----------------------------------------------------------------------------------------------


def test_single_transaction_all_or_nothing(configured: Project, watch: Watch) -> None:
    """The last one fails: not one is applied, settings and temporary tables of one do not reach the next."""
    configured.write(
        "migrations/001_a.sql",
        "CREATE TABLE a (id integer);\nSET search_path = nowhere;\nCREATE TEMP TABLE x (id integer);",
    )
    configured.write("migrations/002_b.sql", "BEGIN;\nCREATE TABLE b (id integer);\nCOMMIT;")
    configured.write("migrations/003_c.sql", "CREATE TABLE c (id nonsense);")
    outcome = configured.run("migrate", "up", "--single-transaction")
    assert outcome.code == 1, outcome
    assert "003_c.sql:1:20" in outcome.stderr
    assert watch.applied() == []
    assert watch.value("select coalesce(to_regclass('a'), to_regclass('b'))") is None
    assert [version for version, *_ in watch.events("failed")] == ["003"]
    configured.write("migrations/003_c.sql", "CREATE TABLE c (id integer);")
    outcome = configured.run("migrate", "up", "--single-transaction")
    assert outcome.code == 0, outcome
    assert watch.applied() == ["001", "002", "003"]
    assert watch.value("select count(distinct xmin::text) from schema_migrations") == 1


def test_single_transaction_where_it_cannot_be(configured: Project, watch: Watch) -> None:
    """Refused with the place before anything runs: a concurrent index, a new enum value used later."""
    configured.write("migrations/001_a.sql", "CREATE TABLE a (id integer);")
    configured.write("migrations/002_b.sql", "CREATE INDEX CONCURRENTLY i ON a (id);")
    outcome = configured.run("migrate", "up", "--single-transaction")
    assert outcome.code == 13, outcome
    assert "002_b.sql" in outcome.stderr
    assert "CREATE INDEX CONCURRENTLY" in outcome.stderr
    configured.write("migrations/002_b.sql", "ALTER TYPE colour ADD VALUE 'green';")
    configured.write("migrations/003_c.sql", "SELECT 1;\nSELECT 'green'::colour;")
    outcome = configured.run("migrate", "up", "--single-transaction")
    assert outcome.code == 13, outcome
    assert "003_c.sql:2:1" in outcome.stderr
    assert "'green'" in outcome.stderr
    assert watch.value("select to_regclass('schema_migrations')") is None
