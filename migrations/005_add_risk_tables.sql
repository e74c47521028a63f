-- Migration: 005_add_risk_tables
-- Description: Risk limits, circuit breakers, the events they cause, and monitoring
-- Author: dbops maintainers
-- Date: 2026-11-21

-- ============================================================================
-- UP Migration
-- ============================================================================

-- ---------------------------------------------------------------------------
-- risk_limits
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS risk_limits (
    id                  uuid            NOT NULL DEFAULT gen_random_uuid(),
    account_id          uuid,
    symbol              text,
    limit_type          text            NOT NULL,
    limit_value         numeric(20,8)   NOT NULL,
    warning_percent     numeric(5,2)    NOT NULL DEFAULT 80,
    action              text            NOT NULL DEFAULT 'block',
    enabled             boolean         NOT NULL DEFAULT true,
    approved_by         uuid,
    created_at          timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at          timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT risk_limits_pkey PRIMARY KEY (id),
    -- RESTRICT: events refer to the limit, and a limit that quietly vanishes is a risk.
    CONSTRAINT risk_limits_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE RESTRICT,
    CONSTRAINT risk_limits_symbol_fkey FOREIGN KEY (symbol) REFERENCES instruments (symbol) ON DELETE RESTRICT,
    CONSTRAINT risk_limits_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT risk_limits_limit_type_known CHECK (
        limit_type IN (
            'max_order_quantity', 'max_position_quantity', 'max_notional',
            'max_daily_loss', 'max_drawdown_percent', 'max_open_orders', 'max_leverage'
        )
    ),
    CONSTRAINT risk_limits_limit_value_positive CHECK (limit_value > 0),
    CONSTRAINT risk_limits_percent_range CHECK (limit_type <> 'max_drawdown_percent' OR limit_value <= 100),
    CONSTRAINT risk_limits_warning_percent_range CHECK (warning_percent > 0 AND warning_percent <= 100),
    CONSTRAINT risk_limits_action_known CHECK (action IN ('warn', 'block', 'liquidate')),
    -- Quantities of different instruments cannot be added up.
    CONSTRAINT risk_limits_quantity_has_symbol CHECK (
        limit_type NOT IN ('max_order_quantity', 'max_position_quantity') OR symbol IS NOT NULL
    ),
    CONSTRAINT risk_limits_account_wide_has_no_symbol CHECK (
        limit_type NOT IN ('max_daily_loss', 'max_drawdown_percent', 'max_leverage') OR symbol IS NULL
    ),
    CONSTRAINT risk_limits_no_nan CHECK ('NaN' <> ALL (ARRAY[limit_value, warning_percent]))
);

-- One limit of a type per scope, where null (any) counts as a value. Written as
-- an expression because NULLS NOT DISTINCT begins with PostgreSQL 15.
CREATE UNIQUE INDEX IF NOT EXISTS risk_limits_scope_key ON risk_limits (
    limit_type,
    coalesce(account_id, '00000000-0000-0000-0000-000000000000'),
    coalesce(symbol, '')
);

COMMENT ON TABLE risk_limits IS 'Upper bounds, checked per account; the narrowest scope that matches counts';
COMMENT ON COLUMN risk_limits.id IS 'Primary key';
COMMENT ON COLUMN risk_limits.account_id IS 'Account that is limited; null is each account';
COMMENT ON COLUMN risk_limits.symbol IS 'Instrument that is limited; null is all together';
COMMENT ON COLUMN risk_limits.limit_type IS 'What is bounded: max_order_quantity and max_position_quantity (quantity, need a symbol), max_notional and max_daily_loss (account currency), max_drawdown_percent, max_open_orders (count), max_leverage (ratio)';
COMMENT ON COLUMN risk_limits.limit_value IS 'Largest value allowed, in the unit of limit_type; a value above it is a breach';
COMMENT ON COLUMN risk_limits.warning_percent IS 'Percentage of limit_value at which a warning is raised';
COMMENT ON COLUMN risk_limits.action IS 'On a breach: warn, block (refuse new orders) or liquidate (close positions)';
COMMENT ON COLUMN risk_limits.enabled IS 'Whether the limit is checked';
COMMENT ON COLUMN risk_limits.approved_by IS 'User who approved the limit';
COMMENT ON COLUMN risk_limits.created_at IS 'When the row was made';
COMMENT ON COLUMN risk_limits.updated_at IS 'When the row last changed';

-- ---------------------------------------------------------------------------
-- circuit_breakers
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS circuit_breakers (
    id                  uuid            NOT NULL DEFAULT gen_random_uuid(),
    name                text            NOT NULL,
    asset_class         text,
    symbol              text,
    trigger_type        text            NOT NULL,
    threshold           numeric(20,8)   NOT NULL,
    window_seconds      integer         NOT NULL DEFAULT 60,
    cooldown_seconds    integer         NOT NULL DEFAULT 300,
    state               text            NOT NULL DEFAULT 'armed',
    tripped_at          timestamptz,
    created_at          timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at          timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT circuit_breakers_pkey PRIMARY KEY (id),
    CONSTRAINT circuit_breakers_name_key UNIQUE (name),
    CONSTRAINT circuit_breakers_symbol_fkey FOREIGN KEY (symbol) REFERENCES instruments (symbol) ON DELETE RESTRICT,
    CONSTRAINT circuit_breakers_name_not_blank CHECK (btrim(name) <> ''),
    CONSTRAINT circuit_breakers_asset_class_known CHECK (asset_class IN ('forex', 'crypto', 'commodities', 'indices')),
    CONSTRAINT circuit_breakers_class_or_symbol CHECK (asset_class IS NULL OR symbol IS NULL),
    CONSTRAINT circuit_breakers_trigger_type_known CHECK (
        trigger_type IN ('price_move_percent', 'spread_percent', 'order_rate', 'reject_rate_percent', 'loss_amount')
    ),
    CONSTRAINT circuit_breakers_threshold_positive CHECK (threshold > 0),
    CONSTRAINT circuit_breakers_window_seconds_positive CHECK (window_seconds > 0),
    CONSTRAINT circuit_breakers_cooldown_seconds_positive CHECK (cooldown_seconds > 0),
    CONSTRAINT circuit_breakers_state_known CHECK (state IN ('armed', 'tripped', 'disabled')),
    CONSTRAINT circuit_breakers_tripped_has_time CHECK (state <> 'tripped' OR tripped_at IS NOT NULL),
    CONSTRAINT circuit_breakers_no_nan CHECK (threshold <> 'NaN')
);

COMMENT ON TABLE circuit_breakers IS 'Switches that stop trading when the market or the engine misbehaves';
COMMENT ON COLUMN circuit_breakers.id IS 'Primary key';
COMMENT ON COLUMN circuit_breakers.name IS 'Name for display, unique';
COMMENT ON COLUMN circuit_breakers.asset_class IS 'Asset class that is stopped; null with a null symbol is everything';
COMMENT ON COLUMN circuit_breakers.symbol IS 'Instrument that is stopped';
COMMENT ON COLUMN circuit_breakers.trigger_type IS 'What is measured: price_move_percent, spread_percent, order_rate (per second), reject_rate_percent, loss_amount (in the reporting currency of the firm)';
COMMENT ON COLUMN circuit_breakers.threshold IS 'Value that trips the breaker when it is exceeded within the window';
COMMENT ON COLUMN circuit_breakers.window_seconds IS 'Length of the window that is measured';
COMMENT ON COLUMN circuit_breakers.cooldown_seconds IS 'How long trading stops';
COMMENT ON COLUMN circuit_breakers.state IS 'armed, tripped (trading is stopped) or disabled';
COMMENT ON COLUMN circuit_breakers.tripped_at IS 'When it last tripped';
COMMENT ON COLUMN circuit_breakers.created_at IS 'When the row was made';
COMMENT ON COLUMN circuit_breakers.updated_at IS 'When the row last changed';

-- ---------------------------------------------------------------------------
-- risk_events
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS risk_events (
    id                  bigint          NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    risk_limit_id       uuid,
    circuit_breaker_id  uuid,
    account_id          uuid,
    session_id          uuid,
    order_id            bigint,
    symbol              text,
    event_type          text            NOT NULL,
    severity            text            NOT NULL,
    observed_value      numeric(20,8)   NOT NULL,
    limit_value         numeric(20,8)   NOT NULL,
    action_taken        text            NOT NULL,
    details             jsonb           NOT NULL DEFAULT '{}',
    occurred_at         timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    resolved_at         timestamptz,
    resolved_by         uuid,
    CONSTRAINT risk_events_pkey PRIMARY KEY (id),
    CONSTRAINT risk_events_risk_limit_id_fkey FOREIGN KEY (risk_limit_id)
        REFERENCES risk_limits (id) ON DELETE RESTRICT,
    CONSTRAINT risk_events_circuit_breaker_id_fkey FOREIGN KEY (circuit_breaker_id)
        REFERENCES circuit_breakers (id) ON DELETE RESTRICT,
    CONSTRAINT risk_events_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE RESTRICT,
    CONSTRAINT risk_events_session_id_account_id_fkey FOREIGN KEY (session_id, account_id)
        REFERENCES sessions (id, account_id) ON DELETE RESTRICT,
    CONSTRAINT risk_events_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE RESTRICT,
    CONSTRAINT risk_events_symbol_fkey FOREIGN KEY (symbol) REFERENCES instruments (symbol) ON DELETE RESTRICT,
    CONSTRAINT risk_events_resolved_by_fkey FOREIGN KEY (resolved_by) REFERENCES users (id) ON DELETE SET NULL,
    CONSTRAINT risk_events_one_cause CHECK (num_nonnulls(risk_limit_id, circuit_breaker_id) = 1),
    CONSTRAINT risk_events_limit_has_account CHECK (risk_limit_id IS NULL OR account_id IS NOT NULL),
    CONSTRAINT risk_events_session_has_account CHECK (session_id IS NULL OR account_id IS NOT NULL),
    CONSTRAINT risk_events_event_type_known CHECK (event_type IN ('warning', 'breach', 'trip')),
    CONSTRAINT risk_events_trip_is_of_breaker CHECK ((event_type = 'trip') = (circuit_breaker_id IS NOT NULL)),
    CONSTRAINT risk_events_severity_known CHECK (severity IN ('info', 'warning', 'critical')),
    CONSTRAINT risk_events_limit_value_positive CHECK (limit_value > 0),
    CONSTRAINT risk_events_value_matches_type CHECK ((event_type = 'warning') = (observed_value <= limit_value)),
    CONSTRAINT risk_events_action_taken_known CHECK (action_taken IN ('none', 'warned', 'blocked', 'liquidated', 'halted')),
    CONSTRAINT risk_events_details_is_object CHECK (jsonb_typeof(details) = 'object'),
    CONSTRAINT risk_events_resolved_after_occurred CHECK (resolved_at >= occurred_at),
    CONSTRAINT risk_events_resolver_has_time CHECK (resolved_by IS NULL OR resolved_at IS NOT NULL),
    CONSTRAINT risk_events_no_nan CHECK ('NaN' <> ALL (ARRAY[observed_value, limit_value]))
);

COMMENT ON TABLE risk_events IS 'What limits and circuit breakers reported';
COMMENT ON COLUMN risk_events.id IS 'Primary key';
COMMENT ON COLUMN risk_events.risk_limit_id IS 'Limit that was neared or broken; either this or circuit_breaker_id is set';
COMMENT ON COLUMN risk_events.circuit_breaker_id IS 'Circuit breaker that tripped';
COMMENT ON COLUMN risk_events.account_id IS 'Account concerned; always set for a limit';
COMMENT ON COLUMN risk_events.session_id IS 'Session concerned, one of the account';
COMMENT ON COLUMN risk_events.order_id IS 'Order that caused the event';
COMMENT ON COLUMN risk_events.symbol IS 'Instrument concerned';
COMMENT ON COLUMN risk_events.event_type IS 'warning (limit neared), breach (limit exceeded) or trip (circuit breaker)';
COMMENT ON COLUMN risk_events.severity IS 'info, warning or critical';
COMMENT ON COLUMN risk_events.observed_value IS 'What was measured; above limit_value exactly for a breach or a trip';
COMMENT ON COLUMN risk_events.limit_value IS 'Limit or threshold at that time';
COMMENT ON COLUMN risk_events.action_taken IS 'none, warned, blocked, liquidated or halted';
COMMENT ON COLUMN risk_events.details IS 'Further facts, an object';
COMMENT ON COLUMN risk_events.occurred_at IS 'When it happened';
COMMENT ON COLUMN risk_events.resolved_at IS 'When it was dealt with; null while open';
COMMENT ON COLUMN risk_events.resolved_by IS 'User who dealt with it; null if open or resolved by itself';

-- ---------------------------------------------------------------------------
-- risk_snapshots
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS risk_snapshots (
    id                  bigint          NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    account_id          uuid            NOT NULL,
    taken_at            timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    balance             numeric(20,8)   NOT NULL,
    unrealized_pnl      numeric(20,8)   NOT NULL DEFAULT 0,
    equity              numeric(20,8)   NOT NULL GENERATED ALWAYS AS (balance + unrealized_pnl) STORED,
    margin_used         numeric(20,8)   NOT NULL DEFAULT 0,
    gross_notional      numeric(20,8)   NOT NULL DEFAULT 0,
    open_orders         integer         NOT NULL DEFAULT 0,
    drawdown_percent    numeric(7,4)    NOT NULL DEFAULT 0,
    CONSTRAINT risk_snapshots_pkey PRIMARY KEY (id),
    CONSTRAINT risk_snapshots_account_id_taken_at_key UNIQUE (account_id, taken_at),
    -- Measurements, worth nothing without the account.
    CONSTRAINT risk_snapshots_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT risk_snapshots_not_negative CHECK (
        margin_used >= 0 AND gross_notional >= 0 AND open_orders >= 0 AND drawdown_percent >= 0
    ),
    CONSTRAINT risk_snapshots_no_nan CHECK (
        'NaN' <> ALL (ARRAY[balance, unrealized_pnl, margin_used, gross_notional, drawdown_percent])
    )
);

COMMENT ON TABLE risk_snapshots IS 'Risk of each account, measured at intervals, for monitoring';
COMMENT ON COLUMN risk_snapshots.id IS 'Primary key';
COMMENT ON COLUMN risk_snapshots.account_id IS 'Account that was measured';
COMMENT ON COLUMN risk_snapshots.taken_at IS 'When it was measured';
COMMENT ON COLUMN risk_snapshots.balance IS 'Balance at that time';
COMMENT ON COLUMN risk_snapshots.unrealized_pnl IS 'Profit of the open positions at market prices, in the account''s currency';
COMMENT ON COLUMN risk_snapshots.equity IS 'balance + unrealized_pnl';
COMMENT ON COLUMN risk_snapshots.margin_used IS 'Margin held for the open positions';
COMMENT ON COLUMN risk_snapshots.gross_notional IS 'Notional of all open positions, long and short added up';
COMMENT ON COLUMN risk_snapshots.open_orders IS 'Number of working orders';
COMMENT ON COLUMN risk_snapshots.drawdown_percent IS 'Fall of the equity from its highest value, in percent';

-- ---------------------------------------------------------------------------
-- Indexes and triggers
-- ---------------------------------------------------------------------------

CREATE INDEX IF NOT EXISTS idx_risk_limits_account_id ON risk_limits (account_id) WHERE enabled;
CREATE INDEX IF NOT EXISTS idx_circuit_breakers_tripped ON circuit_breakers (tripped_at) WHERE state = 'tripped';
CREATE INDEX IF NOT EXISTS idx_risk_events_account_id_occurred_at ON risk_events (account_id, occurred_at DESC);
CREATE INDEX IF NOT EXISTS idx_risk_events_risk_limit_id ON risk_events (risk_limit_id, occurred_at DESC)
    WHERE risk_limit_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_risk_events_circuit_breaker_id ON risk_events (circuit_breaker_id, occurred_at DESC)
    WHERE circuit_breaker_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_risk_events_order_id ON risk_events (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS idx_risk_events_unresolved ON risk_events (severity, occurred_at) WHERE resolved_at IS NULL;
CREATE INDEX IF NOT EXISTS idx_risk_snapshots_taken_at_brin ON risk_snapshots USING brin (taken_at)
    WITH (pages_per_range = 32, autosummarize = on);

CREATE OR REPLACE TRIGGER risk_limits_set_updated_at BEFORE UPDATE ON risk_limits
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER circuit_breakers_set_updated_at BEFORE UPDATE ON circuit_breakers
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE OR REPLACE TRIGGER risk_limits_audit AFTER INSERT OR UPDATE OR DELETE ON risk_limits
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER circuit_breakers_audit AFTER INSERT OR UPDATE OR DELETE ON circuit_breakers
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER risk_events_audit AFTER UPDATE OR DELETE ON risk_events
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER risk_limits_audit_truncate AFTER TRUNCATE ON risk_limits
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER circuit_breakers_audit_truncate AFTER TRUNCATE ON circuit_breakers
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER risk_events_audit_truncate AFTER TRUNCATE ON risk_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();

-- ============================================================================
-- DOWN Migration
-- ============================================================================

-- To rollback, uncomment and run the following:
/*
DROP TABLE IF EXISTS risk_snapshots;
DROP TABLE IF EXISTS risk_events;
DROP TABLE IF EXISTS circuit_breakers;
DROP TABLE IF EXISTS risk_limits;
*/
