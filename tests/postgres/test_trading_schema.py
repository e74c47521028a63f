"""The trading engine's own migrations, on every major version, as the ordinary role that owns the database."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import ROOT, Project
from tests.postgres.migrating import dump, mark_as_development, ran, states
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]
OURS = ("--exclude-table=schema_migrations*", "--schema-only")

# One session on EUR/USD with an order and a fill, as it was before there were pairs.
SESSION = """
WITH u AS (
    INSERT INTO users (username, email, password_hash, full_name)
    VALUES ('kim', 'kim@example.org', '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA', 'Kim') RETURNING id
), a AS (
    INSERT INTO accounts (user_id, account_number) SELECT id, 'ACC-001' FROM u RETURNING id
), i AS (
    INSERT INTO instruments (symbol, name, asset_class, base_currency, quote_currency,
        tick_size, lot_size, min_quantity, max_quantity)
    VALUES ('BTC/USD', 'Bitcoin', 'crypto', 'BTC', 'USD', 0.01, 0.001, 0.001, 100) RETURNING symbol
), s AS (
    INSERT INTO sessions (account_id, symbol, name) SELECT a.id, i.symbol, 'first' FROM a, i RETURNING *
), o AS (
    INSERT INTO orders (account_id, session_id, symbol, client_order_id, side, order_type, quantity)
    SELECT account_id, id, symbol, 'o1', 'buy', 'market', 1 FROM s RETURNING *
)
INSERT INTO fills (order_id, session_id, symbol, side, price, quantity, liquidity, executed_at)
SELECT id, session_id, symbol, side, 100, 1, 'taker', '2030-01-01' FROM o
"""

# A second session of the account with a sale, and what does not go with it: another instrument, another account.
MORE_ORDERS = """
WITH i AS (
    INSERT INTO instruments (symbol, name, asset_class, base_currency, quote_currency,
        tick_size, lot_size, min_quantity, max_quantity)
    VALUES ('ETH/USD', 'Ether', 'crypto', 'ETH', 'USD', 0.01, 0.001, 0.001, 100) RETURNING symbol
), s AS (
    INSERT INTO sessions (account_id, symbol, name) SELECT id, 'BTC/USD', 'second' FROM accounts RETURNING *
), sale AS (
    INSERT INTO orders (account_id, session_id, symbol, client_order_id, side, order_type, quantity)
    SELECT account_id, id, symbol, 'sale', 'sell', 'market', 1 FROM s
), other AS (
    INSERT INTO orders (account_id, session_id, symbol, client_order_id, side, order_type, quantity)
    SELECT account_id, id, i.symbol, 'other ' || side, side, 'market', 1
    FROM s, i, unnest(ARRAY['buy', 'sell']) AS side
), own AS (
    INSERT INTO accounts (user_id, account_number) SELECT id, 'ACC-002' FROM users RETURNING *
), t AS (
    INSERT INTO sessions (account_id, symbol, name) SELECT id, 'BTC/USD', 'third' FROM own RETURNING *
)
INSERT INTO orders (account_id, session_id, symbol, client_order_id, side, order_type, quantity)
SELECT account_id, id, symbol, 'foreign ' || side, side, 'market', 1
FROM t, unnest(ARRAY['buy', 'sell']) AS side
"""

TRADE = """
INSERT INTO trades (account_id, session_id, symbol, direction, quantity, entry_order_id, exit_order_id,
    entry_price, exit_price, realized_pnl, opened_at, closed_at)
SELECT s.account_id, s.id, s.symbol, %(direction)s, 1, entry.id, exit.id, 100, 101, 1, '2030-01-01', '2030-01-02'
FROM sessions s, orders entry, orders exit
WHERE s.name = %(session)s AND entry.client_order_id = %(entry)s AND exit.client_order_id = %(exit)s
"""

INDEXES = [
    "idx_fills_session_order_symbol",
    "idx_fills_session_symbol",
    "idx_fills_symbol_timestamp",
    "idx_fills_unique_dedup",
    "idx_orders_session_symbol",
    "idx_orders_symbol_status",
    "idx_sessions_pair_count",
    "idx_sessions_pairs_gin",
    "idx_sessions_settlement_discovery",
]


@pytest.fixture
def engine(project: Project, database: Database) -> Project:
    """A project with the repository's migrations, on an empty development database."""
    project.use(database)
    mark_as_development(database)
    shutil.rmtree(project.folder / "migrations")
    shutil.copytree(ROOT / "migrations", project.folder / "migrations")
    return project


@pytest.mark.one_major
def test_every_down_undoes_its_up_exactly(engine: Project, database: Database) -> None:
    """One by one up, then one by one down: at each version the schema is what it was there on the way up."""
    versions = list(states(engine))
    shapes = [dump(database, *OURS)]
    for version in versions:
        ran(engine, "up", "--to", version)
        shapes.append(dump(database, *OURS))
    assert len(set(shapes)) == len(versions) + 1
    for number in reversed(range(len(versions))):
        ran(engine, "down")
        assert dump(database, *OURS) == shapes[number], f"down of {versions[number]}"
    ran(engine, "up")
    assert dump(database, *OURS) == shapes[-1]
    assert set(states(engine).values()) == {"applied"}


def test_all_is_undone_and_done_again(engine: Project, database: Database) -> None:
    """On every version: all down leaves what was there before, and all up again what all up had left."""
    before = dump(database, *OURS)
    ran(engine, "up")
    after = dump(database, *OURS)
    ran(engine, "down", "--to", "0")
    assert dump(database, *OURS) == before != after
    ran(engine, "up")
    assert dump(database, *OURS) == after


def test_existing_sessions_are_carried_over(engine: Project, database: Database, connect: Connect) -> None:
    """A session of before 007 then trades its one symbol; the queries of the documents say that all is well."""
    ran(engine, "up", "--to", "006")
    connection = connect(database)
    connection.execute(SESSION)
    before = connection.execute("SELECT updated_at FROM sessions").fetchall()
    ran(engine, "up")
    assert connection.execute(
        "SELECT symbol, pairs, pair_count FROM sessions WHERE pair_count > 0 LIMIT 10"
    ).fetchall() == [("BTC/USD", ["BTC/USD"], 1)]
    assert connection.execute("SELECT updated_at FROM sessions").fetchall() == before
    assert connection.execute("SELECT pair_index FROM orders").fetchall() == [(0,)]
    wrong = "SELECT id FROM sessions WHERE pair_count != COALESCE(jsonb_array_length(pairs), 0)"
    assert connection.execute(wrong).fetchall() == []
    found = connection.execute(
        "SELECT count(*) FROM sessions WHERE pairs @> '[\"BTC/USD\"]'::jsonb"
    ).fetchone()
    assert found == (1,)


def test_the_columns_and_indexes_that_the_documents_name(
    engine: Project, database: Database, connect: Connect
) -> None:
    """The verification queries find the columns and the nine indexes, all of them valid; a fill twice is refused."""
    ran(engine, "up")
    connection = connect(database)
    columns = connection.execute(
        "SELECT column_name::text, data_type::text, is_nullable::text, column_default"
        " FROM information_schema.columns WHERE table_name = 'sessions'"
        " AND column_name IN ('pairs', 'pair_count') ORDER BY column_name"
    ).fetchall()
    assert columns == [("pair_count", "integer", "NO", "0"), ("pairs", "jsonb", "NO", "'[]'::jsonb")]
    rows = connection.execute(
        "SELECT c.relname::text, i.indisvalid, i.indisunique FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE c.relname = ANY(%s) ORDER BY 1",
        [INDEXES],
    ).fetchall()
    assert rows == [(name, True, name == "idx_fills_unique_dedup") for name in INDEXES]
    connection.execute(SESSION)
    with pytest.raises(psycopg.errors.UniqueViolation, match="idx_fills_unique_dedup"):
        connection.execute(
            "INSERT INTO fills (order_id, session_id, symbol, side, price, quantity, liquidity, executed_at)"
            " SELECT order_id, session_id, symbol, side, price, quantity, liquidity, executed_at FROM fills"
        )
    views = "SELECT matviewname::text FROM pg_matviews WHERE schemaname = 'public' AND matviewname = 'v_daily_pnl'"
    assert connection.execute(views).fetchall() == [("v_daily_pnl",)]


def test_duplicate_fills_stop_the_last_migration(
    engine: Project, database: Database, connect: Connect
) -> None:
    """Duplicates make the unique index fail: exit 4, named; once they are gone, `up` finishes."""
    ran(engine, "up", "--to", "007")
    connection = connect(database)
    connection.execute(SESSION)
    twice = (
        "INSERT INTO fills (order_id, session_id, symbol, side, price, quantity, liquidity, executed_at)"
        " SELECT order_id, session_id, symbol, side, price, quantity, liquidity, executed_at FROM fills"
    )
    connection.execute(twice)
    stopped = engine.run("migrate", "up")
    assert stopped.code == 4
    assert "idx_fills_unique_dedup" in stopped.stderr
    assert "is duplicated" in stopped.stderr
    connection.execute("DELETE FROM fills WHERE id = (SELECT max(id) FROM fills)")
    ran(engine, "up")
    assert set(states(engine).values()) == {"applied"}


def test_the_audit_log_only_grows(engine: Project, database: Database, connect: Connect) -> None:
    """Its owner changes, deletes or truncates entries: refused, and every entry is still there."""
    ran(engine, "up")
    connection = connect(database)
    connection.execute(SESSION)
    before = connection.execute("SELECT * FROM audit_log ORDER BY id").fetchall()
    assert len(before) == 4
    for change in (
        "UPDATE audit_log SET row_id = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE users, audit_log CASCADE",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="audit_log is append-only"):
            connection.execute(change)
    assert connection.execute("SELECT * FROM audit_log ORDER BY id").fetchall() == before


def test_no_numeric_column_takes_nan(engine: Project, database: Database, connect: Connect) -> None:
    """NaN passes `price > 0`: every numeric column of every table refuses it, and still takes a number or null."""
    ran(engine, "up")
    connection = connect(database)
    columns = connection.execute(
        "SELECT c.relname::text, a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.atttypid = 'numeric'::regtype"
        " AND a.attgenerated = '' AND NOT a.attisdropped ORDER BY 1, 2"
    ).fetchall()
    assert {("orders", "limit_price"), ("order_routes", "quantity"), ("risk_events", "limit_value")} < {
        *columns
    }
    for table, column in columns:
        rule = connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s",
            [table, f"{table}_no_nan"],
        ).fetchone()
        assert rule is not None, table
        connection.execute(f"CREATE TEMP TABLE probe AS TABLE public.{table} WITH NO DATA")
        connection.execute(f"ALTER TABLE probe ADD {rule[0]}")
        connection.execute(f"INSERT INTO probe ({column}) VALUES (1), (NULL)")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"INSERT INTO probe ({column}) VALUES ('NaN')")
        connection.execute("DROP TABLE probe")
    connection.execute(SESSION)
    with pytest.raises(psycopg.errors.CheckViolation, match="fills_no_nan"):
        connection.execute("UPDATE fills SET price = 'NaN'")


def test_a_trade_fits_its_orders(engine: Project, database: Database, connect: Connect) -> None:
    """Opened in one session, closed in the next: taken. Orders of another account, instrument or side: refused."""
    ran(engine, "up")
    connection = connect(database)
    connection.execute(SESSION)
    connection.execute(MORE_ORDERS)
    sound = {"session": "second", "direction": "long", "entry": "o1", "exit": "sale"}
    assert connection.execute(TRADE, sound).rowcount == 1
    wrong = {
        "trades_entry_order_fkey": [{"entry": "foreign buy"}, {"entry": "other buy"}],
        "trades_exit_order_fkey": [{"exit": "foreign sell"}, {"exit": "other sell"}, {"session": "first"}],
        "trades_(entry|exit)_order_fkey": [{"direction": "short"}],
    }
    for constraint, changes in wrong.items():
        for change in changes:
            with pytest.raises(psycopg.errors.ForeignKeyViolation, match=constraint):
                connection.execute(TRADE, {**sound, **change})
    assert connection.execute("SELECT entry_side, exit_side FROM trades").fetchall() == [("buy", "sell")]


def test_fills_are_told_apart(engine: Project, database: Database, connect: Connect) -> None:
    """Two alike in one transaction by the clock, or with two execution ids: taken. The same id or time twice: refused."""
    ran(engine, "up")
    connection = connect(database)
    connection.execute(SESSION)
    fill = (
        "INSERT INTO fills (order_id, session_id, symbol, side, price, quantity, liquidity{}) "
        "SELECT order_id, session_id, symbol, side, 99, 0.1, 'maker'{} FROM fills WHERE price = 100"
    )
    by_clock = fill.format("", "")
    named = fill.format(", executed_at, execution_id", ", '2030-01-01', %s")
    with connection.transaction():
        connection.execute(by_clock)
        connection.execute(by_clock)
    for name in ("e1", "e2", None):
        connection.execute(named, [name])
    with pytest.raises(psycopg.errors.UniqueViolation, match="fills_order_id_execution_id_key"):
        connection.execute(named, ["e1"])
    with pytest.raises(psycopg.errors.UniqueViolation, match="idx_fills_unique_dedup"):
        connection.execute(named, [None])
    with pytest.raises(psycopg.errors.CheckViolation, match="fills_execution_id_not_blank"):
        connection.execute(named, [" "])
    assert connection.execute("SELECT count(*) FROM fills WHERE price = 99").fetchone() == (5,)
