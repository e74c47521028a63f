"""What must hold in the trading engine's tables, as queries that find what does not.

Each query has one column, which names a row that breaks the rule.
"""

from __future__ import annotations

# By fill and by trade whose account and contract they are.
_FILLS = """
SELECT f.*, o.account_id, CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END AS signed
FROM public.fills AS f JOIN public.orders AS o ON o.id = f.order_id
"""

# Of the limits that match an account, the narrowest by type and symbol; level 1 is a warning, 2 a breach.
_LIMITS = """
SELECT DISTINCT ON (a.id, l.limit_type, l.symbol)
    a.id AS account_id, l.id, l.limit_type, l.symbol, l.limit_value, l.action,
    l.limit_value * l.warning_percent / 100 AS near
FROM public.accounts AS a
JOIN public.risk_limits AS l ON l.enabled AND (l.account_id = a.id OR l.account_id IS NULL)
ORDER BY a.id, l.limit_type, l.symbol, l.account_id NULLS LAST
"""
_LEVEL = "CASE WHEN {0} > limit_value THEN 2 WHEN {0} >= near THEN 1 ELSE 0 END"


def _same_events(expected: str, kinds: str) -> str:
    """A query for events of these limit types that should be there and are not, or the other way round.

    :param expected: a query for limit, account, time, level and observed value.
    """
    return f"""
    WITH effective AS ({_LIMITS}), expected AS ({expected}), there AS (
        SELECT e.risk_limit_id, e.account_id, e.occurred_at,
            CASE e.event_type WHEN 'breach' THEN 2 ELSE 1 END, e.observed_value
        FROM public.risk_events AS e JOIN public.risk_limits AS l ON l.id = e.risk_limit_id
        WHERE l.limit_type IN ({kinds})
    )
    SELECT format('%s of account %s at %s', what, account_id, at) FROM (
        SELECT 'missing: limit ' || id, account_id, at FROM (
            TABLE expected EXCEPT ALL TABLE there
        ) AS m (id, account_id, at, level, observed)
        UNION ALL
        SELECT 'not due: limit ' || id, account_id, at FROM (
            TABLE there EXCEPT ALL TABLE expected
        ) AS n (id, account_id, at, level, observed)
    ) AS d (what, account_id, at)
    """


def _risen(measured: str, partition: str, order: str) -> str:
    """Of measurements those whose level is above the one before."""
    return f"""
    SELECT id, account_id, at, level, observed FROM (
        SELECT *, lag(level, 1, 0) OVER (PARTITION BY {partition} ORDER BY {order}) AS before FROM (
            SELECT *, {_LEVEL.format("observed")} AS level FROM ({measured}) AS measured
        ) AS levels
    ) AS steps WHERE level > before
    """


_ORDER_EVENTS = f"""
SELECT e.id, o.account_id, o.placed_at, {_LEVEL.format("o.quantity")}, o.quantity
FROM public.orders AS o JOIN effective AS e
    ON e.account_id = o.account_id AND e.symbol = o.symbol AND e.limit_type = 'max_order_quantity'
WHERE o.quantity >= e.near OR o.quantity > e.limit_value
"""

_POSITION_EVENTS = _risen(
    f"""
    SELECT e.*, f.executed_at AS at, f.id AS number,
        abs(sum(f.signed) OVER (PARTITION BY f.account_id, f.symbol ORDER BY f.executed_at, f.id)) AS observed
    FROM ({_FILLS}) AS f JOIN effective AS e
        ON e.account_id = f.account_id AND e.symbol = f.symbol AND e.limit_type = 'max_position_quantity'
    """,
    "id, account_id",
    "at, number",
)

_LOSS_EVENTS = _risen(
    """
    SELECT e.*, t.closed_at AS at, t.id AS number, (t.closed_at AT TIME ZONE 'UTC')::date AS day, -sum(t.net_pnl) OVER (
        PARTITION BY t.account_id, (t.closed_at AT TIME ZONE 'UTC')::date ORDER BY t.closed_at, t.id
    ) AS observed
    FROM public.trades AS t JOIN effective AS e ON e.account_id = t.account_id AND e.limit_type = 'max_daily_loss'
    """,
    "id, account_id, day",
    "at, number",
)

_SNAPSHOT_EVENTS = _risen(
    """
    SELECT e.*, s.taken_at AS at, CASE e.limit_type
        WHEN 'max_notional' THEN s.gross_notional
        WHEN 'max_drawdown_percent' THEN s.drawdown_percent
        WHEN 'max_leverage' THEN round(s.gross_notional / greatest(s.equity, 1), 8)
        ELSE s.open_orders
    END AS observed
    FROM public.risk_snapshots AS s JOIN effective AS e ON e.account_id = s.account_id AND e.symbol IS NULL
        AND e.limit_type IN ('max_notional', 'max_drawdown_percent', 'max_leverage', 'max_open_orders')
    """,
    "id, account_id",
    "at",
)

_HOURS = """
SELECT i.symbol, range_agg(tstzrange(
    (day + (s ->> 'open')::time) AT TIME ZONE zone,
    (day + (s ->> 'close')::interval + CASE
        WHEN (s ->> 'close')::interval <= (s ->> 'open')::interval THEN interval '1 day' ELSE interval '0'
    END) AT TIME ZONE zone
)) AS open
FROM public.instruments AS i
CROSS JOIN LATERAL (SELECT i.trading_hours ->> 'timezone') AS z (zone)
CROSS JOIN LATERAL jsonb_array_elements(i.trading_hours -> 'sessions') AS s
CROSS JOIN LATERAL (
    SELECT (min(placed_at) AT TIME ZONE 'UTC')::date - 2, (max(placed_at) AT TIME ZONE 'UTC')::date + 2 FROM public.orders
) AS history (first, last)
CROSS JOIN LATERAL generate_series(first::timestamp, last::timestamp, interval '1 day') AS day
WHERE s -> 'days' @> to_jsonb(extract(isodow FROM day)::integer)
GROUP BY i.symbol
"""

CHECKS: tuple[tuple[str, str], ...] = (
    ("a balance is the initial one and the net result of all trades", """
        SELECT a.account_number FROM public.accounts AS a
        LEFT JOIN (SELECT account_id, sum(net_pnl) AS net FROM public.trades GROUP BY 1) AS t ON t.account_id = a.id
        WHERE a.balance <> a.initial_balance + coalesce(t.net, 0)"""),
    ("a position is the sum of its fills", f"""
        SELECT format('account %s, %s', coalesce(p.account_id, f.account_id), coalesce(p.symbol, f.symbol))
        FROM public.positions AS p
        FULL JOIN (SELECT account_id, symbol, sum(signed) AS net FROM ({_FILLS}) AS f GROUP BY 1, 2) AS f
            ON f.account_id = p.account_id AND f.symbol = p.symbol
        WHERE p.net_quantity IS DISTINCT FROM f.net"""),
    ("a position's result is the sum of its trades'", """
        SELECT format('account %s, %s', p.account_id, p.symbol) FROM public.positions AS p
        LEFT JOIN (SELECT account_id, symbol, sum(realized_pnl) AS pnl FROM public.trades GROUP BY 1, 2) AS t
            ON t.account_id = p.account_id AND t.symbol = p.symbol
        WHERE p.realized_pnl <> coalesce(t.pnl, 0)"""),
    # First in, first out: what is open are the newest fills of the position's side.
    ("a position's price is the mean of what was opened last", f"""
        SELECT format('account %s, %s', account_id, symbol) FROM (
            SELECT p.account_id, p.symbol, p.average_price, abs(p.net_quantity) AS net, f.price, f.quantity,
                sum(f.quantity) OVER (PARTITION BY p.id ORDER BY f.executed_at DESC, f.id DESC) AS newer
            FROM public.positions AS p JOIN ({_FILLS}) AS f
                ON f.account_id = p.account_id AND f.symbol = p.symbol AND f.signed * p.net_quantity > 0
        ) AS l WHERE newer - quantity < net
        GROUP BY account_id, symbol, average_price, net
        HAVING average_price <> round(sum(price * least(quantity, net - (newer - quantity))) / net, 8)"""),
    ("an order's filled quantity is the sum of its fills", """
        SELECT o.id::text FROM public.orders AS o
        LEFT JOIN (SELECT order_id, sum(quantity) AS done FROM public.fills GROUP BY 1) AS f ON f.order_id = o.id
        WHERE o.filled_quantity <> coalesce(f.done, 0)"""),
    ("an order's average price is the mean of its fills", """
        SELECT o.id::text FROM public.orders AS o JOIN (
            SELECT order_id, round(sum(price * quantity) / sum(quantity), 8) AS mean FROM public.fills GROUP BY 1
        ) AS f ON f.order_id = o.id WHERE o.average_fill_price IS DISTINCT FROM f.mean"""),
    ("fills are within the life of their order, and at its price or better", """
        SELECT f.id::text FROM public.fills AS f JOIN public.orders AS o ON o.id = f.order_id
        WHERE f.executed_at < o.placed_at OR f.executed_at > o.updated_at OR f.executed_at > o.expires_at
            OR (o.side = 'buy' AND f.price > o.limit_price) OR (o.side = 'sell' AND f.price < o.limit_price)"""),
    ("no order outlives its session, and each trades one of its pairs", """
        SELECT o.id::text FROM public.orders AS o JOIN public.sessions AS s ON s.id = o.session_id
        WHERE o.placed_at < s.started_at OR o.updated_at > s.ended_at
            OR (s.ended_at IS NOT NULL AND o.status IN ('pending', 'open', 'partially_filled'))
            OR (s.pair_count > 0 AND o.symbol IS DISTINCT FROM s.pairs ->> o.pair_index)"""),
    ("no trade precedes its orders", """
        SELECT t.id::text FROM public.trades AS t
        JOIN public.orders AS entry ON entry.id = t.entry_order_id JOIN public.orders AS exit ON exit.id = t.exit_order_id
        WHERE t.opened_at < entry.placed_at OR t.closed_at < exit.placed_at"""),
    ("a trade is made of two fills", """
        SELECT t.id::text FROM public.trades AS t
        WHERE NOT EXISTS (SELECT FROM public.fills AS f WHERE f.order_id = t.entry_order_id
                AND f.executed_at = t.opened_at AND f.price = t.entry_price AND f.quantity >= t.quantity)
            OR NOT EXISTS (SELECT FROM public.fills AS f WHERE f.order_id = t.exit_order_id
                AND f.executed_at = t.closed_at AND f.price = t.exit_price AND f.quantity >= t.quantity)"""),
    ("what trades close was filled, and what was filled is closed or open", f"""
        SELECT format('account %s, %s', account_id, symbol) FROM (
            SELECT account_id, symbol, 2 * quantity AS closed, 0 AS filled FROM public.trades
            UNION ALL SELECT account_id, symbol, abs(net_quantity), 0 FROM public.positions
            UNION ALL SELECT account_id, symbol, 0, quantity FROM ({_FILLS}) AS f
        ) AS u GROUP BY account_id, symbol HAVING sum(closed) <> sum(filled)"""),
    ("a trade's result follows from its prices", """
        SELECT t.id::text FROM public.trades AS t
        JOIN public.instruments AS i ON i.symbol = t.symbol JOIN public.accounts AS a ON a.id = t.account_id
        WHERE t.realized_pnl <> round(CASE t.direction WHEN 'long' THEN 1 ELSE -1 END
                * (t.exit_price - t.entry_price) * t.quantity * i.contract_size * t.conversion_rate, 8)
            OR (i.quote_currency = a.currency AND t.conversion_rate <> 1)"""),
    ("the fees of what is closed are the fees of its fills", f"""
        SELECT format('account %s, %s', p.account_id, p.symbol) FROM public.positions AS p
        JOIN (SELECT account_id, symbol, sum(fee) AS fee FROM ({_FILLS}) AS f GROUP BY 1, 2) AS f
            ON f.account_id = p.account_id AND f.symbol = p.symbol
        LEFT JOIN (SELECT account_id, symbol, sum(fees) AS fee FROM public.trades GROUP BY 1, 2) AS t
            ON t.account_id = p.account_id AND t.symbol = p.symbol
        WHERE p.net_quantity = 0 AND f.fee <> coalesce(t.fee, 0)"""),
    ("nothing is ordered or filled outside the trading hours", f"""
        WITH hours AS MATERIALIZED ({_HOURS})
        SELECT format('order %s', o.id) FROM public.orders AS o JOIN hours AS h ON h.symbol = o.symbol
        WHERE NOT o.placed_at <@ h.open
        UNION ALL SELECT format('fill %s', f.id) FROM public.fills AS f JOIN hours AS h ON h.symbol = f.symbol
        WHERE NOT f.executed_at <@ h.open"""),
    ("nothing is ordered or filled while a circuit breaker halts it", """
        SELECT format('%s at %s', u.symbol, u.at) FROM public.risk_events AS e
        JOIN public.circuit_breakers AS b ON b.id = e.circuit_breaker_id
        JOIN public.instruments AS i ON coalesce(b.symbol, i.symbol) = i.symbol
            AND coalesce(b.asset_class, i.asset_class) = i.asset_class
        JOIN LATERAL (
            SELECT o.symbol, o.placed_at FROM public.orders AS o WHERE o.symbol = i.symbol
                AND o.placed_at >= e.occurred_at AND o.placed_at < e.occurred_at + b.cooldown_seconds * interval '1 second'
            UNION ALL SELECT f.symbol, f.executed_at FROM public.fills AS f WHERE f.symbol = i.symbol
                AND f.executed_at >= e.occurred_at AND f.executed_at < e.occurred_at + b.cooldown_seconds * interval '1 second'
        ) AS u (symbol, at) ON true"""),
    ("a circuit breaker knows when it last tripped", """
        SELECT b.name FROM public.circuit_breakers AS b JOIN (
            SELECT circuit_breaker_id, max(occurred_at) AS last FROM public.risk_events GROUP BY 1
        ) AS e ON e.circuit_breaker_id = b.id WHERE b.tripped_at IS DISTINCT FROM e.last"""),
    ("a closed account holds nothing and orders nothing", """
        SELECT a.account_number FROM public.accounts AS a WHERE a.status = 'closed' AND (
            EXISTS (SELECT FROM public.positions AS p WHERE p.account_id = a.id AND p.net_quantity <> 0)
            OR EXISTS (SELECT FROM public.orders AS o WHERE o.account_id = a.id
                AND (o.updated_at > a.closed_at OR o.status IN ('pending', 'open', 'partially_filled'))))"""),
    ("users come before their accounts, and accounts before their sessions", """
        SELECT a.account_number FROM public.accounts AS a JOIN public.users AS u ON u.id = a.user_id
        WHERE a.opened_at < u.created_at AND EXISTS (SELECT FROM public.orders AS o WHERE o.account_id = a.id)
        UNION ALL SELECT a.account_number FROM public.sessions AS s JOIN public.accounts AS a ON a.id = s.account_id
        WHERE s.started_at < a.opened_at"""),
    ("an order that was filled went to a provider", """
        SELECT o.id::text FROM public.orders AS o WHERE o.filled_quantity > 0
            AND EXISTS (SELECT FROM public.lp_instruments AS q WHERE q.symbol = o.symbol AND q.enabled)
            AND NOT EXISTS (SELECT FROM public.order_routes AS r WHERE r.order_id = o.id AND r.status = 'accepted')"""),
    ("a snapshot has the balance and the drawdown of its time", """
        SELECT format('account %s at %s', account_id, taken_at) FROM (
            SELECT s.*, a.initial_balance + coalesce(t.net, 0) AS due,
                greatest(a.initial_balance, max(s.equity) OVER (PARTITION BY s.account_id ORDER BY s.taken_at)) AS peak
            FROM public.risk_snapshots AS s JOIN public.accounts AS a ON a.id = s.account_id
            LEFT JOIN LATERAL (SELECT sum(t.net_pnl) AS net FROM public.trades AS t
                WHERE t.account_id = s.account_id AND t.closed_at < s.taken_at) AS t ON true
        ) AS s WHERE balance <> due
            OR drawdown_percent <> least(round((peak - equity) * 100 / peak, 4), 999.9999)"""),
    ("every order that is too large is told, and refused where the limit blocks", _same_events(
        _ORDER_EVENTS, "'max_order_quantity'") + f"""
        UNION ALL SELECT format('order %s is not refused', o.id) FROM public.orders AS o JOIN ({_LIMITS}) AS e
            ON e.account_id = o.account_id AND e.symbol = o.symbol AND e.limit_type = 'max_order_quantity'
        WHERE o.quantity > e.limit_value AND e.action <> 'warn' AND o.status <> 'rejected'"""),
    ("every position that is too large is told",
        _same_events(_POSITION_EVENTS, "'max_position_quantity'")),
    ("every daily loss that is too large is told", _same_events(_LOSS_EVENTS, "'max_daily_loss'")),
    ("every snapshot above a limit is told", _same_events(
        _SNAPSHOT_EVENTS, "'max_notional', 'max_drawdown_percent', 'max_leverage', 'max_open_orders'")),
    ("an event is resolved by those who watch the risk", """
        SELECT e.id::text FROM public.risk_events AS e JOIN public.users AS u ON u.id = e.resolved_by
        WHERE u.role NOT IN ('risk_officer', 'admin')"""),
    ("the audit trail has every new user, account, session and limit", """
        SELECT format('%s %s', name, id) FROM (
            SELECT 'users', id::text FROM public.users UNION ALL SELECT 'accounts', id::text FROM public.accounts
            UNION ALL SELECT 'sessions', id::text FROM public.sessions
            UNION ALL SELECT 'risk_limits', id::text FROM public.risk_limits
        ) AS r (name, id) WHERE NOT EXISTS (SELECT FROM public.audit_log AS a
            WHERE a.table_name = r.name AND a.row_id = r.id AND a.operation = 'INSERT')"""),
)  # fmt: skip
