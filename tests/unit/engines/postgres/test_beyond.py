"""Statements that reach beyond their database."""

from __future__ import annotations

import pytest

from dbops.engines.postgres.beyond import reaches_beyond


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE ROLE r", True),
        ("DROP USER r", True),
        ("GRANT a TO b", True),
        ("ALTER DATABASE d SET work_mem = '5MB'", True),
        ("ALTER DATABASE d RENAME TO e", True),
        ("ALTER DATABASE d OWNER TO r", True),
        ("COMMENT ON DATABASE d IS 'x'", True),
        ("GRANT CONNECT ON DATABASE d TO r", True),
        ("ALTER SYSTEM SET work_mem = '5MB'", True),
        ("GRANT SET ON PARAMETER work_mem TO r", True),
        ("CREATE SUBSCRIPTION s CONNECTION 'host=h' PUBLICATION p", True),
        ("COPY t TO PROGRAM 'cat'", True),
        ("COPY t FROM PROGRAM 'cat'", True),
        ("COPY t TO '/tmp/x'", True),
        ("COPY t FROM '/tmp/x'", False),
        ("COPY t FROM STDIN", False),
        ("SELECT pg_terminate_backend(pid) FROM pg_stat_activity", True),
        ("SELECT 1 WHERE EXISTS (SELECT FROM pg_catalog.pg_reload_conf())", True),
        ("SELECT dblink_exec('host=h', 'DROP TABLE t')", True),
        ("SELECT count(*), lower('X') FROM t", False),
        ("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles) THEN CREATE ROLE r; END IF; END $$", True),
        ("DO $$ BEGIN EXECUTE 'COMMENT ON DATABASE d IS NULL'; END $$", True),
        ("DO $$ BEGIN EXECUTE format('ALTER ROLE %I NOLOGIN', 'r'); END $$", False),  # put together
        ("DO $$ BEGIN PERFORM pg_reload_conf(); END $$", True),
        ("DO $$ BEGIN EXECUTE 'CREATE TABLE t ()'; PERFORM lower('drop'); END $$", False),
        ("DO LANGUAGE plperl $$ 1 $$", False),
        ("GRANT SELECT ON t TO r", False),
        ("COMMENT ON TABLE t IS 'x'", False),
        ("ALTER TABLE t RENAME TO u", False),
        ("no SQL at all", False),
    ],
)
def test_what_the_grammar_tells(sql: str, expected: bool) -> None:
    """What is shared by all databases of the server, and what is in this one."""
    assert reaches_beyond(sql) is expected
