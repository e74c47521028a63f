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
        ("GRANT SELECT ON t TO r", False),
        ("COMMENT ON TABLE t IS 'x'", False),
        ("ALTER TABLE t RENAME TO u", False),
        ("no SQL at all", False),
    ],
)
def test_what_the_grammar_tells(sql: str, expected: bool) -> None:
    """What is shared by all databases of the server, and what is in this one."""
    assert reaches_beyond(sql) is expected
