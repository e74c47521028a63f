-- Migration: 008_add_symbol_indexes
-- Description: Indexes for queries by session, symbol and pair; duplicate fills become impossible
-- Author: dbops maintainers
-- Date: 2026-11-21

-- ============================================================================
-- UP Migration
-- ============================================================================

-- CONCURRENTLY: the engine goes on writing while these are built. Such a
-- statement cannot run in a transaction, so each one stands for itself. If one
-- fails it leaves an INVALID index, which IF NOT EXISTS would take for done:
-- drop that index before running this again.

-- Orders and fills of a session, pair by pair.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_session_symbol
    ON orders (session_id, symbol);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_fills_session_symbol
    ON fills (session_id, symbol);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_fills_session_order_symbol
    ON fills (session_id, order_id, symbol);

-- The same execution reported twice. Where the venue names its executions, 001 has
-- the key (order_id, execution_id), and two that agree in all else, such as two in
-- the same millisecond, are two. Fails if there are duplicates already; find them with
--   SELECT session_id, order_id, symbol, executed_at, price, quantity, count(*), array_agg(id)
--   FROM fills WHERE execution_id IS NULL GROUP BY 1, 2, 3, 4, 5, 6 HAVING count(*) > 1;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS idx_fills_unique_dedup
    ON fills (session_id, order_id, symbol, executed_at, price, quantity) WHERE execution_id IS NULL;

-- Sessions by the number of their pairs, and by a pair: pairs @> '["BTC/USD"]'.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_sessions_pair_count
    ON sessions (pair_count) WHERE pair_count > 0;
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_sessions_pairs_gin
    ON sessions USING gin (pairs);

-- What the settlement service looks for: sessions still to be settled, by start.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_sessions_settlement_discovery
    ON sessions (started_at) WHERE settlement_required AND NOT settlement_completed;

-- A symbol across all sessions.
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_orders_symbol_status
    ON orders (symbol, status);
CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_fills_symbol_timestamp
    ON fills (symbol, executed_at DESC);

-- ============================================================================
-- DOWN Migration
-- ============================================================================

-- To rollback, uncomment and run the following:
/*
DROP INDEX CONCURRENTLY IF EXISTS idx_fills_symbol_timestamp;
DROP INDEX CONCURRENTLY IF EXISTS idx_orders_symbol_status;
DROP INDEX CONCURRENTLY IF EXISTS idx_sessions_settlement_discovery;
DROP INDEX CONCURRENTLY IF EXISTS idx_sessions_pairs_gin;
DROP INDEX CONCURRENTLY IF EXISTS idx_sessions_pair_count;
DROP INDEX CONCURRENTLY IF EXISTS idx_fills_unique_dedup;
DROP INDEX CONCURRENTLY IF EXISTS idx_fills_session_order_symbol;
DROP INDEX CONCURRENTLY IF EXISTS idx_fills_session_symbol;
DROP INDEX CONCURRENTLY IF EXISTS idx_orders_session_symbol;
*/
