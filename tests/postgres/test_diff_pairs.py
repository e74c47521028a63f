"""The comparison of `migrate diff`, over pairs of schemas: up reaches the target exactly, down comes back exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from dbops.engines.postgres.schema import reader
from dbops.engines.schema import Schema, differences
from dbops.safety.diff.compare import compare
from dbops.safety.diff.likeness import apart
from dbops.safety.diff.model import Change, Of, Rename, Script
from dbops.safety.diff.renames import candidates
from tests.conftest import fresh_database
from tests.older import known_to
from tests.postgres.pairs import EXTENSIONS, PAIRS, Pair
from tests.postgres.rounds import superuser_sql
from tests.servers import Database, Server, create_database, drop_database

# What a pair may have left: schemas and what is in none.
_CLEAN = """
select format('DROP SCHEMA %I CASCADE', nspname) from pg_namespace where nspname !~ '^(pg_|information_schema$)'
union all select format('DROP EXTENSION IF EXISTS %I CASCADE', extname) from pg_extension where extname <> 'plpgsql'
union all select format('ALTER DEFAULT PRIVILEGES %s ON TABLES %s PUBLIC; ALTER DEFAULT PRIVILEGES %s ON FUNCTIONS %s PUBLIC',
    'REVOKE SELECT', 'FROM', 'GRANT EXECUTE', 'TO')
union all select format('DROP PUBLICATION %I', pubname) from pg_publication
order by 1
"""


@dataclasses.dataclass(frozen=True)
class Sides:
    """Two databases of one ordinary role on one server."""

    here: psycopg.Connection[Any]
    there: psycopg.Connection[Any]

    def build(self, pair: Pair) -> Sides:
        """Both schemas anew."""
        for connection, own in ((self.here, pair.here), (self.there, pair.there)):
            for (statement,) in connection.execute(_CLEAN).fetchall():
                connection.execute(statement)
            connection.execute("CREATE SCHEMA public")
            connection.execute(known_to(connection.info.server_version, own).encode())
        return self

    def compare(self, here: str, there: str, *renames: Rename) -> Script:
        """The script between two schemas."""
        self.build(Pair("", here, there))
        return compare(self.here, self.there, renames)


@pytest.fixture(scope="module")
def sides(server: Server) -> Iterator[Sides]:
    """Two databases, of which every test makes anew what is in them."""
    with ExitStack() as stack:
        one = stack.enter_context(fresh_database(server))
        other = Database(server, f"{one.name}_there", one.user, one.password)
        create_database(other)
        stack.callback(drop_database, other)
        if server.major < 15:
            for each in (one, other):
                superuser_sql(
                    each, f"ALTER SCHEMA public OWNER TO {each.user}"
                )  # who owns the database may drop it
        yield Sides(
            *(stack.enter_context(psycopg.connect(**each.keywords, autocommit=True)) for each in (one, other))
        )


def _schema(connection: psycopg.Connection[Any]) -> Schema:
    return reader.read(connection, ())


def _run(connection: psycopg.Connection[Any], changes: Sequence[Change]) -> None:
    """As a migration runs: in one transaction, in the search path that the role has."""
    with connection.transaction():
        for change in changes:
            connection.execute(change.sql.encode())


def _goes_there_and_back(sides: Sides, pair: Pair) -> None:
    sides.build(pair)
    script = compare(sides.here, sides.there)
    before, target = _schema(sides.here), _schema(sides.there)
    assert len(script.unseen) == len(pair.unseen), script.unseen
    assert all(said in found for said, found in zip(pair.unseen, script.unseen, strict=True)), script.unseen
    _run(sides.here, script.up)
    reached = differences(_schema(sides.here), target)
    _run(sides.here, script.down)
    back = differences(_schema(sides.here), before)
    if pair.unseen:
        reached, back = (apart(left)[0] for left in (reached, back))
    assert (reached, back) == ((), ())


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_pair_round_trips(sides: Sides, pair: Pair) -> None:
    """Up makes the one schema the other, down makes it what it was; what cannot be is said, and nothing else differs."""
    _goes_there_and_back(sides, pair)


@pytest.mark.one_major
def test_extensions_round_trip(sides: Sides) -> None:
    """An extension comes with a table that uses it, another goes."""
    _goes_there_and_back(sides, EXTENSIONS)


@pytest.mark.one_major
def test_what_is_the_same_is_left_alone(sides: Sides) -> None:
    """A column and an index go: keys that refer to the table, its own keys, its views and triggers are not made anew."""
    same = """
        CREATE TABLE customer (id int PRIMARY KEY);
        CREATE TABLE "Order" (id int PRIMARY KEY, customer int REFERENCES customer, state text UNIQUE{column});
        CREATE TABLE item (id int PRIMARY KEY, "order" int CONSTRAINT "of Order" REFERENCES "Order");
        CREATE INDEX on_customer ON "Order" (customer);
        CREATE VIEW open AS SELECT id, customer FROM "Order" WHERE state = 'open';
        CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM "Order";
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
        CREATE TRIGGER touch BEFORE INSERT ON "Order" FOR EACH ROW EXECUTE FUNCTION touch();
    """
    here = same.format(column=", extra int") + 'CREATE INDEX on_extra ON "Order" (extra);'
    script = sides.compare(here, same.format(column=""))
    up, down = ([one.sql.lower() for one in way] for way in (script.up, script.down))
    assert len(up) <= 2, up
    assert up[-1] == 'alter table "public"."order" drop column "extra"'
    assert [one.split("(")[0] for one in down] == [
        'alter table "public"."order" add column "extra" integer',
        'create index on_extra on public."order" using btree ',
    ]


def test_equal_schemas_give_nothing(sides: Sides) -> None:
    """Where nothing differs there is no statement and nothing to say."""
    pair = next(one for one in PAIRS if one.name == "from empty to a shop")
    assert sides.compare(pair.there, pair.there) == Script((), ())


@pytest.mark.one_major
def test_nothing_is_left_in_what_is_compared(sides: Sides) -> None:
    """Statements are only tried: both databases stay as they are."""
    sides.build(Pair("", _BEFORE, _AFTER))
    before, after = _schema(sides.here), _schema(sides.there)
    assert compare(sides.here, sides.there).up
    assert (_schema(sides.here), _schema(sides.there)) == (before, after)


# -- what is done to rows ----------------------------------------------------------------------------------------------


@pytest.mark.one_major
def test_rows_survive_what_is_not_destructive(sides: Sides) -> None:
    """Enum values added, a type widened, a partition detached: the rows and the position of a sequence stay."""
    script = sides.compare(
        """
        CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE SEQUENCE s;
        CREATE TABLE t (id int, m mood); INSERT INTO t VALUES (1, 'glad'); SELECT nextval('s'), nextval('s');
        CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
        INSERT INTO p VALUES (1);
        """,
        """
        CREATE TYPE mood AS ENUM ('sad', 'so-so', 'glad'); CREATE SEQUENCE s INCREMENT 10;
        CREATE TABLE t (id bigint, m mood);
        CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 (id int);
        """,
    )
    assert not any(change.destructive for change in script.up)
    assert "ALTER TYPE \"public\".\"mood\" ADD VALUE 'so-so' AFTER 'sad'" in [one.sql for one in script.up]
    _run(sides.here, script.up)
    rows = sides.here.execute("SELECT t.*, p1.*, nextval('s') FROM t, p1").fetchall()
    assert rows == [(1, "glad", 1, 12)]


@pytest.mark.one_major
@pytest.mark.parametrize(
    ("here", "there", "destroyed"),
    [
        ("CREATE TABLE t (a int)", "", ["the table public.t"]),
        ("CREATE TABLE t (a int, b int)", "CREATE TABLE t (a int)", ["the column public.t.b"]),
        (
            "CREATE TABLE t (a bigint)",
            "CREATE TABLE t (a int)",
            ["what does not fit into integer of the column public.t.a"],
        ),
        (
            "CREATE TABLE t (a varchar(9))",
            "CREATE TABLE t (a varchar(5))",
            ["what does not fit into character varying(5) of the column public.t.a"],
        ),
        ("CREATE TABLE t (a int)", "CREATE TABLE t (a text)", []),
        ("CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)", "CREATE TABLE t (a int)", []),
        ("CREATE SEQUENCE s", "", ["the position of the sequence public.s"]),
        (
            "CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY)",
            "CREATE TABLE t (a int NOT NULL)",
            ["the position of the identity public.t.a"],
        ),
        ("CREATE TYPE c AS (a int, b int)", "CREATE TYPE c AS (a int)", ["the attribute public.c.b"]),
        ("CREATE VIEW v AS SELECT 1 AS a; CREATE TYPE e AS ENUM ('a')", "", []),
    ],
)
def test_what_is_destroyed_is_said(sides: Sides, here: str, there: str, destroyed: list[str]) -> None:
    """Each statement that destroys says what; those whose loss can be made again do not."""
    script = sides.compare(here, there)
    assert [change.destructive for change in script.up if change.destructive] == destroyed


@pytest.mark.one_major
def test_what_cannot_be_reached_is_said(sides: Sides) -> None:
    """No statement changes what a domain is of while a table uses it: both ways say so."""
    script = sides.compare(
        "CREATE DOMAIN d AS int; CREATE TABLE t (d d)", "CREATE DOMAIN d AS text; CREATE TABLE t (d d)"
    )
    assert script.unseen == (
        "type public.d does not become what it should be by up",
        "type public.d does not become what it should be by down",
    )


_KEYS = """
CREATE TABLE p (id int PRIMARY KEY, name varchar(9), up int REFERENCES p);
CREATE TABLE c (p int CONSTRAINT to_p REFERENCES p ON DELETE CASCADE DEFERRABLE, note text);
"""


@pytest.mark.one_major
def test_keys_stay_where_nothing_needs_them_gone(sides: Sides) -> None:
    """A column that comes, or changes, in a table with foreign keys is one statement: no key is checked anew."""
    changed = _KEYS.replace("name varchar(9)", "name text, age int").replace("note text", "note varchar")
    script = sides.compare(_KEYS, changed)
    assert len(script.up) == len(script.down) == 3
    assert not any("constraint" in change.sql.lower() for change in (*script.up, *script.down))
    wider = sides.compare(_KEYS, _KEYS.replace("id int", "id bigint"))
    assert len(wider.up) == 1


@pytest.mark.one_major
def test_text_holds_every_varchar(sides: Sides) -> None:
    """Nothing is lost on the way to text, in an array neither; on the way back it may be."""
    script = sides.compare(
        "CREATE TABLE t (a varchar(9)[], b varchar(9))", "CREATE TABLE t (a text[], b text)"
    )
    assert [change.destructive for change in script.up] == ["", ""]
    assert all(change.destructive for change in script.down)


@pytest.mark.one_major
def test_keys_are_made_anew_where_they_must(sides: Sides) -> None:
    """The columns of both sides get a type that the old ones cannot be compared with."""
    there = _KEYS.replace("id int", "id text").replace("up int", "up text").replace("p int", "p text")
    _goes_there_and_back(sides, Pair("", _KEYS, there))


@pytest.mark.one_major
def test_a_hostile_name_runs_nothing(sides: Sides) -> None:
    """Values and names that would end a statement early arrive as they are."""
    nasty = "'); DROP TABLE kept; --"
    literal = nasty.replace("'", "''")
    script = sides.compare(
        "CREATE TABLE kept (a int)",
        f"""
        CREATE TABLE kept (a int); CREATE TYPE e AS ENUM ('{literal}');
        CREATE TABLE "{nasty}" ("{nasty}" int DEFAULT 1, e e DEFAULT '{literal}');
        COMMENT ON TABLE "{nasty}" IS '{literal}'; CREATE VIEW "v{nasty}" AS SELECT '{literal}' AS "{nasty}";
        CREATE INDEX "i{nasty}" ON "{nasty}" ("{nasty}") WHERE "{nasty}" > 0;
        """,
    )
    assert script.unseen == ()
    _run(sides.here, script.up)
    assert differences(_schema(sides.here), _schema(sides.there)) == ()


# -- renames -----------------------------------------------------------------------------------------------------------

_BEFORE = """
CREATE TYPE state AS ENUM ('open', 'paid');
CREATE TABLE orders (id bigserial PRIMARY KEY, sum numeric NOT NULL CHECK (sum > 0), state state, note text);
CREATE INDEX orders_sum_idx ON orders (sum); CREATE TABLE lines (o bigint REFERENCES orders);
CREATE VIEW big AS SELECT id, sum FROM orders WHERE sum > 1000;
INSERT INTO orders (sum, state) VALUES (5, 'paid');
"""
_AFTER = """
CREATE TYPE state AS ENUM ('open', 'settled');
CREATE TABLE purchases (id bigserial PRIMARY KEY, total numeric NOT NULL CHECK (total > 0), state state, note text);
CREATE INDEX purchases_total_idx ON purchases (total); CREATE TABLE lines (o bigint REFERENCES purchases);
CREATE VIEW big AS SELECT id, total FROM purchases WHERE total > 1000;
"""
_TABLE = Rename(Of.TABLE, ("public",), "orders", "purchases")
_COLUMN = Rename(Of.COLUMN, ("public", "purchases"), "sum", "total")
_VALUE = Rename(Of.ENUM_VALUE, ("public", "state"), "paid", "settled")


def test_renames_keep_the_rows(sides: Sides) -> None:
    """What is said to be renamed is renamed, with the names that follow from it; nothing is destroyed, both ways."""
    script = sides.compare(_BEFORE, _AFTER, _TABLE, _COLUMN, _VALUE)
    before = _schema(sides.here)
    assert script.unseen == ()
    assert not any(change.destructive for change in (*script.up, *script.down))
    _run(sides.here, script.up)
    assert differences(_schema(sides.here), _schema(sides.there)) == ()
    assert sides.here.execute("SELECT id, total, state::text FROM purchases").fetchall() == [
        (1, 5, "settled")
    ]
    _run(sides.here, script.down)
    assert differences(_schema(sides.here), before) == ()
    assert sides.here.execute("SELECT id, sum, state::text FROM orders").fetchall() == [(1, 5, "paid")]


@pytest.mark.one_major
def test_what_may_be_a_rename_is_found(sides: Sides) -> None:
    """A table first, and what is in it once that is agreed; without an answer it is a drop, which says so."""
    script = sides.compare(_BEFORE, _AFTER)
    assert "the table public.orders" in [change.destructive for change in script.up]
    assert candidates(sides.here, sides.there) == (_TABLE, _VALUE)
    assert candidates(sides.here, sides.there, (_TABLE,)) == (_COLUMN, _VALUE)
    assert candidates(sides.here, sides.there, (_TABLE, _COLUMN, _VALUE)) == ()


@pytest.mark.one_major
def test_what_is_too_different_is_no_rename(sides: Sides) -> None:
    """Other columns, another type, another schema: not asked."""
    sides.build(
        Pair(
            "",
            "CREATE TABLE a (x int, y int); CREATE TABLE t (p int); CREATE SCHEMA s; CREATE TABLE s.k (q int, r text)",
            "CREATE TABLE b (x text, z int); CREATE TABLE t (o text); CREATE TABLE k (q int, r text)",
        )
    )
    assert candidates(sides.here, sides.there) == ()
