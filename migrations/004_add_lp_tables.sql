-- Migration: 004_add_lp_tables
-- Description: Liquidity providers, what they quote, and the routing of orders to them
-- Author: dbops maintainers
-- Date: 2026-11-21

-- ============================================================================
-- UP Migration
-- ============================================================================

-- ---------------------------------------------------------------------------
-- liquidity_providers
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS liquidity_providers (
    id                      uuid            NOT NULL DEFAULT gen_random_uuid(),
    code                    text            NOT NULL,
    name                    text            NOT NULL,
    provider_type           text            NOT NULL,
    protocol                text            NOT NULL DEFAULT 'fix',
    status                  text            NOT NULL DEFAULT 'active',
    connection              jsonb           NOT NULL DEFAULT '{}',
    maker_fee_rate          numeric(9,8)    NOT NULL DEFAULT 0,
    taker_fee_rate          numeric(9,8)    NOT NULL DEFAULT 0,
    max_orders_per_second   integer         NOT NULL DEFAULT 100,
    created_at              timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at              timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT liquidity_providers_pkey PRIMARY KEY (id),
    CONSTRAINT liquidity_providers_code_key UNIQUE (code),
    CONSTRAINT liquidity_providers_code_format CHECK (code ~ '^[A-Z0-9][A-Z0-9_-]{1,19}$'),
    CONSTRAINT liquidity_providers_name_not_blank CHECK (btrim(name) <> ''),
    CONSTRAINT liquidity_providers_provider_type_known CHECK (
        provider_type IN ('bank', 'ecn', 'exchange', 'market_maker', 'internal')
    ),
    CONSTRAINT liquidity_providers_protocol_known CHECK (protocol IN ('fix', 'rest', 'websocket', 'internal')),
    CONSTRAINT liquidity_providers_status_known CHECK (status IN ('active', 'degraded', 'disabled')),
    CONSTRAINT liquidity_providers_connection_is_object CHECK (jsonb_typeof(connection) = 'object'),
    CONSTRAINT liquidity_providers_connection_without_secrets CHECK (
        NOT connection ?| ARRAY['password', 'secret', 'api_key', 'api_secret', 'token', 'private_key']
    ),
    -- A maker's fee may be a rebate.
    CONSTRAINT liquidity_providers_maker_fee_rate_range CHECK (maker_fee_rate BETWEEN -0.1 AND 0.1),
    CONSTRAINT liquidity_providers_taker_fee_rate_range CHECK (taker_fee_rate BETWEEN 0 AND 0.1),
    CONSTRAINT liquidity_providers_max_orders_positive CHECK (max_orders_per_second > 0),
    CONSTRAINT liquidity_providers_no_nan CHECK ('NaN' <> ALL (ARRAY[maker_fee_rate, taker_fee_rate]))
);

COMMENT ON TABLE liquidity_providers IS 'Venues and firms that orders can be routed to';
COMMENT ON COLUMN liquidity_providers.id IS 'Primary key';
COMMENT ON COLUMN liquidity_providers.code IS 'Short name used in configuration and logs, unique';
COMMENT ON COLUMN liquidity_providers.name IS 'Name for display';
COMMENT ON COLUMN liquidity_providers.provider_type IS 'bank, ecn, exchange, market_maker or internal (the firm''s own book)';
COMMENT ON COLUMN liquidity_providers.protocol IS 'fix, rest, websocket or internal';
COMMENT ON COLUMN liquidity_providers.status IS 'active, degraded (used only if nothing else is left) or disabled';
COMMENT ON COLUMN liquidity_providers.connection IS 'Addresses and session settings, an object; credentials are kept elsewhere';
COMMENT ON COLUMN liquidity_providers.maker_fee_rate IS 'Fee as a share of the notional when the order rested; negative is a rebate';
COMMENT ON COLUMN liquidity_providers.taker_fee_rate IS 'Fee as a share of the notional when the order took';
COMMENT ON COLUMN liquidity_providers.max_orders_per_second IS 'Rate that the provider accepts';
COMMENT ON COLUMN liquidity_providers.created_at IS 'When the row was made';
COMMENT ON COLUMN liquidity_providers.updated_at IS 'When the row last changed';

-- ---------------------------------------------------------------------------
-- lp_instruments
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS lp_instruments (
    id                      uuid            NOT NULL DEFAULT gen_random_uuid(),
    liquidity_provider_id   uuid            NOT NULL,
    symbol                  text            NOT NULL,
    provider_symbol         text            NOT NULL,
    min_quantity            numeric(20,8)   NOT NULL,
    max_quantity            numeric(20,8)   NOT NULL,
    typical_spread          numeric(20,8)   NOT NULL DEFAULT 0,
    enabled                 boolean         NOT NULL DEFAULT true,
    created_at              timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at              timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT lp_instruments_pkey PRIMARY KEY (id),
    CONSTRAINT lp_instruments_provider_symbol_key UNIQUE (liquidity_provider_id, symbol),
    CONSTRAINT lp_instruments_provider_own_symbol_key UNIQUE (liquidity_provider_id, provider_symbol),
    -- Configuration of the provider: it goes with the provider.
    CONSTRAINT lp_instruments_liquidity_provider_id_fkey FOREIGN KEY (liquidity_provider_id)
        REFERENCES liquidity_providers (id) ON DELETE CASCADE,
    CONSTRAINT lp_instruments_symbol_fkey FOREIGN KEY (symbol) REFERENCES instruments (symbol) ON DELETE CASCADE,
    CONSTRAINT lp_instruments_provider_symbol_not_blank CHECK (btrim(provider_symbol) <> ''),
    CONSTRAINT lp_instruments_quantity_range CHECK (min_quantity > 0 AND max_quantity >= min_quantity),
    CONSTRAINT lp_instruments_typical_spread_not_negative CHECK (typical_spread >= 0),
    CONSTRAINT lp_instruments_no_nan CHECK ('NaN' <> ALL (ARRAY[min_quantity, max_quantity, typical_spread]))
);

COMMENT ON TABLE lp_instruments IS 'Which provider quotes which instrument, and in which sizes';
COMMENT ON COLUMN lp_instruments.id IS 'Primary key';
COMMENT ON COLUMN lp_instruments.liquidity_provider_id IS 'Provider';
COMMENT ON COLUMN lp_instruments.symbol IS 'Instrument; once per provider';
COMMENT ON COLUMN lp_instruments.provider_symbol IS 'The provider''s own name for it';
COMMENT ON COLUMN lp_instruments.min_quantity IS 'Smallest order that the provider takes';
COMMENT ON COLUMN lp_instruments.max_quantity IS 'Largest order that the provider takes';
COMMENT ON COLUMN lp_instruments.typical_spread IS 'Usual distance of ask from bid, in price';
COMMENT ON COLUMN lp_instruments.enabled IS 'Whether orders may be routed';
COMMENT ON COLUMN lp_instruments.created_at IS 'When the row was made';
COMMENT ON COLUMN lp_instruments.updated_at IS 'When the row last changed';

-- ---------------------------------------------------------------------------
-- routing_rules
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS routing_rules (
    id                      uuid            NOT NULL DEFAULT gen_random_uuid(),
    name                    text            NOT NULL,
    priority                integer         NOT NULL,
    account_id              uuid,
    asset_class             text,
    symbol                  text,
    min_quantity            numeric(20,8),
    max_quantity            numeric(20,8),
    liquidity_provider_id   uuid            NOT NULL,
    weight                  integer         NOT NULL DEFAULT 100,
    enabled                 boolean         NOT NULL DEFAULT true,
    created_at              timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at              timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT routing_rules_pkey PRIMARY KEY (id),
    CONSTRAINT routing_rules_name_key UNIQUE (name),
    -- A rule for an account or an instrument that is gone says nothing more. A
    -- provider with rules must be taken out of them first: the orders go elsewhere.
    CONSTRAINT routing_rules_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE CASCADE,
    CONSTRAINT routing_rules_symbol_fkey FOREIGN KEY (symbol) REFERENCES instruments (symbol) ON DELETE CASCADE,
    CONSTRAINT routing_rules_liquidity_provider_id_fkey FOREIGN KEY (liquidity_provider_id)
        REFERENCES liquidity_providers (id) ON DELETE RESTRICT,
    CONSTRAINT routing_rules_name_not_blank CHECK (btrim(name) <> ''),
    CONSTRAINT routing_rules_priority_not_negative CHECK (priority >= 0),
    CONSTRAINT routing_rules_asset_class_known CHECK (asset_class IN ('forex', 'crypto', 'commodities', 'indices')),
    CONSTRAINT routing_rules_class_or_symbol CHECK (asset_class IS NULL OR symbol IS NULL),
    CONSTRAINT routing_rules_quantities_positive CHECK (min_quantity > 0 AND max_quantity > 0),
    CONSTRAINT routing_rules_quantity_range CHECK (max_quantity >= min_quantity),
    CONSTRAINT routing_rules_weight_range CHECK (weight BETWEEN 1 AND 100),
    CONSTRAINT routing_rules_no_nan CHECK ('NaN' <> ALL (ARRAY[min_quantity, max_quantity]))
);

COMMENT ON TABLE routing_rules IS 'Where orders go: of the enabled rules that match, those of the lowest priority share the orders by weight';
COMMENT ON COLUMN routing_rules.id IS 'Primary key';
COMMENT ON COLUMN routing_rules.name IS 'Name for display, unique';
COMMENT ON COLUMN routing_rules.priority IS '0 is tried first';
COMMENT ON COLUMN routing_rules.account_id IS 'Only orders of this account; null is any';
COMMENT ON COLUMN routing_rules.asset_class IS 'Only instruments of this class; null is any';
COMMENT ON COLUMN routing_rules.symbol IS 'Only this instrument; null is any';
COMMENT ON COLUMN routing_rules.min_quantity IS 'Only orders from this quantity on; null is no bound';
COMMENT ON COLUMN routing_rules.max_quantity IS 'Only orders up to this quantity; null is no bound';
COMMENT ON COLUMN routing_rules.liquidity_provider_id IS 'Provider that the orders go to';
COMMENT ON COLUMN routing_rules.weight IS 'Share among the matching rules of the same priority, 1 to 100';
COMMENT ON COLUMN routing_rules.enabled IS 'Whether the rule is used';
COMMENT ON COLUMN routing_rules.created_at IS 'When the row was made';
COMMENT ON COLUMN routing_rules.updated_at IS 'When the row last changed';

-- ---------------------------------------------------------------------------
-- order_routes
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS order_routes (
    id                      bigint          NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    order_id                bigint          NOT NULL,
    attempt                 integer         NOT NULL DEFAULT 1,
    liquidity_provider_id   uuid            NOT NULL,
    routing_rule_id         uuid,
    quantity                numeric(20,8)   NOT NULL,
    status                  text            NOT NULL DEFAULT 'sent',
    provider_order_id       text,
    reject_reason           text,
    sent_at                 timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    responded_at            timestamptz,
    CONSTRAINT order_routes_pkey PRIMARY KEY (id),
    CONSTRAINT order_routes_order_id_attempt_key UNIQUE (order_id, attempt),
    CONSTRAINT order_routes_provider_order_id_key UNIQUE (liquidity_provider_id, provider_order_id),
    CONSTRAINT order_routes_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE RESTRICT,
    CONSTRAINT order_routes_liquidity_provider_id_fkey FOREIGN KEY (liquidity_provider_id)
        REFERENCES liquidity_providers (id) ON DELETE RESTRICT,
    -- The rule may go; that the order was routed stays.
    CONSTRAINT order_routes_routing_rule_id_fkey FOREIGN KEY (routing_rule_id)
        REFERENCES routing_rules (id) ON DELETE SET NULL,
    CONSTRAINT order_routes_attempt_positive CHECK (attempt > 0),
    CONSTRAINT order_routes_quantity_positive CHECK (quantity > 0),
    CONSTRAINT order_routes_status_known CHECK (status IN ('sent', 'accepted', 'rejected', 'timed_out')),
    CONSTRAINT order_routes_response_has_time CHECK ((status IN ('accepted', 'rejected')) = (responded_at IS NOT NULL)),
    CONSTRAINT order_routes_responded_after_sent CHECK (responded_at >= sent_at),
    CONSTRAINT order_routes_rejected_has_reason CHECK ((status = 'rejected') = (reject_reason IS NOT NULL)),
    CONSTRAINT order_routes_no_nan CHECK (quantity <> 'NaN')
);

COMMENT ON TABLE order_routes IS 'Attempts to place an order, or a part of it, with a provider';
COMMENT ON COLUMN order_routes.id IS 'Primary key';
COMMENT ON COLUMN order_routes.order_id IS 'Order that was routed';
COMMENT ON COLUMN order_routes.attempt IS 'Count of attempts for the order, from 1';
COMMENT ON COLUMN order_routes.liquidity_provider_id IS 'Provider that it was sent to';
COMMENT ON COLUMN order_routes.routing_rule_id IS 'Rule that chose the provider; null if by hand, or if the rule is gone';
COMMENT ON COLUMN order_routes.quantity IS 'Quantity sent';
COMMENT ON COLUMN order_routes.status IS 'sent, accepted, rejected or timed_out (no answer came)';
COMMENT ON COLUMN order_routes.provider_order_id IS 'The provider''s own name for the order, unique per provider';
COMMENT ON COLUMN order_routes.reject_reason IS 'Why the provider refused; set exactly when status is rejected';
COMMENT ON COLUMN order_routes.sent_at IS 'When it was sent';
COMMENT ON COLUMN order_routes.responded_at IS 'When the provider answered; responded_at - sent_at is its latency';

-- ---------------------------------------------------------------------------
-- Indexes and triggers
-- ---------------------------------------------------------------------------

CREATE INDEX IF NOT EXISTS idx_lp_instruments_symbol ON lp_instruments (symbol) WHERE enabled;
CREATE INDEX IF NOT EXISTS idx_routing_rules_priority ON routing_rules (priority) WHERE enabled;
CREATE INDEX IF NOT EXISTS idx_routing_rules_liquidity_provider_id ON routing_rules (liquidity_provider_id);
CREATE INDEX IF NOT EXISTS idx_order_routes_provider_sent_at ON order_routes (liquidity_provider_id, sent_at DESC);
CREATE INDEX IF NOT EXISTS idx_order_routes_routing_rule_id ON order_routes (routing_rule_id)
    WHERE routing_rule_id IS NOT NULL;

CREATE OR REPLACE TRIGGER liquidity_providers_set_updated_at BEFORE UPDATE ON liquidity_providers
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER lp_instruments_set_updated_at BEFORE UPDATE ON lp_instruments
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER routing_rules_set_updated_at BEFORE UPDATE ON routing_rules
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE OR REPLACE TRIGGER liquidity_providers_audit AFTER INSERT OR UPDATE OR DELETE ON liquidity_providers
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER lp_instruments_audit AFTER INSERT OR UPDATE OR DELETE ON lp_instruments
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER routing_rules_audit AFTER INSERT OR UPDATE OR DELETE ON routing_rules
    FOR EACH ROW EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER liquidity_providers_audit_truncate AFTER TRUNCATE ON liquidity_providers
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER lp_instruments_audit_truncate AFTER TRUNCATE ON lp_instruments
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();
CREATE OR REPLACE TRIGGER routing_rules_audit_truncate AFTER TRUNCATE ON routing_rules
    FOR EACH STATEMENT EXECUTE FUNCTION audit_change();

-- ============================================================================
-- DOWN Migration
-- ============================================================================

-- To rollback, uncomment and run the following:
/*
DROP TABLE IF EXISTS order_routes;
DROP TABLE IF EXISTS routing_rules;
DROP TABLE IF EXISTS lp_instruments;
DROP TABLE IF EXISTS liquidity_providers;
*/
