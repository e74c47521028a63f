"""What `migrate diff` marks as destructive: every kind of statement that it can write, with the words, or none."""

from __future__ import annotations

import psycopg
import pytest

from dbops.safety.diff.destructive import destroyed
from tests.conftest import fresh_database
from tests.servers import Server

pytestmark = pytest.mark.one_major

_MADE = """
CREATE TYPE e AS ENUM ('a', 'b'); CREATE TYPE c AS (x int, y text); CREATE TYPE r AS RANGE (SUBTYPE = int);
CREATE DOMAIN d AS varchar(5); CREATE SEQUENCE s; CREATE SCHEMA other;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int DEFAULT 1, b bigint, txt text, v varchar(9), n numeric,
    n2 numeric(10, 2), f float8, at timestamptz(3), day date, e e, c c, js json, nums int[], computed int GENERATED ALWAYS AS (a + 1) STORED,
    CONSTRAINT positive CHECK (a > 0), CONSTRAINT self FOREIGN KEY (a) REFERENCES t);
CREATE INDEX i ON t (a); CREATE VIEW w AS SELECT 1 AS x; CREATE MATERIALIZED VIEW m AS SELECT 1 AS x;
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
CREATE TABLE kid () INHERITS (t); CREATE STATISTICS st ON a, b FROM t; CREATE POLICY po ON t USING (a > 1);
CREATE PUBLICATION pub FOR TABLE t; CREATE COLLATION co (locale = 'C');
"""

_GOES = {
    "DROP TABLE public.t": "the table public.t",
    "DROP TABLE IF EXISTS public.p1": "the table public.p1",
    "DROP TABLE public.kid, public.p1": "the table public.kid, the table public.p1",
    "ALTER TABLE public.t DROP COLUMN a": "the column public.t.a",
    "ALTER TABLE public.t DROP COLUMN a, DROP b": "the column public.t.a, the column public.t.b",
    "ALTER TYPE public.c DROP ATTRIBUTE y": "the attribute public.c.y",
    "DROP SEQUENCE public.s": "the position of the sequence public.s",
    "ALTER TABLE public.t ALTER id DROP IDENTITY": "the position of the identity public.t.id",
}

_NARROWS = {
    ("b", "int"): "integer",
    ("b", "float8"): "double precision",
    ("a", "real"): "real",
    ("a", "bool"): "boolean",
    ("n", "float8"): "double precision",
    ("n", "int"): "integer",
    ("n", "numeric(10, 2)"): "numeric(10,2)",
    ("n2", "numeric(9, 2)"): "numeric(9,2)",
    ("n2", "numeric(10, 1)"): "numeric(10,1)",
    ("f", "real"): "real",
    ("f", "numeric"): "numeric",
    ("txt", "name"): "name",
    ("txt", "varchar(9)"): "character varying(9)",
    ("txt", "d"): "character varying(5)",
    ("v", "varchar(5)"): "character varying(5)",
    ("v", "char(9)"): "character(9)",
    ("at", "timestamptz(0)"): "timestamp(0) with time zone",
    ("at", "date"): "date",
    ("at", "timestamp"): "timestamp without time zone",
    ("js", "jsonb"): "jsonb",
    ("a", "jsonb"): "jsonb",
    ("nums", "smallint[]"): "smallint[]",
}

_WIDENS = [
    ("a", "bigint"),
    ("a", "numeric"),
    ("a", "float8"),
    ("a", "text"),
    ("n2", "numeric(12, 2)"),
    ("n2", "numeric"),
    ("v", "varchar(20)"),
    ("v", "varchar"),
    ("v", "text"),
    ("txt", "varchar"),
    ("day", "timestamp"),
    ("at", "timestamptz"),
    ("e", "text"),
    ("txt", "e"),
    ("nums", "text"),
    ("computed", "bigint"),
]

_STAYS = [
    "DROP VIEW w",
    "DROP MATERIALIZED VIEW m",
    "DROP INDEX i",
    "DROP TRIGGER g ON t",
    "DROP POLICY po ON t",
    "DROP STATISTICS st",
    "DROP PUBLICATION pub",
    "DROP COLLATION co",
    "DROP ROUTINE f()",
    "DROP SCHEMA other",
    # Without CASCADE a type goes only when nothing is of it; and a value that a row has makes its change fail.
    "DROP TYPE e",
    "DROP TYPE c",
    "DROP TYPE r",
    "DROP DOMAIN d",
    "DROP EXTENSION plpgsql",
    "ALTER TYPE e RENAME TO e__before",
    "ALTER TYPE e ADD VALUE 'c'",
    "ALTER TYPE e RENAME VALUE 'a' TO 'z'",
    "ALTER TYPE c ADD ATTRIBUTE z int",
    "ALTER DOMAIN d SET NOT NULL",
    "ALTER TABLE t DROP COLUMN computed",
    "ALTER TABLE t DROP CONSTRAINT positive",
    "ALTER TABLE t ALTER a DROP DEFAULT",
    "ALTER TABLE t ALTER id DROP NOT NULL",
    "ALTER TABLE t ALTER computed DROP EXPRESSION",
    "ALTER TABLE t RENAME TO u",
    "ALTER TABLE t RENAME a TO z",
    "ALTER TABLE t SET UNLOGGED",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE p DETACH PARTITION p1",
    "ALTER TABLE kid NO INHERIT t",
    "ALTER SEQUENCE s INCREMENT 5",
    "ALTER SEQUENCE s RENAME TO z",
    "ALTER PUBLICATION pub DROP TABLE t",
    "REVOKE ALL ON t FROM PUBLIC",
    "COMMENT ON TABLE t IS NULL",
    "CREATE TABLE z (a int)",
    "SET LOCAL check_function_bodies = off",
]


def _to_type(column: str, to: str) -> str:
    return f"ALTER TABLE public.t ALTER {column} TYPE {to} USING {column}::text::{to}"


def test_each_statement(any_server: Server) -> None:
    """Rows, columns, values that do not fit and positions of sequences are named; what can be made again is not."""
    expected = {
        **_GOES,
        **{
            _to_type(*key): f"what does not fit into {spelled} of the column public.t.{key[0]}"
            for key, spelled in _NARROWS.items()
        },
        **{_to_type(*key): "" for key in _WIDENS},
        **dict.fromkeys(_STAYS, ""),
    }
    with (
        fresh_database(any_server) as database,
        psycopg.connect(**database.keywords, autocommit=True) as connection,
    ):
        connection.execute(_MADE)
        found = {statement: destroyed(connection, statement) for statement in expected}
    assert found == expected


def test_tables_of_an_extension(any_server: Server) -> None:
    """An extension goes with the rows of its own tables."""
    with (
        psycopg.connect(**any_server.keywords(), autocommit=True) as connection,
        connection.transaction(force_rollback=True),
    ):
        connection.execute("CREATE TABLE kept (a int); ALTER EXTENSION plpgsql ADD TABLE kept")
        said = destroyed(connection, 'drop extension if exists "plpgsql"')
    assert said == "the tables of the extension plpgsql"
