"""A dump in one form: what is left out, what is written in another way, and what must stay as it is."""

from __future__ import annotations

import pytest

from dbops.engines.postgres.schema.script import in_one_form


def one(dump: str, owner: str = "app", major: int = 15) -> list[str]:
    return list(in_one_form(dump, owner, major))


def test_noise_is_left_out() -> None:
    """Comments, settings and psql's own lines; not what looks like one in somebody's text."""
    dump = (
        "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET statement_timeout = 0;\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\n\n"
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n\\restrict x\nSET a = 1;\n-- b\n$$;\n\n\\unrestrict abc\n"
    )
    assert one(dump) == [
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n\\restrict x\nSET a = 1;\n-- b\n$$;"
    ]


def test_the_open_schema_of_postgresql_14_is_left_out() -> None:
    """Before 15 everybody might make tables in "public": a dump from there is as one from a newer server."""
    dump = "REVOKE USAGE ON SCHEMA public FROM PUBLIC;\nGRANT ALL ON SCHEMA public TO PUBLIC;\n"
    assert one(dump, major=14) == []
    assert len(one(dump, major=15)) == 2


def test_where_tables_go_is_kept() -> None:
    """A setting that says where tables go stays where it changes something."""
    dump = (
        "SET default_tablespace = '';\nSET default_table_access_method = heap;\nCREATE TABLE a ();\n"
        "SET default_tablespace = fast;\nCREATE TABLE b ();\nSET default_tablespace = '';\nCREATE TABLE c ();\n"
    )
    assert one(dump) == [
        "CREATE TABLE a ();",
        "SET default_tablespace = fast;",
        "CREATE TABLE b ();",
        "SET default_tablespace = '';",
        "CREATE TABLE c ();",
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("SELECT t.a,\n    t.b AS c\n   FROM s.t", "SELECT a,\n    b AS c\n   FROM s.t"),
        ('SELECT "T".a FROM "T" WHERE ("T".a > 1)', 'SELECT a FROM "T" WHERE (a > 1)'),
        ("SELECT x.a FROM s.t x GROUP BY x.a", "SELECT a FROM s.t x GROUP BY a"),
        # a join, a set operation, and what is inside stay as they are
        ("SELECT t.a FROM t, u", "SELECT t.a FROM t, u"),
        ("SELECT t.a FROM t UNION SELECT u.a FROM u", "SELECT t.a FROM t UNION SELECT u.a FROM u"),
        (
            "SELECT t.a FROM t WHERE t.a IN (SELECT u.a FROM u WHERE u.b = t.b)",
            "SELECT a FROM t WHERE a IN (SELECT u.a FROM u WHERE u.b = t.b)",
        ),
        ("SELECT q.a FROM (SELECT t.a FROM t) q", "SELECT a FROM (SELECT t.a FROM t) q"),
        ("SELECT t.* FROM t", "SELECT t.* FROM t"),
        ("SELECT (t.p).x FROM t", "SELECT (p).x FROM t"),
        # the column of the result would be another one
        ("SELECT t.b AS a FROM t ORDER BY t.a, t.b", "SELECT b AS a FROM t ORDER BY t.a, b"),
        ("SELECT t.a FROM t ORDER BY t.a", "SELECT a FROM t ORDER BY a"),
    ],
)
def test_views_over_one_relation(written: str, expected: str) -> None:
    """Its name before each column is what only servers before 16 write."""
    assert one(f"CREATE VIEW v AS\n {written};") == [f"CREATE VIEW v AS\n {expected};"]
    materialized = "CREATE MATERIALIZED VIEW v AS\n {}\n  WITH NO DATA;"
    assert one(materialized.format(written)) == [materialized.format(expected)]


@pytest.mark.parametrize(
    ("written", "major", "expected"),
    [
        ("GRANT SELECT ON TABLE t TO app;", 15, "GRANT SELECT ON TABLE t TO CURRENT_USER;"),
        (
            "GRANT SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE ON TABLE t TO r;",
            15,
            "GRANT ALL ON TABLE t TO r;",
        ),
        (
            "REVOKE GRANT OPTION FOR SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE ON TABLE t FROM r;",
            16,
            "REVOKE GRANT OPTION FOR ALL ON TABLE t FROM r;",
        ),
        (
            "GRANT SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE ON TABLE t TO r;",
            18,
            "GRANT SELECT,INSERT,REFERENCES,DELETE,TRIGGER,TRUNCATE,UPDATE ON TABLE t TO r;",
        ),
        (
            'ALTER DEFAULT PRIVILEGES FOR ROLE app GRANT ALL ON TABLES  TO "a  ""b";',
            15,
            'ALTER DEFAULT PRIVILEGES FOR ROLE CURRENT_USER GRANT ALL ON TABLES TO "a  ""b";',
        ),
        (
            "CREATE POLICY app ON app TO app USING ((app = 'app'::text));",
            15,
            "CREATE POLICY app ON app TO CURRENT_USER USING ((app = 'app'::text));",
        ),
    ],
)
def test_privileges(written: str, major: int, expected: str) -> None:
    """The owner is whoever loads it; all privileges are ALL; spaces are single."""
    assert one(written, major=major) == [expected]


def test_what_is_not_understood_stays() -> None:
    """A newer server's syntax is kept as it is, and the characters of other scripts are."""
    dump = "CREATE NOVELTY é WITH  (x);\nCOMMENT ON TABLE é IS 'ß  🐘';\n"
    assert one(dump) == ["CREATE NOVELTY é WITH  (x);", "COMMENT ON TABLE é IS 'ß  🐘';"]
