"""`migrate diagram` on what only PostgreSQL has: schemas, partitions, types with names of their own; the own schema."""

from __future__ import annotations

import shutil

import pytest

from tests.conftest import ROOT, Project
from tests.postgres.migrating import ran, single

SCHEMA = """
CREATE SCHEMA trading; CREATE SCHEMA "Odd one";
CREATE TYPE trading.side AS ENUM ('buy', 'sell');
CREATE TABLE trading.orders (id bigint, at timestamptz, side trading.side, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE trading.orders_2030 PARTITION OF trading.orders FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');
CREATE TABLE public.notes (
    id int PRIMARY KEY, order_id bigint NOT NULL, order_at timestamptz(3) NOT NULL, tags text[],
    FOREIGN KEY (order_id, order_at) REFERENCES trading.orders
);
CREATE TABLE "Odd one"."select" (
    id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES trading.orders_2030 (id, at)
);
CREATE VIEW public.seen AS SELECT id FROM public.notes;
"""
DRAWN = """\
erDiagram
    %% schema Odd one
    "Odd one.select" {
        bigint id FK
        timestamptz at FK
    }
    %% schema public
    "notes" {
        integer id PK
        bigint order_id FK
        timestamptz(3) order_at FK
        text[] tags
    }
    %% schema trading
    "trading.orders" {
        bigint id PK
        timestamptz at PK
        trading_side side
    }
    "trading.orders" |o..o{ "Odd one.select" : "id, at"
    "trading.orders" ||..o{ "notes" : "order_id, order_at"
"""


def test_schemas_and_partitions(configured: Project) -> None:
    """Tables by schema, references across them, partitions in what they are parts of, also as what is referred to."""
    configured.write("migrations/001_a.sql", single(SCHEMA))
    ran(configured, "up")
    assert ran(configured, "diagram").stdout == DRAWN
    picture = ran(configured, "diagram", "--format-out", "svg").stdout
    assert "partitioned by RANGE (at)" in picture
    assert "schema trading" in picture
    assert ">trading.side?<" in picture

    only = ran(configured, "diagram", "--schema", "trading").stdout
    assert '"trading.orders" {' in only
    assert "notes" not in only
    assert configured.run("migrate", "diagram", "--schema", "nothing").code == 2


@pytest.mark.one_major
def test_the_trading_engine(configured: Project) -> None:
    """The example of the handbook: every table of our own schema, every key."""
    shutil.copytree(ROOT / "migrations", configured.folder / "migrations", dirs_exist_ok=True)
    ran(configured, "up")
    told = ran(configured, "diagram", "--json").json
    assert (told["tables"], told["references"]) == (17, 32)
    page = (ROOT / "docs" / "diagram.md").read_text(encoding="utf-8")
    assert ran(configured, "diagram", "--table", "fills", "--table", "orders").stdout in page
    picture = ran(configured, "diagram", "--format-out", "svg").stdout
    assert (ROOT / "docs" / "trading.svg").read_text(encoding="utf-8") == picture
