-- Migration: 002_add_indexes
-- Description: Indexes for the application's queries: B-tree, partial, GIN, BRIN, full text
-- Author: dbops maintainers
-- Date: 2026-11-21

-- ============================================================================
-- UP Migration
-- ============================================================================

-- Not CONCURRENTLY: this runs in one transaction, right after 001, on empty
-- tables. An index on a table that is in use belongs in a migration like 008.
-- The indexes of orders and fills by session and by symbol are in 008.

-- ---------------------------------------------------------------------------
-- B-tree: foreign keys, and lists with the newest first
-- ---------------------------------------------------------------------------

CREATE INDEX IF NOT EXISTS idx_accounts_user_id ON accounts (user_id);
CREATE INDEX IF NOT EXISTS idx_sessions_account_id_started_at ON sessions (account_id, started_at DESC);
CREATE INDEX IF NOT EXISTS idx_sessions_symbol ON sessions (symbol);
CREATE INDEX IF NOT EXISTS idx_orders_account_id_placed_at ON orders (account_id, placed_at DESC);
CREATE INDEX IF NOT EXISTS idx_positions_symbol ON positions (symbol);
CREATE INDEX IF NOT EXISTS idx_trades_account_id_closed_at ON trades (account_id, closed_at DESC);
CREATE INDEX IF NOT EXISTS idx_trades_session_id ON trades (session_id);
CREATE INDEX IF NOT EXISTS idx_trades_symbol_closed_at ON trades (symbol, closed_at DESC);
CREATE INDEX IF NOT EXISTS idx_trades_entry_order_id ON trades (entry_order_id);
CREATE INDEX IF NOT EXISTS idx_trades_exit_order_id ON trades (exit_order_id);

-- ---------------------------------------------------------------------------
-- Partial: the few rows that are alive among the many that are history
-- ---------------------------------------------------------------------------

CREATE INDEX IF NOT EXISTS idx_orders_working ON orders (symbol, placed_at)
    WHERE status IN ('pending', 'open', 'partially_filled');
CREATE INDEX IF NOT EXISTS idx_orders_expiring ON orders (expires_at)
    WHERE expires_at IS NOT NULL AND status IN ('pending', 'open', 'partially_filled');
CREATE INDEX IF NOT EXISTS idx_sessions_running ON sessions (account_id)
    WHERE status IN ('active', 'paused');
CREATE INDEX IF NOT EXISTS idx_positions_open ON positions (account_id, symbol)
    WHERE net_quantity <> 0;
CREATE INDEX IF NOT EXISTS idx_instruments_tradable ON instruments (asset_class, symbol)
    WHERE status = 'active';

-- ---------------------------------------------------------------------------
-- GIN: containment in jsonb (@>)
-- ---------------------------------------------------------------------------

CREATE INDEX IF NOT EXISTS idx_instruments_trading_hours ON instruments USING gin (trading_hours jsonb_path_ops);
CREATE INDEX IF NOT EXISTS idx_sessions_parameters ON sessions USING gin (parameters jsonb_path_ops);
-- Most orders carry no attributes and cost this index nothing.
CREATE INDEX IF NOT EXISTS idx_orders_attributes ON orders USING gin (attributes jsonb_path_ops)
    WHERE attributes <> '{}';

-- ---------------------------------------------------------------------------
-- BRIN: time ranges over rows that arrive in the order of time
-- ---------------------------------------------------------------------------

CREATE INDEX IF NOT EXISTS idx_orders_placed_at_brin ON orders USING brin (placed_at)
    WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX IF NOT EXISTS idx_fills_executed_at_brin ON fills USING brin (executed_at)
    WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX IF NOT EXISTS idx_trades_closed_at_brin ON trades USING brin (closed_at)
    WITH (pages_per_range = 32, autosummarize = on);

-- ---------------------------------------------------------------------------
-- Full text. A query uses the index only if it repeats the expression as it is.
-- ---------------------------------------------------------------------------

CREATE INDEX IF NOT EXISTS idx_instruments_search ON instruments
    USING gin (to_tsvector('english', symbol || ' ' || name || ' ' || coalesce(description, '')));
CREATE INDEX IF NOT EXISTS idx_sessions_search ON sessions
    USING gin (to_tsvector('english', name || ' ' || coalesce(notes, '')));

-- ============================================================================
-- DOWN Migration
-- ============================================================================

-- To rollback, uncomment and run the following:
/*
DROP INDEX IF EXISTS idx_sessions_search;
DROP INDEX IF EXISTS idx_instruments_search;
DROP INDEX IF EXISTS idx_trades_closed_at_brin;
DROP INDEX IF EXISTS idx_fills_executed_at_brin;
DROP INDEX IF EXISTS idx_orders_placed_at_brin;
DROP INDEX IF EXISTS idx_orders_attributes;
DROP INDEX IF EXISTS idx_sessions_parameters;
DROP INDEX IF EXISTS idx_instruments_trading_hours;
DROP INDEX IF EXISTS idx_instruments_tradable;
DROP INDEX IF EXISTS idx_positions_open;
DROP INDEX IF EXISTS idx_sessions_running;
DROP INDEX IF EXISTS idx_orders_expiring;
DROP INDEX IF EXISTS idx_orders_working;
DROP INDEX IF EXISTS idx_trades_exit_order_id;
DROP INDEX IF EXISTS idx_trades_entry_order_id;
DROP INDEX IF EXISTS idx_trades_symbol_closed_at;
DROP INDEX IF EXISTS idx_trades_session_id;
DROP INDEX IF EXISTS idx_trades_account_id_closed_at;
DROP INDEX IF EXISTS idx_positions_symbol;
DROP INDEX IF EXISTS idx_orders_account_id_placed_at;
DROP INDEX IF EXISTS idx_sessions_symbol;
DROP INDEX IF EXISTS idx_sessions_account_id_started_at;
DROP INDEX IF EXISTS idx_accounts_user_id;
*/
