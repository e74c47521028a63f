"""What names mean: values that people believe, of a row that go together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from dbops.seeding.generate.model import Request
from tests.postgres.generating import filled
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]

SCHEMA = """
CREATE TABLE places (id int PRIMARY KEY, name text NOT NULL, city text NOT NULL, state text NOT NULL, zip text NOT NULL, lat numeric(9,6) NOT NULL,
    lon float8 NOT NULL, status text NOT NULL, min_price numeric(8,2) NOT NULL, max_price numeric(8,2) NOT NULL,
    price_low int NOT NULL, price_high int NOT NULL, mac_address text NOT NULL, ip_address text NOT NULL, credit_card text NOT NULL,
    iban text NOT NULL, height_cm int NOT NULL, is_admin bool NOT NULL, took interval NOT NULL, during daterange NOT NULL,
    version text NOT NULL CHECK (version ~ '^v\\d+\\.\\d+\\.\\d+$'));
CREATE TABLE posts (id int PRIMARY KEY, title text NOT NULL);
CREATE TABLE tags (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE products (id int PRIMARY KEY, price numeric(8,2) NOT NULL, cost numeric(8,2) NOT NULL, CHECK (cost <= price));
"""
HOLDS = {
    "places": (
        "max(places_of) = 1",
        "bool_and(state <> ALL (ARRAY['active', 'closed', 'pending', 'archived']))",
        "bool_and(status IN ('active', 'closed', 'pending', 'archived'))",
        "bool_and(min_price <= max_price AND price_low <= price_high)",
        "bool_and(mac_address::macaddr IS NOT NULL AND ip_address::inet IS NOT NULL)",
        "bool_and(credit_card ~ '^4242[0-9]{12}$')",
        "count(DISTINCT left(iban, 2)) > 3 AND bool_and(iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$')",
        "bool_and(height_cm BETWEEN 150 AND 200) AND avg(is_admin::int) < 0.3",
        "max(took) <= '3 days' AND max(upper(during)) < '2030-01-01'",
        "max(length(version)) < 14",
    ),
    "posts": ("bool_and(title LIKE '% % %')",),
    "tags": ("bool_and(name NOT LIKE '% %')",),
    "products": ("count(*) FILTER (WHERE price = 5000) < 20", "count(DISTINCT price) > 30"),
}


@pytest.mark.one_major
def test_values_are_believable(database: Database, connect: Connect) -> None:
    """Coordinates belong to the city, low values are below high ones, titles are titles, cards are test cards."""
    connection = connect(database)
    connection.execute(SCHEMA)
    assert filled(connection, Request(rows=300)).unfilled == ()
    cities = "SELECT *, (SELECT count(DISTINCT (lat, lon)) FROM places o WHERE (o.city, o.state, o.lat) = (p.city, p.state, p.lat)) AS places_of FROM places p"
    for table, conditions in HOLDS.items():
        rows = cities if table == "places" else f"SELECT * FROM {table}"
        for condition in conditions:
            found = connection.execute(f"SELECT {condition} FROM ({rows}) AS r".encode()).fetchone()
            assert found == (True,), condition


@pytest.mark.one_major
def test_children_come_after_their_parents(database: Database, connect: Connect) -> None:
    """A comment is written after its post, a post after its author joined; an answer is to one on the same post."""
    connection = connect(database)
    connection.execute(
        "CREATE TABLE author (id int PRIMARY KEY, created_at timestamptz NOT NULL);"
        "CREATE TABLE post (id int PRIMARY KEY, author int NOT NULL REFERENCES author, created_at timestamp NOT NULL, updated_at timestamp NOT NULL);"
        "CREATE TABLE comment (id int PRIMARY KEY, post int REFERENCES post, created_on date NOT NULL);"
        "CREATE TABLE answer (id int PRIMARY KEY, post int NOT NULL REFERENCES post, author int NOT NULL REFERENCES author,"
        " parent int REFERENCES answer, CHECK (parent <> id))"
    )
    outcome = filled(connection, Request(rows=5000, per_table={("public", "post"): 500}))
    assert {one.rows for one in outcome.tables} == {500, 5000}
    some = connection.execute("SELECT count(parent) > 3000 FROM answer").fetchone()
    assert some == (True,)
    early = (
        "SELECT count(*) FROM answer AS one JOIN answer AS other ON other.id = one.parent WHERE one.post <> other.post",
        "SELECT count(*) FROM post JOIN author ON author.id = author WHERE post.created_at < author.created_at AT TIME ZONE 'UTC'",
        "SELECT count(*) FROM comment JOIN post ON post.id = post WHERE created_on < post.created_at::date",
        "SELECT count(*) FROM comment WHERE created_on > '2026-01-01' OR created_on < '2023-06-01'",
    )
    for query in early:
        assert connection.execute(query.encode()).fetchone() == (0,), query
