"""What SQL from elsewhere must not do is found with its line; what only looks like it is text."""

from __future__ import annotations

import pytest

from dbops.backups.sqlscript import SqlScript
from dbops.errors import Refused

HARMLESS = rb"""SET standard_conforming_strings = on;
-- DROP DATABASE live; it's a comment
/* DROP DATABASE live; /* nested */ COMMIT; */
CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $_$
BEGIN
DROP DATABASE live;
COMMIT;
\connect live
END $_$;
CREATE OR REPLACE FUNCTION g(a int) RETURNS int LANGUAGE sql
    BEGIN ATOMIC
 SELECT CASE WHEN a > 1 THEN 1 ELSE 2 END;
 SELECT 1;
END;
COMMENT ON TABLE t IS 'it''s
COMMIT;
';
SELECT E'it\'s
COMMIT;
', "odd ; ""
COMMIT;
", '\';
COPY public.t (a, "from") FROM stdin;
DROP DATABASE live;
COMMIT;
\\.
'
\.
CREATE RULE r AS ON INSERT TO t DO INSTEAD (SELECT 1; SELECT 2);
SAVEPOINT s;
ROLLBACK TO SAVEPOINT s;
ALTER TABLE database OWNER TO system;
DROP TABLE database;
"""
LARGE = b"""BEGIN;

SELECT pg_catalog.lo_open('77', 131072);
SELECT pg_catalog.lowrite(0, '\\x00');
SELECT pg_catalog.lo_close(0);

COMMIT;
"""


def passed(data: bytes, size: int = 1 << 16) -> bytes:
    """What comes through, fed in portions of a size."""
    return b"".join(SqlScript("v.sql").passed(data[at : at + size] for at in range(0, len(data), size)))


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_text_is_not_refused(size: int) -> None:
    """Comments, quotes, bodies of functions, data: whatever they hold, they come through as they are."""
    assert passed(HARMLESS, size) == HARMLESS
    long = b"INSERT INTO t VALUES ('" + b"ab''" * 700_000 + b"', $1);\n"
    assert passed(long + HARMLESS, 1 << 18) == long + HARMLESS


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("DROP DATABASE live;", "DROP DATABASE"),
        ("  drop /* x */ database\n IF EXISTS live;", "DROP DATABASE"),
        ("SELECT 1; CREATE DATABASE live;", "CREATE DATABASE"),
        ("ALTER DATABASE live OWNER TO a;", "ALTER DATABASE"),
        ("COMMENT ON DATABASE live IS 'environment=development';", "COMMENT ON DATABASE"),
        ("GRANT CONNECT ON DATABASE live TO PUBLIC;", "GRANT ON DATABASE"),
        ("ALTER SYSTEM SET fsync = off;", "ALTER SYSTEM"),
        ("\\connect live", "\\connect"),
        ("\\c live", "\\c"),
        ("COMMIT;", "COMMIT"),
        ("COMMIT", "COMMIT"),
        ("SELECT 1 \\; COMMIT;", "COMMIT"),
        ("END;", "END"),
        ("ROLLBACK;", "ROLLBACK"),
        ("ABORT;", "ABORT"),
        ("PREPARE TRANSACTION 'x';", "PREPARE TRANSACTION"),
    ],
)
def test_refused_with_its_line(text: str, what: str) -> None:
    """Each statement that reaches beyond the database, or ends its transaction; the line is the statement's first."""
    with pytest.raises(Refused) as told:
        passed(HARMLESS + LARGE + text.encode() + b"\n", 5)
    lines = (HARMLESS + LARGE).count(b"\n") + 1
    assert told.value.message.startswith(f"line {lines} of v.sql is {what}, which ")
    assert told.value.hint


def test_a_transaction_of_pg_dump_is_blanked() -> None:
    """Around large objects; around anything else it is the file's own, and refused."""
    expected = LARGE.replace(b"BEGIN;", b" " * 6).replace(b"COMMIT;", b" " * 7)
    assert passed(HARMLESS + LARGE * 2, 3) == HARMLESS + expected * 2
    with pytest.raises(Refused, match="line 4 of"):
        passed(b"BEGIN;\n\nSELECT 1;\nCOMMIT;\n")


def test_lines_of_insert() -> None:
    """They are read fast where nothing else is in them; what stands behind them is seen all the same."""
    plain = b"INSERT INTO t VALUES (1, 'it''s; (', '\\x00');\n"
    assert passed(plain * 3) == plain * 3
    for behind in (b"COMMIT; SELECT (1);", b"SELECT E'\\''; COMMIT; SELECT (');');", b"COMMIT;"):
        with pytest.raises(Refused, match="line 2 of"):
            passed(plain + plain[:-1] + behind + b"\n")
