"""What the database already holds, of which the demo data are made."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.catalog import TableName
from dbops.errors import DbopsError, Refused
from dbops.seeding.demo.model import (
    SECOND,
    TABLES,
    Breaker,
    DemoPlan,
    Instrument,
    Limit,
    Market,
    Provider,
    Quote,
    Rule,
)

if TYPE_CHECKING:
    import psycopg

NUMBERED = ("orders", "fills", "trades", "order_routes", "risk_events", "risk_snapshots")
_READ = (*TABLES, "instruments", "liquidity_providers", "lp_instruments", "routing_rules", "circuit_breakers")
PREFIX = "DM-"  # every account of the demo data has a number that begins so, and no other has

# The order is the same in every database, whatever its collation: which row comes first decides what is drawn.
_UNITS = "({} * 100000000)::bigint"  # a numeric(20,8) as a whole number
_INSTRUMENTS = """
SELECT symbol, asset_class, base_currency, quote_currency, {tick_size}, {lot_size},
    (min_quantity / lot_size)::bigint, (max_quantity / lot_size)::bigint, {contract_size},
    (margin_rate * 100000)::bigint, trading_hours -> 'sessions' = '[]'
FROM public.instruments WHERE status = 'active' ORDER BY symbol COLLATE "C"
"""
_FACTS = tuple(field.name for field in dataclasses.fields(Instrument))[:-1]
# Each session of each day, in UTC.  It ends on the next day where it does not end after it begins.
_HOURS = """
SELECT i.symbol,
    extract(epoch FROM (day + (s ->> 'open')::time) AT TIME ZONE zone)::bigint,
    extract(epoch FROM (
        day + (s ->> 'close')::interval
        + CASE WHEN (s ->> 'close')::interval <= (s ->> 'open')::interval THEN interval '1 day' ELSE interval '0' END
    ) AT TIME ZONE zone)::bigint
FROM public.instruments AS i
CROSS JOIN LATERAL (SELECT i.trading_hours ->> 'timezone') AS z (zone)
CROSS JOIN LATERAL jsonb_array_elements(i.trading_hours -> 'sessions') AS s
CROSS JOIN generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 day') AS day
WHERE i.status = 'active' AND s -> 'days' @> to_jsonb(extract(isodow FROM day)::integer)
ORDER BY i.symbol COLLATE "C", 2
"""
_PROVIDERS = """
SELECT id::text, code, (maker_fee_rate * 100000000)::bigint, (taker_fee_rate * 100000000)::bigint
FROM public.liquidity_providers WHERE status <> 'disabled' ORDER BY code COLLATE "C"
"""
_QUOTES = """
SELECT q.liquidity_provider_id::text, q.symbol, {typical_spread}, {min_quantity}, {max_quantity}
FROM public.lp_instruments AS q JOIN public.liquidity_providers AS p ON p.id = q.liquidity_provider_id
WHERE q.enabled AND p.status <> 'disabled' ORDER BY p.code COLLATE "C", q.symbol COLLATE "C"
"""
_RULES = """
SELECT id::text, priority, asset_class, symbol, {min_quantity}, {max_quantity}, liquidity_provider_id::text, weight
FROM public.routing_rules WHERE enabled AND account_id IS NULL ORDER BY priority, name COLLATE "C"
"""
_LIMITS = """
SELECT id::text, limit_type, symbol, {limit_value}, (warning_percent * 100)::integer, action
FROM public.risk_limits WHERE enabled AND account_id IS NULL ORDER BY limit_type COLLATE "C", symbol COLLATE "C"
"""
_BREAKERS = """
SELECT id::text, asset_class, symbol, {threshold}, window_seconds, cooldown_seconds
FROM public.circuit_breakers WHERE state <> 'disabled' AND trigger_type = 'price_move_percent' ORDER BY name COLLATE "C"
"""
_BUSIEST = """
SELECT u.username FROM public.users AS u JOIN public.accounts AS a ON a.user_id = u.id
JOIN (SELECT account_id, count(*) AS orders FROM public.orders GROUP BY account_id) AS o ON o.account_id = a.id
WHERE u.password_hash = %s AND u.status = 'active' AND a.account_number LIKE %s
GROUP BY u.username ORDER BY sum(o.orders) DESC, u.username COLLATE "C" LIMIT 1
"""


def market(connection: psycopg.Connection[Any], start: int, end: int) -> Market:
    """The market as the fixture sets made it; times in milliseconds since the epoch.

    :raises DbopsError: there are no instruments, or no providers, or no prices in dollars follow from them.
    """
    hours = _hours(connection, start, end)
    instruments = tuple(
        Instrument(
            **dict(zip(_FACTS, row, strict=False)), hours=None if row[-1] else tuple(hours.get(row[0], ()))
        )
        for row in _rows(connection, _INSTRUMENTS)
    )
    providers = tuple(Provider(*row) for row in _rows(connection, _PROVIDERS))
    if not instruments or not providers:
        what = "liquidity providers" if instruments else "instruments"
        raise DbopsError(
            f"the database has no {what}: demo data trade what a fixture set brings",
            hint="bin/seed-test-data dev",
        )
    return Market(
        instruments,
        providers,
        tuple(Quote(*row) for row in _rows(connection, _QUOTES)),
        tuple(Rule(*row) for row in _rows(connection, _RULES)),
        tuple(Limit(*row) for row in _rows(connection, _LIMITS)),
        tuple(Breaker(*row) for row in _rows(connection, _BREAKERS)),
    )


def _hours(connection: psycopg.Connection[Any], start: int, end: int) -> dict[str, list[tuple[int, int]]]:
    epoch = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 - days of any time zone
    margin = datetime.timedelta(days=2)
    around = {
        "first": epoch + datetime.timedelta(milliseconds=start) - margin,
        "last": epoch + datetime.timedelta(milliseconds=end) + margin,
    }
    found: dict[str, list[tuple[int, int]]] = {}
    for symbol, opens, closes in connection.execute(_HOURS, around).fetchall():
        begin, over = opens * SECOND - start, closes * SECOND - start
        spans = found.setdefault(symbol, [])
        if spans and spans[-1][1] >= begin:
            spans[-1] = (spans[-1][0], max(over, spans[-1][1]))
        else:
            spans.append((begin, over))
    return found


def _rows(connection: psycopg.Connection[Any], query: LiteralString) -> list[tuple[Any, ...]]:
    from psycopg import sql

    names = {part.partition("}")[0] for part in query.split("{")[1:]}
    units = {name: sql.SQL(_UNITS).format(sql.Identifier(*name.split("."))) for name in names}
    return connection.execute(sql.SQL(query).format(**units)).fetchall()


def require_tables(connection: psycopg.Connection[Any]) -> None:
    """Return if the schema is the trading engine's.

    :raises DbopsError: a table is missing.
    """
    names = [f"public.{table}" for table in _READ]
    query = "SELECT name FROM unnest(%s::text[]) WITH ORDINALITY AS t (name, at) WHERE to_regclass(name) IS NULL ORDER BY at"
    missing = [row[0] for row in connection.execute(query, (names,))]
    if missing:
        raise DbopsError(
            f"the database has no table {missing[0]}: demo data are for the trading engine's own schema",
            hint="bin/migrate up, or for any other schema: bin/seed-test-data generate",
        )


def refuse_twice(connection: psycopg.Connection[Any]) -> None:
    """Return if there are no demo data yet.

    :raises Refused: there are.
    """
    query = "SELECT count(*) FROM public.accounts WHERE account_number LIKE %s"
    row = connection.execute(query, (f"{PREFIX}%",)).fetchone()
    assert row is not None
    if row[0]:
        raise Refused(
            f"the database has demo data already ({row[0]} accounts)",
            hint="empty the tables first: bin/seed-test-data --scale 1 --truncate",
        )


def first_ids(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """By table the highest number that a row has."""
    from psycopg import sql

    highest = sql.SQL("SELECT coalesce(max(id), 0) FROM {}")
    found = {}
    for table in NUMBERED:
        row = connection.execute(highest.format(sql.Identifier("public", table))).fetchone()
        assert row is not None
        found[table] = row[0]
    return found


def password_hash(connection: psycopg.Connection[Any]) -> str | None:
    """Of the user `demo`, whom a fixture set brings; the clients have the same password."""
    row = connection.execute("SELECT password_hash FROM public.users WHERE username = 'demo'").fetchone()
    return None if row is None else row[0]


def busiest(connection: psycopg.Connection[Any], plan: DemoPlan) -> str | None:
    """The client with the most orders of those who can log in, by user name; None where nobody can."""
    row = connection.execute(_BUSIEST, (plan.password_hash, f"{PREFIX}%")).fetchone()
    return None if row is None else row[0]


def tables() -> tuple[TableName, ...]:
    """The tables that demo data are written to."""
    return tuple(("public", table) for table in TABLES)
