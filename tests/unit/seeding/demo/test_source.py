"""The rows of the demo data without a database: the same bytes everywhere, exact numbers, sums that hold."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbops.seeding.demo import TABLES, DemoSource
from dbops.seeding.demo.execution import MOST_FILLS, WICK
from dbops.seeding.demo.model import BAR
from dbops.seeding.demo.paths import Paths
from tests.unit.seeding.demo.firm import MONDAY, firm, market, read

PINNED = "3820045ed3fdacd5cf3e16a88e535ef4"


@cache
def _rows() -> dict[str, list[dict[str, str]]]:
    return read(DemoSource(firm()))


@cache
def _paths() -> Paths:
    return Paths(firm())


def _bytes(source: DemoSource, blocks: list[int]) -> dict[int, list[tuple[int, int, bytes]]]:
    return {block: list(source.make(block)) for block in blocks}


def _since(text: str) -> int:
    """Milliseconds since the beginning."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    ) - MONDAY


def test_the_same_bytes_for_any_order_of_blocks() -> None:
    """Blocks made backwards by a source that travelled to another process are those made in turn."""
    source = DemoSource(firm())
    made = _bytes(source, [0, 1, 2])
    travelled = pickle.loads(pickle.dumps(source))
    assert _bytes(travelled, [2, 1, 0, 1]) == made


def test_the_bytes_are_pinned() -> None:
    """A small firm has these very bytes, on every machine and Python."""
    source = DemoSource(firm(accounts=12, users=9, sessions=30, orders=300, locales=("de_DE", "ja_JP")))
    digest = hashlib.sha256(b"".join(text for _, _, text in source.make(0)))
    assert digest.hexdigest()[:32] == PINNED


def test_another_seed_gives_other_data() -> None:
    """Of the numbers nothing stays, of the sizes everything."""
    other = read(DemoSource(firm(seed=43)))
    assert len(other["orders"]) == 3000
    assert {row["id"] for row in other["accounts"]}.isdisjoint(row["id"] for row in _rows()["accounts"])


def test_what_was_asked_for_is_made_exactly() -> None:
    """Users, accounts, sessions and orders have the numbers of the plan, and the estimates of the rest are near."""
    plan, rows = firm(), _rows()
    assert {table: len(rows[table]) for table in ("users", "accounts", "sessions", "orders")} == {
        "users": 70, "accounts": 90, "sessions": 300, "orders": 3000,
    }  # fmt: skip
    assert set(plan.rows) == set(TABLES)
    for table in ("fills", "trades", "order_routes", "positions", "risk_snapshots", "audit_log"):
        assert plan.rows[table] / 2 < len(rows[table]) < plan.rows[table] * 2, table


@settings(max_examples=12, deadline=None)
@given(
    accounts=st.integers(1, 130),
    users=st.integers(1, 200),
    sessions=st.integers(0, 100),
    orders=st.integers(1, 700),
)
def test_any_sizes_come_out(accounts: int, users: int, sessions: int, orders: int) -> None:
    """However the sizes lie to each other: exact counts, unique keys, and parents that come before."""
    plan = firm(accounts=accounts, users=users, sessions=accounts + sessions, orders=orders, fast=False)
    rows = read(DemoSource(plan))
    assert (len(rows["users"]), len(rows["accounts"])) == (users, accounts)
    assert (len(rows["sessions"]), len(rows["orders"])) == (accounts + sessions, orders)
    for table in rows:
        assert not [id_ for id_, count in Counter(row["id"] for row in rows[table]).items() if count > 1], (
            table
        )
    known: set[str] = set()
    source = DemoSource(plan)
    for block in range(source.blocks):
        for index, _, text in source.make(block):
            lines = [line.split("\t") for line in text.decode().splitlines()]
            if index == 1:
                assert all(line[1] in known for line in lines)
            known |= {line[0] for line in lines}


def test_balances_and_positions_add_up() -> None:
    """By decimal arithmetic of Python's own: balance = initial + net results, positions = fills, results = trades'."""
    rows = _rows()
    net: dict[str, Decimal] = defaultdict(Decimal)
    pnl: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows["trades"]:
        net[row["account_id"]] += Decimal(row["realized_pnl"]) - Decimal(row["fees"])
        pnl[row["account_id"], row["symbol"]] += Decimal(row["realized_pnl"])
    for row in rows["accounts"]:
        assert Decimal(row["balance"]) == Decimal(row["initial_balance"]) + net[row["id"]]
    account = {row["id"]: row["account_id"] for row in rows["orders"]}
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows["fills"]:
        sign = 1 if row["side"] == "buy" else -1
        held[account[row["order_id"]], row["symbol"]] += sign * Decimal(row["quantity"])
    positions = {(row["account_id"], row["symbol"]): row for row in rows["positions"]}
    assert {key: Decimal(row["net_quantity"]) for key, row in positions.items()} == held
    assert all(Decimal(row["realized_pnl"]) == pnl[key] for key, row in positions.items())
    assert any(held.values())
    assert not all(held.values())


def test_fills_follow_the_path() -> None:
    """Each fill is at a price that the path had within that bar, give or take the spread and a slip."""
    tapes = {tape.instrument.symbol: tape for tape in _paths().tapes}
    seen = set()
    for row in _rows()["fills"]:
        tape = tapes[row["symbol"]]
        bar = _since(row["executed_at"]) // BAR
        ticks = int(Decimal(row["price"]) * 10**8) // tape.instrument.tick
        low, high = sorted((tape.closes[bar - 1], tape.closes[bar]))
        reach = tape.half_spread + WICK
        assert low - reach <= ticks <= high + reach
        assert tape.busy[bar] > tape.busy[bar - 1], "filled while closed"
        seen.add(row["symbol"])
    assert seen == set(tapes)


def test_limits_and_stops_keep_their_word() -> None:
    """A limit is never filled at a worse price, a stop never before the price was there; markets mostly slip."""
    rows = _rows()
    orders = {row["id"]: row for row in rows["orders"]}
    slipped = 0
    for fill in rows["fills"]:
        order, price = orders[fill["order_id"]], Decimal(fill["price"])
        sign = 1 if fill["side"] == "buy" else -1
        if order["limit_price"] != "\\N":
            assert sign * (Decimal(order["limit_price"]) - price) >= 0
        if order["stop_price"] != "\\N":
            assert sign * (price - Decimal(order["stop_price"])) >= 0
        slipped += order["average_fill_price"] != fill["price"]
    assert slipped > 50


def test_orders_of_all_kinds_and_ends() -> None:
    """All types, times in force and states are there, partial fills too, and open orders only at the end."""
    orders = _rows()["orders"]
    assert {row["order_type"] for row in orders} == {"market", "limit", "stop", "stop_limit"}
    assert {row["time_in_force"] for row in orders} == {"gtc", "gtd", "day", "ioc", "fok"}
    states = Counter(row["status"] for row in orders)
    assert {"filled", "cancelled", "rejected", "expired", "open"} <= set(states)
    assert max(states, key=lambda state: states[state]) == "filled"
    parts = Counter(row["order_id"] for row in _rows()["fills"])
    assert max(parts.values()) == MOST_FILLS
    partly = [row for row in orders if row["filled_quantity"] not in {"0.00000000", row["quantity"]}]
    assert partly
    end = firm().end
    for row in orders:
        assert _since(row["updated_at"]) <= end
        if row["status"] in {"open", "pending", "partially_filled"}:
            assert _since(row["placed_at"]) > end - 4 * 24 * 12 * BAR


def test_trades_come_after_their_orders() -> None:
    """Opened after the entry order was placed, closed after the exit order was; first in, first out."""
    placed = {row["id"]: row["placed_at"] for row in _rows()["orders"]}
    last: dict[tuple[str, str], str] = {}
    for row in _rows()["trades"]:
        assert placed[row["entry_order_id"]] <= row["opened_at"] <= row["closed_at"]
        assert placed[row["exit_order_id"]] <= row["closed_at"]
        key = row["account_id"], row["symbol"]
        assert last.get(key, "") <= row["opened_at"]
        last[key] = row["opened_at"]


def test_breakers_trip_where_the_path_moves_so_far() -> None:
    """Each trip has its move, the price stands still for the cooldown, and where none tripped nothing moved so far."""
    paths = _paths()
    tapes = {tape.instrument.symbol: tape for tape in paths.tapes}
    assert {trip.breaker.id for trip in paths.trips} == {"b1", "b2"}
    halted: dict[str, set[int]] = defaultdict(set)
    for trip in paths.trips:
        path = tapes[trip.symbol].closes
        move = Decimal(abs(path[trip.bar] - path[trip.bar - 1]) * 100) / path[trip.bar - 1]
        seconds = min(trip.breaker.window, 300)
        assert round(move * seconds / 300, 8) * 10**8 == trip.observed > trip.breaker.threshold
        bars = range(trip.bar, trip.bar + 1 + trip.bars)
        assert len({path[bar] for bar in bars}) == 1
        halted[trip.symbol] |= {*bars, trip.bar + 1 + trip.bars}
    path = tapes["BTC/USD"].closes
    for bar in range(1, firm().end // BAR):
        if bar not in halted["BTC/USD"]:
            assert abs(path[bar] - path[bar - 1]) * 125 <= path[bar - 1]
    rows = [row for row in _rows()["risk_events"] if row["event_type"] == "trip"]
    assert [row["circuit_breaker_id"] for row in rows] == [trip.breaker.id for trip in paths.trips]


def test_prices_rest_while_the_market_is_closed() -> None:
    """On a weekend forex keeps its price, crypto does not; and in the hours of an exchange an index moves."""
    tapes = {tape.instrument.symbol: tape for tape in _paths().tapes}
    day = 24 * 12
    saturday = slice(5 * day, 7 * day)
    assert len(set(tapes["EUR/USD"].closes[saturday])) == 1
    assert len(set(tapes["BTC/USD"].closes[saturday])) > 100
    index = tapes["UK100"].closes
    assert len(set(index[: 8 * 12])) == 1
    assert len(set(index[8 * 12 : 16 * 12])) > 20
    assert len(set(index[16 * 12 : day])) == 1


def test_a_day_moves_as_its_class_does() -> None:
    """Over six weeks crypto moves several times as far in a day as forex, and no price runs away."""
    moves = {}
    for tape in _paths().tapes:
        ends = tape.closes[24 * 12 - 1 :: 24 * 12]
        steps = [abs(after - before) / before for before, after in pairwise(ends)]
        moves[tape.instrument.symbol] = sum(steps) / len(steps)
        assert 0.2 < ends[-1] / ends[0] < 5
    assert moves["BTC/USD"] > 3 * moves["EUR/USD"]


def test_large_orders_are_refused_and_told() -> None:
    """Above the limit an order is rejected with a breach, near it there is a warning, and otherwise nothing."""
    rows = _rows()
    told = {row["order_id"]: row for row in rows["risk_events"] if row["risk_limit_id"] == "l1"}
    assert told
    for row in rows["orders"]:
        if row["symbol"] == "EUR/USD":
            quantity = Decimal(row["quantity"])
            event = told.pop(row["id"], None)
            assert (event is not None) == (quantity >= 4)
            if event and quantity > 5:
                assert (row["status"], event["event_type"], event["action_taken"]) == (
                    "rejected",
                    "breach",
                    "blocked",
                )
    assert not told


def test_people_are_of_the_locales() -> None:
    """With --locale the clients live there and nowhere else."""
    rows = read(DemoSource(firm(locales=("de_DE", "ja_JP"))))
    assert {row["country"] for row in rows["users"]} == {"DE", "JP"}
    assert {row["timezone"] for row in rows["users"]} == {"Europe/Berlin", "Asia/Tokyo"}
    assert {row["currency"] for row in rows["accounts"]} == {"EUR", "USD"}


def test_ids_begin_after_those_that_are_there() -> None:
    """Where the tables have numbered rows, new numbers begin behind them, and references follow."""
    rows = read(DemoSource(dataclasses.replace(firm(), first_ids={"orders": 1000, "fills": 5})))
    assert rows["orders"][0]["id"] == "1001"
    assert {row["order_id"] for row in rows["fills"]} <= {row["id"] for row in rows["orders"]}
    assert min(int(row["id"]) for row in rows["fills"]) >= 6


@pytest.mark.parametrize("instruments", [1, 2])
def test_a_small_market_will_do(instruments: int) -> None:
    """One instrument alone, or two, are traded as well."""
    small = dataclasses.replace(market(), instruments=market().instruments[:instruments])
    rows = read(DemoSource(firm(market=small, accounts=45)))
    assert len(rows["orders"]) == 3000
    assert rows["trades"]
