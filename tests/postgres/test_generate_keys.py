"""Keys of several columns: spread over all of their parents, as many rows as they allow, and none that is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dbops.engines.catalog import TableName
from dbops.seeding.generate.model import Request
from tests.postgres.generating import filled
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]

CIRCLES = (
    "CREATE TABLE u (t int, id int, by int, PRIMARY KEY (t, id), FOREIGN KEY (t, by) REFERENCES u (t, id))",
    """CREATE TABLE p (id int PRIMARY KEY, parent int, grp int NOT NULL, UNIQUE (grp, id),
    FOREIGN KEY (grp, parent) REFERENCES p (grp, id))""",
    """CREATE TABLE t (id int PRIMARY KEY, o int);
    CREATE TABLE u (t int NOT NULL REFERENCES t, id int NOT NULL, PRIMARY KEY (t, id));
    ALTER TABLE t ADD FOREIGN KEY (id, o) REFERENCES u (t, id)""",
    """CREATE TABLE d (id int PRIMARY KEY, m int NOT NULL);
    CREATE TABLE e (id int PRIMARY KEY, d int NOT NULL REFERENCES d, UNIQUE (d, id));
    ALTER TABLE d ADD FOREIGN KEY (id, m) REFERENCES e (d, id) DEFERRABLE INITIALLY DEFERRED""",
)


def _public(**rows: int) -> dict[TableName, int]:
    return {("public", name): count for name, count in rows.items()}


def _row(connection: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    found = connection.execute(query.encode()).fetchone()
    assert found is not None
    return tuple(found)


@pytest.mark.one_major
@pytest.mark.parametrize("schema", CIRCLES)
def test_circles_of_composite_keys(database: Database, connect: Connect, schema: str) -> None:
    """Tables that refer to themselves or to each other by keys that share a column with the primary key are filled."""
    connection = connect(database)
    connection.execute(schema.encode())
    outcome = filled(connection, Request(rows=30))
    assert ({one.rows for one in outcome.tables}, outcome.unfilled) == ({30}, ())


@pytest.mark.one_major
def test_pairs_vary_on_both_sides(database: Database, connect: Connect) -> None:
    """A junction table draws from all rows of both parents, whose children differ in number; in blocks as well."""
    connection = connect(database)
    connection.execute("CREATE TABLE student (id int PRIMARY KEY)")
    connection.execute("CREATE TABLE course (id int PRIMARY KEY)")
    connection.execute(
        "CREATE TABLE enrolment (student int REFERENCES student, course int REFERENCES course, PRIMARY KEY (student, course))"
    )
    outcome = filled(connection, Request(rows=200, per_table=_public(course=50, enrolment=6000)))
    assert outcome.unfilled == ()
    sides = "SELECT count(*), count(DISTINCT student), count(DISTINCT course) FROM enrolment"
    assert _row(connection, sides) == (6000, 200, 50)
    each = "SELECT count(DISTINCT n) FROM (SELECT count(*) AS n FROM enrolment GROUP BY student) AS each"
    assert _row(connection, each)[0] > 3


@pytest.mark.one_major
def test_lines_of_an_order(database: Database, connect: Connect) -> None:
    """Lines count from 1 within each order, and no product stands twice in one; all products are ordered."""
    connection = connect(database)
    connection.execute("CREATE TABLE orders (id int PRIMARY KEY)")
    connection.execute("CREATE TABLE product (id int PRIMARY KEY)")
    connection.execute(
        "CREATE TABLE item (order_id int REFERENCES orders, line_no int CHECK (line_no > 0), product int NOT NULL REFERENCES"
        " product, PRIMARY KEY (order_id, line_no), UNIQUE (order_id, product))"
    )
    rows = _public(orders=100, product=20, item=350)
    assert filled(connection, Request(per_table=rows)).unfilled == ()
    assert _row(
        connection,
        "SELECT count(*), count(DISTINCT order_id), count(DISTINCT product), min(line_no), max(line_no) FROM item",
    ) == (350, 99, 20, 1, 6)
    assert filled(connection, Request(per_table=rows)).unfilled == ()
    assert _row(connection, "SELECT count(*), max(line_no) FROM item") == (700, 6)


@pytest.mark.one_major
def test_as_many_rows_as_small_columns_allow(database: Database, connect: Connect) -> None:
    """Keys over columns of few values are filled up; a second run finds what is left, a third says that all is taken."""
    connection = connect(database)
    connection.execute(
        "CREATE TABLE few (a smallint NOT NULL CHECK (a BETWEEN 1 AND 3), b bool NOT NULL,"
        " c text NOT NULL CHECK (c IN ('x', 'y', 'z')), UNIQUE (a, b, c))"
    )
    assert [one.rows for one in filled(connection, Request(rows=10)).tables] == [10]
    (fewer,) = filled(connection, Request(rows=10, seed=7)).fewer
    assert (fewer.rows, fewer.wanted, fewer.reason) == (8, 10, "few_a_b_c_key allows no more different rows")
    assert "taken" in filled(connection, Request(rows=10)).unfilled[0].reason


@pytest.mark.one_major
def test_unique_values_beside_those_that_are_there(database: Database, connect: Connect) -> None:
    """Many rows come to many, with another seed too: what is there already is not made again."""
    connection = connect(database)
    connection.execute(
        "CREATE TABLE person (id bigint PRIMARY KEY, email text UNIQUE, code char(6) UNIQUE, at date, word text);"
        "CREATE UNIQUE INDEX ON person (lower(word))"
    )
    for seed in (42, 42, 7):
        assert filled(connection, Request(rows=21_000, seed=seed)).unfilled == ()
    assert _row(connection, "SELECT count(*) FROM person") == (63_000,)


@pytest.mark.one_major
def test_small_tables_are_filled_at_one_go(database: Database, connect: Connect) -> None:
    """Tables of few rows share a fill; one that refuses its rows spoils neither those before nor those after it."""
    connection = connect(database)
    connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;"
        "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a);"
        "CREATE TABLE c (id int PRIMARY KEY, b int NOT NULL REFERENCES b, a int REFERENCES a);"
        "CREATE TABLE d (id int PRIMARY KEY, b int REFERENCES b, a int NOT NULL REFERENCES a);"
        "CREATE TRIGGER refusing BEFORE INSERT ON b FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    outcome = filled(connection, Request(rows=30))
    assert [(one.table[1], one.rows) for one in outcome.tables] == [("a", 30), ("d", 30)]
    assert [one.table[1] for one in outcome.unfilled] == ["b", "c"]
