-- Migration: 006_refresh_helpers
-- Description: Materialized views for reports, and functions that refresh them without blocking readers
-- Author: dbops maintainers
-- Date: 2026-11-21

-- ============================================================================
-- UP Migration
-- ============================================================================

-- Every view has a unique index on plain columns: REFRESH ... CONCURRENTLY needs it.
-- Days are days in UTC, whatever the time zone of whoever refreshes.

-- ---------------------------------------------------------------------------
-- v_daily_pnl
-- ---------------------------------------------------------------------------

CREATE MATERIALIZED VIEW IF NOT EXISTS v_daily_pnl AS
SELECT
    t.account_id,
    (t.closed_at AT TIME ZONE 'UTC')::date AS trade_date,
    a.currency,
    count(*) AS trade_count,
    count(*) FILTER (WHERE t.net_pnl > 0) AS winning_trades,
    count(*) FILTER (WHERE t.net_pnl < 0) AS losing_trades,
    sum(t.realized_pnl) AS realized_pnl,
    sum(t.fees) AS fees,
    sum(t.net_pnl) AS net_pnl
FROM trades AS t
JOIN accounts AS a ON a.id = t.account_id
GROUP BY t.account_id, (t.closed_at AT TIME ZONE 'UTC')::date, a.currency;

CREATE UNIQUE INDEX IF NOT EXISTS idx_v_daily_pnl_account_date ON v_daily_pnl (account_id, trade_date);
CREATE INDEX IF NOT EXISTS idx_v_daily_pnl_date ON v_daily_pnl (trade_date);

COMMENT ON MATERIALIZED VIEW v_daily_pnl IS 'Result of each account on each day, by the time of closing';
COMMENT ON COLUMN v_daily_pnl.account_id IS 'Account';
COMMENT ON COLUMN v_daily_pnl.trade_date IS 'Day in UTC';
COMMENT ON COLUMN v_daily_pnl.currency IS 'Currency of the amounts';
COMMENT ON COLUMN v_daily_pnl.trade_count IS 'Trades closed';
COMMENT ON COLUMN v_daily_pnl.winning_trades IS 'Of these, with a net profit';
COMMENT ON COLUMN v_daily_pnl.losing_trades IS 'Of these, with a net loss';
COMMENT ON COLUMN v_daily_pnl.realized_pnl IS 'Profit before fees';
COMMENT ON COLUMN v_daily_pnl.fees IS 'Fees';
COMMENT ON COLUMN v_daily_pnl.net_pnl IS 'Profit after fees';

-- ---------------------------------------------------------------------------
-- v_daily_volume
-- ---------------------------------------------------------------------------

CREATE MATERIALIZED VIEW IF NOT EXISTS v_daily_volume AS
SELECT
    f.symbol,
    (f.executed_at AT TIME ZONE 'UTC')::date AS trade_date,
    count(*) AS fill_count,
    count(*) FILTER (WHERE f.liquidity = 'maker') AS maker_fill_count,
    sum(f.quantity) AS quantity,
    sum(f.quantity * f.price) / sum(f.quantity) AS vwap,
    min(f.price) AS low_price,
    max(f.price) AS high_price,
    sum(f.quantity * f.price) * i.contract_size AS notional
FROM fills AS f
JOIN instruments AS i ON i.symbol = f.symbol
GROUP BY f.symbol, (f.executed_at AT TIME ZONE 'UTC')::date, i.contract_size;

CREATE UNIQUE INDEX IF NOT EXISTS idx_v_daily_volume_symbol_date ON v_daily_volume (symbol, trade_date);

COMMENT ON MATERIALIZED VIEW v_daily_volume IS 'What was executed in each instrument on each day';
COMMENT ON COLUMN v_daily_volume.symbol IS 'Instrument';
COMMENT ON COLUMN v_daily_volume.trade_date IS 'Day in UTC';
COMMENT ON COLUMN v_daily_volume.fill_count IS 'Fills';
COMMENT ON COLUMN v_daily_volume.maker_fill_count IS 'Of these, as maker';
COMMENT ON COLUMN v_daily_volume.quantity IS 'Quantity executed, both sides';
COMMENT ON COLUMN v_daily_volume.vwap IS 'Mean price weighted by quantity';
COMMENT ON COLUMN v_daily_volume.low_price IS 'Lowest price of a fill';
COMMENT ON COLUMN v_daily_volume.high_price IS 'Highest price of a fill';
COMMENT ON COLUMN v_daily_volume.notional IS 'Value executed, in the instrument''s quote currency';

-- ---------------------------------------------------------------------------
-- v_session_performance
-- ---------------------------------------------------------------------------

-- Orders and trades are added up before the join, or they would multiply.
CREATE MATERIALIZED VIEW IF NOT EXISTS v_session_performance AS
SELECT
    s.id AS session_id,
    s.account_id,
    s.symbol,
    s.strategy,
    s.status,
    coalesce(o.order_count, 0) AS order_count,
    coalesce(o.filled_count, 0) AS filled_count,
    coalesce(o.rejected_count, 0) AS rejected_count,
    coalesce(t.trade_count, 0) AS trade_count,
    coalesce(t.winning_trades, 0) AS winning_trades,
    coalesce(t.net_pnl, 0) AS net_pnl
FROM sessions AS s
LEFT JOIN (
    SELECT
        session_id,
        count(*) AS order_count,
        count(*) FILTER (WHERE status = 'filled') AS filled_count,
        count(*) FILTER (WHERE status = 'rejected') AS rejected_count
    FROM orders
    GROUP BY session_id
) AS o ON o.session_id = s.id
LEFT JOIN (
    SELECT
        session_id,
        count(*) AS trade_count,
        count(*) FILTER (WHERE net_pnl > 0) AS winning_trades,
        sum(net_pnl) AS net_pnl
    FROM trades
    GROUP BY session_id
) AS t ON t.session_id = s.id;

CREATE UNIQUE INDEX IF NOT EXISTS idx_v_session_performance_session ON v_session_performance (session_id);
CREATE INDEX IF NOT EXISTS idx_v_session_performance_account ON v_session_performance (account_id);

COMMENT ON MATERIALIZED VIEW v_session_performance IS 'Orders and result of each session';
COMMENT ON COLUMN v_session_performance.session_id IS 'Session';
COMMENT ON COLUMN v_session_performance.account_id IS 'Its account';
COMMENT ON COLUMN v_session_performance.symbol IS 'Instrument that it was opened for';
COMMENT ON COLUMN v_session_performance.strategy IS 'Its strategy';
COMMENT ON COLUMN v_session_performance.status IS 'Its status when the view was refreshed';
COMMENT ON COLUMN v_session_performance.order_count IS 'Orders placed';
COMMENT ON COLUMN v_session_performance.filled_count IS 'Of these, filled';
COMMENT ON COLUMN v_session_performance.rejected_count IS 'Of these, rejected';
COMMENT ON COLUMN v_session_performance.trade_count IS 'Trades closed';
COMMENT ON COLUMN v_session_performance.winning_trades IS 'Of these, with a net profit';
COMMENT ON COLUMN v_session_performance.net_pnl IS 'Profit after fees, in the account''s currency';

-- ---------------------------------------------------------------------------
-- v_instrument_exposure
-- ---------------------------------------------------------------------------

CREATE MATERIALIZED VIEW IF NOT EXISTS v_instrument_exposure AS
SELECT
    i.symbol,
    i.asset_class,
    i.quote_currency,
    count(p.id) AS open_positions,
    coalesce(sum(p.net_quantity) FILTER (WHERE p.net_quantity > 0), 0) AS long_quantity,
    coalesce(-sum(p.net_quantity) FILTER (WHERE p.net_quantity < 0), 0) AS short_quantity,
    coalesce(sum(p.net_quantity), 0) AS net_quantity,
    coalesce(sum(abs(p.net_quantity) * p.average_price), 0) * i.contract_size AS gross_notional
FROM instruments AS i
LEFT JOIN positions AS p ON p.symbol = i.symbol AND p.net_quantity <> 0
GROUP BY i.symbol, i.asset_class, i.quote_currency, i.contract_size;

CREATE UNIQUE INDEX IF NOT EXISTS idx_v_instrument_exposure_symbol ON v_instrument_exposure (symbol);

COMMENT ON MATERIALIZED VIEW v_instrument_exposure IS 'Open positions of all accounts in each instrument';
COMMENT ON COLUMN v_instrument_exposure.symbol IS 'Instrument';
COMMENT ON COLUMN v_instrument_exposure.asset_class IS 'Its asset class';
COMMENT ON COLUMN v_instrument_exposure.quote_currency IS 'Currency of gross_notional';
COMMENT ON COLUMN v_instrument_exposure.open_positions IS 'Positions that are not flat';
COMMENT ON COLUMN v_instrument_exposure.long_quantity IS 'Sum of the long quantities';
COMMENT ON COLUMN v_instrument_exposure.short_quantity IS 'Sum of the short quantities, positive';
COMMENT ON COLUMN v_instrument_exposure.net_quantity IS 'long_quantity - short_quantity';
COMMENT ON COLUMN v_instrument_exposure.gross_notional IS 'Value of all open positions at their entry prices';

-- ---------------------------------------------------------------------------
-- Refreshing
-- ---------------------------------------------------------------------------

-- These run with the rights and the search_path of the caller, who must own the
-- views (or, from PostgreSQL 17 on, have MAINTAIN on them).
CREATE OR REPLACE FUNCTION refresh_view(view_name text) RETURNS interval
LANGUAGE plpgsql AS $$
DECLARE
    target      regclass;
    populated   boolean;
    started_at  timestamptz := clock_timestamp();
BEGIN
    SELECT c.oid, c.relispopulated INTO target, populated
    FROM pg_class AS c
    WHERE c.oid = to_regclass(view_name) AND c.relkind = 'm';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no materialized view "%"', view_name USING ERRCODE = 'undefined_table';
    END IF;

    -- A view without data, as after restoring a schema alone, cannot be
    -- refreshed concurrently; nobody can read it either, so nobody is blocked.
    IF populated THEN
        EXECUTE format('REFRESH MATERIALIZED VIEW CONCURRENTLY %s', target);
    ELSE
        EXECUTE format('REFRESH MATERIALIZED VIEW %s', target);
    END IF;
    RETURN clock_timestamp() - started_at;
END;
$$;

COMMENT ON FUNCTION refresh_view(text) IS 'Refreshes one materialized view without blocking its readers; returns how long it took';

CREATE OR REPLACE FUNCTION refresh_daily_pnl() RETURNS interval
LANGUAGE sql AS $$ SELECT refresh_view('v_daily_pnl') $$;

COMMENT ON FUNCTION refresh_daily_pnl() IS 'Refreshes v_daily_pnl; returns how long it took';

CREATE OR REPLACE FUNCTION refresh_all_views() RETURNS TABLE (view_name text, duration interval)
LANGUAGE sql AS $$
    SELECT v.name, refresh_view(v.name)
    FROM unnest(ARRAY[
        'v_daily_pnl', 'v_daily_volume', 'v_session_performance', 'v_instrument_exposure'
    ]) AS v (name)
$$;

COMMENT ON FUNCTION refresh_all_views() IS 'Refreshes every report view, one after the other; returns how long each took';

-- ============================================================================
-- DOWN Migration
-- ============================================================================

-- To rollback, uncomment and run the following:
/*
DROP FUNCTION IF EXISTS refresh_all_views();
DROP FUNCTION IF EXISTS refresh_daily_pnl();
DROP FUNCTION IF EXISTS refresh_view(text);
DROP MATERIALIZED VIEW IF EXISTS v_instrument_exposure;
DROP MATERIALIZED VIEW IF EXISTS v_session_performance;
DROP MATERIALIZED VIEW IF EXISTS v_daily_volume;
DROP MATERIALIZED VIEW IF EXISTS v_daily_pnl;
*/
