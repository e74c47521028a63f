"""A market without a database, and demo data read back from their COPY text."""

from __future__ import annotations

from typing import Any

from dbops.seeding.demo import DemoPlan, DemoSource
from dbops.seeding.demo.model import (
    DAY,
    E8,
    Breaker,
    Instrument,
    Limit,
    Market,
    Provider,
    Quote,
    Rule,
)

HOUR = DAY // 24
MONDAY = 20_458 * DAY  # 2026-01-05
DAYS = 42


def _week(days: int, opens: int, closes: int) -> tuple[tuple[int, int], ...]:
    """Five days a week, beginning with the first, from one hour to another."""
    return tuple((day * DAY + opens * HOUR, day * DAY + closes * HOUR) for day in range(days) if day % 7 < 5)


def market() -> Market:
    """Four instruments, two providers, limits that are broken, breakers that trip."""
    half = E8 // 2
    return Market(
        instruments=(
            Instrument("BTC/USD", "crypto", "BTC", "USD", E8 // 100, E8 // 10_000, 1, 500_000, E8, 50_000, None),
            Instrument("EUR/USD", "forex", "EUR", "USD", 1000, E8 // 100, 1, 50_000, E8 * 100_000, 3_333,
                       _week(DAYS + 1, 0, 24)),
            Instrument("UK100", "indices", None, "GBP", E8 // 10, E8 // 10, 1, 5_000, E8, 5_000,
                       _week(DAYS + 1, 8, 16)),
            Instrument("GBP/USD", "forex", "GBP", "USD", 1000, E8 // 100, 1, 50_000, E8 * 100_000, 3_333,
                       _week(DAYS + 1, 0, 24)),
        ),
        providers=(Provider("p1", "BANK", -500, 2000), Provider("p2", "BOOK", 0, 0)),
        quotes=(
            Quote("p1", "EUR/USD", 10_000, 1, 10**14), Quote("p2", "EUR/USD", 12_000, 1, 10**14),
            Quote("p1", "GBP/USD", 14_000, 1, 10**14), Quote("p2", "BTC/USD", 12 * E8, 1, 10**14),
            Quote("p1", "UK100", E8, 1, 10**14),
        ),
        rules=(
            Rule("r1", 10, "forex", None, half, None, "p1", 70), Rule("r2", 10, "forex", None, half, None, "p2", 30),
            Rule("r3", 99, None, None, None, None, "p2", 100),
        ),
        limits=(
            Limit("l1", "max_order_quantity", "EUR/USD", 5 * E8, 8000, "block"),
            Limit("l2", "max_leverage", None, 3 * E8, 8000, "block"),
        ),
        breakers=(Breaker("b1", "crypto", None, E8 * 8 // 10, 300, 600), Breaker("b2", None, "EUR/USD", E8 // 5, 60, 300)),
    )  # fmt: skip


def firm(**changed: Any) -> DemoPlan:
    """A plan of two blocks and a bit, six weeks from a Monday on, to the noon of a Friday."""
    values: dict[str, Any] = {
        "seed": 42, "as_of": MONDAY + (DAYS - 3) * DAY + 12 * HOUR, "start": MONDAY, "users": 70, "accounts": 90, "sessions": 300,
        "orders": 3000, "locales": ("en_GB", "de_DE"), "fast": True, "market": market(), "first_ids": {},
    }  # fmt: skip
    return DemoPlan(**{**values, **changed})


def read(source: DemoSource) -> dict[str, list[dict[str, str]]]:
    """All rows, by table, each by column as text."""
    found: dict[str, list[dict[str, str]]] = {one.table[1]: [] for one in source.destinations}
    for block in range(source.blocks):
        for index, count, text in source.make(block):
            destination = source.destinations[index]
            lines = text.decode().splitlines()
            assert len(lines) == count
            found[destination.table[1]] += [
                dict(zip(destination.columns, line.split("\t"), strict=True)) for line in lines
            ]
    return found
