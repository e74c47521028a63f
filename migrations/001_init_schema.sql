-- Migration: 001_init_schema
-- Description: Core tables: users, accounts, instruments, sessions, orders, fills, positions, trades
-- Author: dbops maintainers
-- Date: 2026-11-21

-- ============================================================================
-- UP Migration
-- ============================================================================

-- Amounts of money, prices and quantities are numeric(20,8): exact, and fine
-- enough for crypto. Such a column takes no infinity, but it takes NaN, which is
-- above every number and so passes a CHECK (price > 0): each table with numeric
-- columns has a constraint <table>_no_nan that names them all.
-- Keys are uuid where a row is created rarely and named from outside, and bigint
-- where rows come by the million (orders, fills, trades): half the index size,
-- and inserts stay at the right edge of the index.
-- Money and its history are never deleted by a cascade: every foreign key in
-- this file is ON DELETE RESTRICT.

-- Keeps updated_at true without trusting every writer to do it. A writer that
-- sets updated_at itself, such as an import of history, is believed.
CREATE OR REPLACE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at THEN
        NEW.updated_at := CURRENT_TIMESTAMP;
    END IF;
    RETURN NEW;
END;
$$;

COMMENT ON FUNCTION set_updated_at() IS 'Trigger: sets updated_at on every update that does not set it itself';

-- ---------------------------------------------------------------------------
-- users
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS users (
    id              uuid            NOT NULL DEFAULT gen_random_uuid(),
    username        text            NOT NULL,
    email           text            NOT NULL,
    password_hash   text            NOT NULL,
    full_name       text            NOT NULL,
    role            text            NOT NULL DEFAULT 'trader',
    status          text            NOT NULL DEFAULT 'active',
    country         text,
    timezone        text            NOT NULL DEFAULT 'UTC',
    last_login_at   timestamptz,
    created_at      timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at      timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_username_key UNIQUE (username),
    -- Lower case only, so that the unique key is case-insensitive in effect.
    CONSTRAINT users_username_format CHECK (username ~ '^[a-z0-9][a-z0-9_.-]{1,31}$'),
    CONSTRAINT users_email_format CHECK (email ~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' AND length(email) <= 254),
    -- A PHC or crypt string ("$argon2id$...", "$2b$..."): a plain password does not pass.
    CONSTRAINT users_password_is_hashed CHECK (password_hash ~ '^\$[a-z0-9-]{1,32}\$.{20,}$'),
    CONSTRAINT users_full_name_not_blank CHECK (btrim(full_name) <> ''),
    CONSTRAINT users_role_known CHECK (role IN ('admin', 'trader', 'risk_officer', 'viewer')),
    CONSTRAINT users_status_known CHECK (status IN ('active', 'suspended', 'closed')),
    CONSTRAINT users_country_iso CHECK (country ~ '^[A-Z]{2}$')
);

-- Case-insensitive without an extension.
CREATE UNIQUE INDEX IF NOT EXISTS users_email_key ON users (lower(email));

COMMENT ON TABLE users IS 'People who log in';
COMMENT ON COLUMN users.id IS 'Primary key';
COMMENT ON COLUMN users.username IS 'Login name, lower case, unique';
COMMENT ON COLUMN users.email IS 'E-mail address as typed; unique without regard to case';
COMMENT ON COLUMN users.password_hash IS 'Password hash in PHC or crypt form; never a password';
COMMENT ON COLUMN users.full_name IS 'Name for display';
COMMENT ON COLUMN users.role IS 'What the user may do: admin, trader, risk_officer, viewer';
COMMENT ON COLUMN users.status IS 'active, suspended (may come back) or closed';
COMMENT ON COLUMN users.country IS 'Country of residence, ISO 3166-1 alpha-2';
COMMENT ON COLUMN users.timezone IS 'IANA time zone for display; stored times carry their own';
COMMENT ON COLUMN users.last_login_at IS 'Last successful login; null before the first';
COMMENT ON COLUMN users.created_at IS 'When the row was made';
COMMENT ON COLUMN users.updated_at IS 'When the row last changed';

-- ---------------------------------------------------------------------------
-- accounts
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS accounts (
    id              uuid            NOT NULL DEFAULT gen_random_uuid(),
    user_id         uuid            NOT NULL,
    account_number  text            NOT NULL,
    account_type    text            NOT NULL DEFAULT 'demo',
    currency        text            NOT NULL DEFAULT 'USD',
    initial_balance numeric(20,8)   NOT NULL DEFAULT 0,
    balance         numeric(20,8)   NOT NULL DEFAULT 0,
    leverage        numeric(6,2)    NOT NULL DEFAULT 1,
    status          text            NOT NULL DEFAULT 'active',
    opened_at       timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    closed_at       timestamptz,
    created_at      timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at      timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT accounts_account_number_key UNIQUE (account_number),
    CONSTRAINT accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE RESTRICT,
    CONSTRAINT accounts_account_number_format CHECK (account_number ~ '^[A-Z0-9][A-Z0-9-]{2,31}$'),
    CONSTRAINT accounts_account_type_known CHECK (account_type IN ('live', 'demo', 'house')),
    CONSTRAINT accounts_currency_iso CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT accounts_initial_balance_not_negative CHECK (initial_balance >= 0),
    CONSTRAINT accounts_leverage_range CHECK (leverage BETWEEN 1 AND 1000),
    CONSTRAINT accounts_status_known CHECK (status IN ('active', 'suspended', 'closed')),
    CONSTRAINT accounts_closed_has_time CHECK ((status = 'closed') = (closed_at IS NOT NULL)),
    CONSTRAINT accounts_closed_after_opened CHECK (closed_at >= opened_at),
    CONSTRAINT accounts_no_nan CHECK ('NaN' <> ALL (ARRAY[initial_balance, balance, leverage]))
);

COMMENT ON TABLE accounts IS 'Trading accounts; balance = initial_balance + sum of trades.net_pnl';
COMMENT ON COLUMN accounts.id IS 'Primary key';
COMMENT ON COLUMN accounts.user_id IS 'Owner of the account';
COMMENT ON COLUMN accounts.account_number IS 'Number on statements, unique';
COMMENT ON COLUMN accounts.account_type IS 'live (real money), demo (play money) or house (the firm''s own)';
COMMENT ON COLUMN accounts.currency IS 'Currency of every amount of this account, ISO 4217';
COMMENT ON COLUMN accounts.initial_balance IS 'Funds with which the account was opened';
COMMENT ON COLUMN accounts.balance IS 'Funds after all closed trades; can be negative after a price gap';
COMMENT ON COLUMN accounts.leverage IS 'Largest leverage granted: 30 means 30:1';
COMMENT ON COLUMN accounts.status IS 'active, suspended (no new orders) or closed';
COMMENT ON COLUMN accounts.opened_at IS 'When the account was opened';
COMMENT ON COLUMN accounts.closed_at IS 'When the account was closed; set exactly when status is closed';
COMMENT ON COLUMN accounts.created_at IS 'When the row was made';
COMMENT ON COLUMN accounts.updated_at IS 'When the row last changed';

-- ---------------------------------------------------------------------------
-- instruments
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS instruments (
    id              uuid            NOT NULL DEFAULT gen_random_uuid(),
    symbol          text            NOT NULL,
    name            text            NOT NULL,
    description     text,
    asset_class     text            NOT NULL,
    base_currency   text,
    quote_currency  text            NOT NULL,
    tick_size       numeric(20,8)   NOT NULL,
    lot_size        numeric(20,8)   NOT NULL,
    min_quantity    numeric(20,8)   NOT NULL,
    max_quantity    numeric(20,8)   NOT NULL,
    contract_size   numeric(20,8)   NOT NULL DEFAULT 1,
    margin_rate     numeric(6,5)    NOT NULL DEFAULT 1,
    trading_hours   jsonb           NOT NULL DEFAULT '{"timezone": "UTC", "sessions": []}',
    status          text            NOT NULL DEFAULT 'active',
    created_at      timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at      timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT instruments_pkey PRIMARY KEY (id),
    CONSTRAINT instruments_symbol_key UNIQUE (symbol),
    CONSTRAINT instruments_symbol_format CHECK (symbol ~ '^[A-Z0-9][A-Z0-9./_-]{1,19}$'),
    CONSTRAINT instruments_name_not_blank CHECK (btrim(name) <> ''),
    CONSTRAINT instruments_asset_class_known CHECK (asset_class IN ('forex', 'crypto', 'commodities', 'indices')),
    -- Crypto has codes longer than ISO's three letters (USDT).
    CONSTRAINT instruments_base_currency_format CHECK (base_currency ~ '^[A-Z0-9]{3,10}$'),
    CONSTRAINT instruments_quote_currency_format CHECK (quote_currency ~ '^[A-Z0-9]{3,10}$'),
    CONSTRAINT instruments_forex_iso CHECK (
        asset_class <> 'forex'
        OR (base_currency IS NOT NULL AND base_currency ~ '^[A-Z]{3}$' AND quote_currency ~ '^[A-Z]{3}$')
    ),
    CONSTRAINT instruments_currencies_differ CHECK (base_currency <> quote_currency),
    CONSTRAINT instruments_tick_size_positive CHECK (tick_size > 0),
    CONSTRAINT instruments_lot_size_positive CHECK (lot_size > 0),
    CONSTRAINT instruments_quantity_range CHECK (min_quantity > 0 AND max_quantity >= min_quantity),
    CONSTRAINT instruments_quantity_in_lots CHECK (min_quantity % lot_size = 0 AND max_quantity % lot_size = 0),
    CONSTRAINT instruments_contract_size_positive CHECK (contract_size > 0),
    CONSTRAINT instruments_margin_rate_range CHECK (margin_rate > 0 AND margin_rate <= 1),
    CONSTRAINT instruments_trading_hours_shape CHECK (
        jsonb_typeof(trading_hours) = 'object'
        AND coalesce(jsonb_typeof(trading_hours -> 'timezone') = 'string', false)
        AND coalesce(jsonb_typeof(trading_hours -> 'sessions') = 'array', false)
    ),
    CONSTRAINT instruments_status_known CHECK (status IN ('active', 'halted', 'delisted')),
    CONSTRAINT instruments_no_nan CHECK (
        'NaN' <> ALL (ARRAY[tick_size, lot_size, min_quantity, max_quantity, contract_size, margin_rate])
    )
);

COMMENT ON TABLE instruments IS 'What can be traded. Other tables refer to it by symbol, which never changes: a renamed instrument is a new row';
COMMENT ON COLUMN instruments.id IS 'Primary key';
COMMENT ON COLUMN instruments.symbol IS 'Ticker, for instance EUR/USD; unique';
COMMENT ON COLUMN instruments.name IS 'Name for display';
COMMENT ON COLUMN instruments.description IS 'Free text, searched together with the name';
COMMENT ON COLUMN instruments.asset_class IS 'forex, crypto, commodities or indices';
COMMENT ON COLUMN instruments.base_currency IS 'What is bought or sold; null where there is none (an index)';
COMMENT ON COLUMN instruments.quote_currency IS 'Currency of the price';
COMMENT ON COLUMN instruments.tick_size IS 'Smallest step of the price';
COMMENT ON COLUMN instruments.lot_size IS 'Smallest step of the quantity';
COMMENT ON COLUMN instruments.min_quantity IS 'Smallest quantity of one order, a multiple of lot_size';
COMMENT ON COLUMN instruments.max_quantity IS 'Largest quantity of one order, a multiple of lot_size';
COMMENT ON COLUMN instruments.contract_size IS 'Units of the underlying in a quantity of 1: notional = price * quantity * contract_size';
COMMENT ON COLUMN instruments.margin_rate IS 'Share of the notional held as margin: 0.05 is 5 percent';
COMMENT ON COLUMN instruments.trading_hours IS 'Object with timezone (IANA) and sessions, a list of {"days": [1..7], "open": "HH:MM", "close": "HH:MM"}; day 1 is Monday, an empty list means always open';
COMMENT ON COLUMN instruments.status IS 'active, halted (for now) or delisted (for good)';
COMMENT ON COLUMN instruments.created_at IS 'When the row was made';
COMMENT ON COLUMN instruments.updated_at IS 'When the row last changed';

-- ---------------------------------------------------------------------------
-- sessions
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS sessions (
    id                      uuid            NOT NULL DEFAULT gen_random_uuid(),
    account_id              uuid            NOT NULL,
    symbol                  text            NOT NULL,
    name                    text            NOT NULL,
    strategy                text            NOT NULL DEFAULT 'manual',
    status                  text            NOT NULL DEFAULT 'active',
    parameters              jsonb           NOT NULL DEFAULT '{}',
    notes                   text,
    settlement_required     boolean         NOT NULL DEFAULT true,
    settlement_completed    boolean         NOT NULL DEFAULT false,
    settled_at              timestamptz,
    started_at              timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    ended_at                timestamptz,
    created_at              timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at              timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    -- Target of the foreign keys that hold an order and a trade to the account of their session.
    CONSTRAINT sessions_id_account_id_key UNIQUE (id, account_id),
    CONSTRAINT sessions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE RESTRICT,
    CONSTRAINT sessions_symbol_fkey FOREIGN KEY (symbol) REFERENCES instruments (symbol) ON DELETE RESTRICT,
    CONSTRAINT sessions_name_not_blank CHECK (btrim(name) <> ''),
    CONSTRAINT sessions_strategy_known CHECK (
        strategy IN ('manual', 'market_making', 'trend_following', 'mean_reversion', 'arbitrage', 'grid')
    ),
    CONSTRAINT sessions_status_known CHECK (status IN ('active', 'paused', 'completed', 'stopped', 'failed')),
    CONSTRAINT sessions_parameters_is_object CHECK (jsonb_typeof(parameters) = 'object'),
    CONSTRAINT sessions_ended_has_time CHECK ((status IN ('completed', 'stopped', 'failed')) = (ended_at IS NOT NULL)),
    CONSTRAINT sessions_ended_after_started CHECK (ended_at >= started_at),
    CONSTRAINT sessions_settled_has_time CHECK (settlement_completed = (settled_at IS NOT NULL)),
    CONSTRAINT sessions_settled_only_if_required CHECK (settlement_required OR NOT settlement_completed),
    CONSTRAINT sessions_settled_after_started CHECK (settled_at >= started_at)
);

COMMENT ON TABLE sessions IS 'Runs of a strategy, or of trading by hand, on one account; every order belongs to one';
COMMENT ON COLUMN sessions.id IS 'Primary key';
COMMENT ON COLUMN sessions.account_id IS 'Account that trades';
COMMENT ON COLUMN sessions.symbol IS 'Instrument that the session was opened for';
COMMENT ON COLUMN sessions.name IS 'Name for display';
COMMENT ON COLUMN sessions.strategy IS 'manual, market_making, trend_following, mean_reversion, arbitrage or grid';
COMMENT ON COLUMN sessions.status IS 'active or paused while it runs; completed, stopped or failed once it has ended';
COMMENT ON COLUMN sessions.parameters IS 'Settings of the strategy, an object';
COMMENT ON COLUMN sessions.notes IS 'Free text, searched together with the name';
COMMENT ON COLUMN sessions.settlement_required IS 'Whether the settlement service must settle the session';
COMMENT ON COLUMN sessions.settlement_completed IS 'Whether it has been settled';
COMMENT ON COLUMN sessions.settled_at IS 'When it was settled; set exactly when settlement_completed is true';
COMMENT ON COLUMN sessions.started_at IS 'When trading began';
COMMENT ON COLUMN sessions.ended_at IS 'When trading ended; null while it runs';
COMMENT ON COLUMN sessions.created_at IS 'When the row was made';
COMMENT ON COLUMN sessions.updated_at IS 'When the row last changed';

-- ---------------------------------------------------------------------------
-- orders
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS orders (
    id                  bigint          NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    account_id          uuid            NOT NULL,
    session_id          uuid            NOT NULL,
    symbol              text            NOT NULL,
    client_order_id     text            NOT NULL,
    side                text            NOT NULL,
    order_type          text            NOT NULL,
    time_in_force       text            NOT NULL DEFAULT 'gtc',
    quantity            numeric(20,8)   NOT NULL,
    limit_price         numeric(20,8),
    stop_price          numeric(20,8),
    filled_quantity     numeric(20,8)   NOT NULL DEFAULT 0,
    average_fill_price  numeric(20,8),
    status              text            NOT NULL DEFAULT 'pending',
    reject_reason       text,
    attributes          jsonb           NOT NULL DEFAULT '{}',
    placed_at           timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    expires_at          timestamptz,
    updated_at          timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT orders_pkey PRIMARY KEY (id),
    CONSTRAINT orders_account_id_client_order_id_key UNIQUE (account_id, client_order_id),
    -- Target of the foreign keys that hold a fill, and the exit of a trade, to its order's session, symbol and side.
    CONSTRAINT orders_id_session_id_symbol_side_key UNIQUE (id, session_id, symbol, side),
    -- The same for the entry of a trade, which may be of an earlier session of the account.
    CONSTRAINT orders_id_account_id_symbol_side_key UNIQUE (id, account_id, symbol, side),
    -- The account follows through the session, and must be the session's.
    CONSTRAINT orders_session_id_account_id_fkey FOREIGN KEY (session_id, account_id)
        REFERENCES sessions (id, account_id) ON DELETE RESTRICT,
    CONSTRAINT orders_symbol_fkey FOREIGN KEY (symbol) REFERENCES instruments (symbol) ON DELETE RESTRICT,
    CONSTRAINT orders_client_order_id_length CHECK (length(client_order_id) BETWEEN 1 AND 64),
    CONSTRAINT orders_side_known CHECK (side IN ('buy', 'sell')),
    CONSTRAINT orders_order_type_known CHECK (order_type IN ('market', 'limit', 'stop', 'stop_limit')),
    CONSTRAINT orders_time_in_force_known CHECK (time_in_force IN ('gtc', 'gtd', 'day', 'ioc', 'fok')),
    CONSTRAINT orders_quantity_positive CHECK (quantity > 0),
    CONSTRAINT orders_filled_quantity_range CHECK (filled_quantity >= 0 AND filled_quantity <= quantity),
    CONSTRAINT orders_prices_positive CHECK (limit_price > 0 AND stop_price > 0 AND average_fill_price > 0),
    CONSTRAINT orders_limit_has_price CHECK ((order_type IN ('limit', 'stop_limit')) = (limit_price IS NOT NULL)),
    CONSTRAINT orders_stop_has_price CHECK ((order_type IN ('stop', 'stop_limit')) = (stop_price IS NOT NULL)),
    CONSTRAINT orders_average_price_if_filled CHECK ((filled_quantity > 0) = (average_fill_price IS NOT NULL)),
    CONSTRAINT orders_status_known CHECK (
        status IN ('pending', 'open', 'partially_filled', 'filled', 'cancelled', 'rejected', 'expired')
    ),
    CONSTRAINT orders_status_matches_fills CHECK (
        CASE status
            WHEN 'filled' THEN filled_quantity = quantity
            WHEN 'partially_filled' THEN filled_quantity > 0 AND filled_quantity < quantity
            WHEN 'cancelled' THEN filled_quantity < quantity
            WHEN 'expired' THEN filled_quantity < quantity
            ELSE filled_quantity = 0
        END
    ),
    CONSTRAINT orders_rejected_has_reason CHECK ((status = 'rejected') = (reject_reason IS NOT NULL)),
    CONSTRAINT orders_gtd_has_expiry CHECK ((time_in_force = 'gtd') = (expires_at IS NOT NULL)),
    CONSTRAINT orders_expires_after_placed CHECK (expires_at > placed_at),
    CONSTRAINT orders_attributes_is_object CHECK (jsonb_typeof(attributes) = 'object'),
    CONSTRAINT orders_no_nan CHECK (
        'NaN' <> ALL (ARRAY[quantity, limit_price, stop_price, filled_quantity, average_fill_price])
    )
);

COMMENT ON TABLE orders IS 'Orders as the client placed them, and how far they got';
COMMENT ON COLUMN orders.id IS 'Primary key';
COMMENT ON COLUMN orders.account_id IS 'Account that the order is for; always the account of the session';
COMMENT ON COLUMN orders.session_id IS 'Session that placed the order';
COMMENT ON COLUMN orders.symbol IS 'Instrument';
COMMENT ON COLUMN orders.client_order_id IS 'Name that the client gave the order; unique per account, so that a repeated request is not a second order';
COMMENT ON COLUMN orders.side IS 'buy or sell';
COMMENT ON COLUMN orders.order_type IS 'market, limit, stop or stop_limit';
COMMENT ON COLUMN orders.time_in_force IS 'gtc (until cancelled), gtd (until expires_at), day, ioc (immediate or cancel), fok (fill or kill)';
COMMENT ON COLUMN orders.quantity IS 'Quantity ordered, always positive';
COMMENT ON COLUMN orders.limit_price IS 'Worst acceptable price; set exactly for limit and stop_limit';
COMMENT ON COLUMN orders.stop_price IS 'Price that activates the order; set exactly for stop and stop_limit';
COMMENT ON COLUMN orders.filled_quantity IS 'Sum of the quantities of the order''s fills';
COMMENT ON COLUMN orders.average_fill_price IS 'Mean price of the fills, weighted by quantity; null without a fill';
COMMENT ON COLUMN orders.status IS 'pending, open, partially_filled, filled, cancelled, rejected or expired; the last four are final';
COMMENT ON COLUMN orders.reject_reason IS 'Why the order was rejected; set exactly when status is rejected';
COMMENT ON COLUMN orders.attributes IS 'Tags of the client, an object';
COMMENT ON COLUMN orders.placed_at IS 'When the client placed the order';
COMMENT ON COLUMN orders.expires_at IS 'End of a gtd order';
COMMENT ON COLUMN orders.updated_at IS 'When the order last changed';

-- ---------------------------------------------------------------------------
-- fills
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS fills (
    id              bigint          NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    order_id        bigint          NOT NULL,
    session_id      uuid            NOT NULL,
    symbol          text            NOT NULL,
    side            text            NOT NULL,
    price           numeric(20,8)   NOT NULL,
    quantity        numeric(20,8)   NOT NULL,
    fee             numeric(20,8)   NOT NULL DEFAULT 0,
    liquidity       text            NOT NULL,
    execution_id    text,
    -- By the clock: two fills in one transaction are two executions.
    executed_at     timestamptz     NOT NULL DEFAULT clock_timestamp(),
    created_at      timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT fills_pkey PRIMARY KEY (id),
    -- Fills without the venue's name are told apart by 008. Its index also finds the fills of an order.
    CONSTRAINT fills_order_id_execution_id_key UNIQUE (order_id, execution_id),
    -- Session, symbol and side are kept here for the queries by session and by
    -- symbol; this key makes it impossible that they differ from the order's.
    CONSTRAINT fills_order_fkey FOREIGN KEY (order_id, session_id, symbol, side)
        REFERENCES orders (id, session_id, symbol, side) ON DELETE RESTRICT,
    CONSTRAINT fills_price_positive CHECK (price > 0),
    CONSTRAINT fills_quantity_positive CHECK (quantity > 0),
    CONSTRAINT fills_liquidity_known CHECK (liquidity IN ('maker', 'taker')),
    CONSTRAINT fills_execution_id_not_blank CHECK (btrim(execution_id) <> ''),
    CONSTRAINT fills_no_nan CHECK ('NaN' <> ALL (ARRAY[price, quantity, fee]))
);

COMMENT ON TABLE fills IS 'Executions of orders; written once, never changed';
COMMENT ON COLUMN fills.id IS 'Primary key';
COMMENT ON COLUMN fills.order_id IS 'Order that was executed';
COMMENT ON COLUMN fills.session_id IS 'Session of the order';
COMMENT ON COLUMN fills.symbol IS 'Instrument of the order';
COMMENT ON COLUMN fills.side IS 'Side of the order: buy or sell';
COMMENT ON COLUMN fills.price IS 'Price of the execution, in the instrument''s quote currency';
COMMENT ON COLUMN fills.quantity IS 'Quantity executed, always positive';
COMMENT ON COLUMN fills.fee IS 'Fee in the account''s currency; negative is a rebate';
COMMENT ON COLUMN fills.liquidity IS 'maker (the order rested in the book) or taker';
COMMENT ON COLUMN fills.execution_id IS 'The venue''s own name for the execution, unique per order; null where it gives none';
COMMENT ON COLUMN fills.executed_at IS 'When the venue executed; not before the order''s placed_at. By default the time of the clock, not of the transaction';
COMMENT ON COLUMN fills.created_at IS 'When the row was made';

-- ---------------------------------------------------------------------------
-- positions
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS positions (
    id              uuid            NOT NULL DEFAULT gen_random_uuid(),
    account_id      uuid            NOT NULL,
    symbol          text            NOT NULL,
    net_quantity    numeric(20,8)   NOT NULL DEFAULT 0,
    average_price   numeric(20,8),
    realized_pnl    numeric(20,8)   NOT NULL DEFAULT 0,
    opened_at       timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at      timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT positions_pkey PRIMARY KEY (id),
    CONSTRAINT positions_account_id_symbol_key UNIQUE (account_id, symbol),
    CONSTRAINT positions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts (id) ON DELETE RESTRICT,
    CONSTRAINT positions_symbol_fkey FOREIGN KEY (symbol) REFERENCES instruments (symbol) ON DELETE RESTRICT,
    CONSTRAINT positions_average_price_positive CHECK (average_price > 0),
    CONSTRAINT positions_flat_has_no_price CHECK ((net_quantity = 0) = (average_price IS NULL)),
    CONSTRAINT positions_no_nan CHECK ('NaN' <> ALL (ARRAY[net_quantity, average_price, realized_pnl]))
);

COMMENT ON TABLE positions IS 'Net position of each account in each instrument; follows from the fills';
COMMENT ON COLUMN positions.id IS 'Primary key';
COMMENT ON COLUMN positions.account_id IS 'Account that holds the position';
COMMENT ON COLUMN positions.symbol IS 'Instrument';
COMMENT ON COLUMN positions.net_quantity IS 'Quantity bought less quantity sold over all fills: above 0 is long, below 0 short, 0 flat';
COMMENT ON COLUMN positions.average_price IS 'Mean entry price of what is open; null when flat';
COMMENT ON COLUMN positions.realized_pnl IS 'Sum of trades.realized_pnl of the account in the instrument, before fees';
COMMENT ON COLUMN positions.opened_at IS 'When the account first traded the instrument';
COMMENT ON COLUMN positions.updated_at IS 'When the row last changed';

-- ---------------------------------------------------------------------------
-- trades
-- ---------------------------------------------------------------------------

CREATE TABLE IF NOT EXISTS trades (
    id              bigint          NOT NULL GENERATED BY DEFAULT AS IDENTITY,
    account_id      uuid            NOT NULL,
    session_id      uuid            NOT NULL,
    symbol          text            NOT NULL,
    direction       text            NOT NULL,
    entry_side      text            NOT NULL GENERATED ALWAYS AS (
        CASE direction WHEN 'long' THEN 'buy' ELSE 'sell' END
    ) STORED,
    exit_side       text            NOT NULL GENERATED ALWAYS AS (
        CASE direction WHEN 'long' THEN 'sell' ELSE 'buy' END
    ) STORED,
    quantity        numeric(20,8)   NOT NULL,
    entry_order_id  bigint          NOT NULL,
    exit_order_id   bigint          NOT NULL,
    entry_price     numeric(20,8)   NOT NULL,
    exit_price      numeric(20,8)   NOT NULL,
    conversion_rate numeric(20,10)  NOT NULL DEFAULT 1,
    realized_pnl    numeric(20,8)   NOT NULL,
    fees            numeric(20,8)   NOT NULL DEFAULT 0,
    net_pnl         numeric(20,8)   NOT NULL GENERATED ALWAYS AS (realized_pnl - fees) STORED,
    opened_at       timestamptz     NOT NULL,
    closed_at       timestamptz     NOT NULL,
    created_at      timestamptz     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT trades_pkey PRIMARY KEY (id),
    CONSTRAINT trades_session_id_account_id_fkey FOREIGN KEY (session_id, account_id)
        REFERENCES sessions (id, account_id) ON DELETE RESTRICT,
    CONSTRAINT trades_symbol_fkey FOREIGN KEY (symbol) REFERENCES instruments (symbol) ON DELETE RESTRICT,
    -- Both orders are of the account and the instrument, and on the side that the
    -- direction asks for; the one that closed is of the session, too.
    CONSTRAINT trades_entry_order_fkey FOREIGN KEY (entry_order_id, account_id, symbol, entry_side)
        REFERENCES orders (id, account_id, symbol, side) ON DELETE RESTRICT,
    CONSTRAINT trades_exit_order_fkey FOREIGN KEY (exit_order_id, session_id, symbol, exit_side)
        REFERENCES orders (id, session_id, symbol, side) ON DELETE RESTRICT,
    CONSTRAINT trades_direction_known CHECK (direction IN ('long', 'short')),
    CONSTRAINT trades_quantity_positive CHECK (quantity > 0),
    CONSTRAINT trades_orders_differ CHECK (entry_order_id <> exit_order_id),
    CONSTRAINT trades_prices_positive CHECK (entry_price > 0 AND exit_price > 0),
    CONSTRAINT trades_conversion_rate_positive CHECK (conversion_rate > 0),
    CONSTRAINT trades_closed_after_opened CHECK (closed_at >= opened_at),
    CONSTRAINT trades_no_nan CHECK (
        'NaN' <> ALL (ARRAY[quantity, entry_price, exit_price, conversion_rate, realized_pnl, fees])
    )
);

COMMENT ON TABLE trades IS 'Closed round trips: a quantity that was opened by one order and closed by another';
COMMENT ON COLUMN trades.id IS 'Primary key';
COMMENT ON COLUMN trades.account_id IS 'Account that traded; always the account of the session';
COMMENT ON COLUMN trades.session_id IS 'Session that closed the round trip';
COMMENT ON COLUMN trades.symbol IS 'Instrument';
COMMENT ON COLUMN trades.direction IS 'long (bought, then sold) or short';
COMMENT ON COLUMN trades.entry_side IS 'Side of the entry order: buy for a long, sell for a short';
COMMENT ON COLUMN trades.exit_side IS 'Side of the exit order: the other one';
COMMENT ON COLUMN trades.quantity IS 'Quantity opened and closed again';
COMMENT ON COLUMN trades.entry_order_id IS 'Order that opened; of the account, perhaps of an earlier session';
COMMENT ON COLUMN trades.exit_order_id IS 'Order that closed; of the session';
COMMENT ON COLUMN trades.entry_price IS 'Mean price of opening';
COMMENT ON COLUMN trades.exit_price IS 'Mean price of closing';
COMMENT ON COLUMN trades.conversion_rate IS 'Price of one unit of the quote currency in the account''s currency, at closing';
COMMENT ON COLUMN trades.realized_pnl IS 'Profit before fees in the account''s currency: (exit_price - entry_price) * quantity * contract_size * conversion_rate, with the sign turned for a short';
COMMENT ON COLUMN trades.fees IS 'Fees of both sides in the account''s currency';
COMMENT ON COLUMN trades.net_pnl IS 'realized_pnl - fees: what the trade added to the balance';
COMMENT ON COLUMN trades.opened_at IS 'When the quantity was opened; not before the entry order''s placed_at';
COMMENT ON COLUMN trades.closed_at IS 'When the quantity was closed; not before the exit order''s placed_at';
COMMENT ON COLUMN trades.created_at IS 'When the row was made';

-- ---------------------------------------------------------------------------
-- updated_at
-- ---------------------------------------------------------------------------

CREATE OR REPLACE TRIGGER users_set_updated_at BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER accounts_set_updated_at BEFORE UPDATE ON accounts
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER instruments_set_updated_at BEFORE UPDATE ON instruments
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER sessions_set_updated_at BEFORE UPDATE ON sessions
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER orders_set_updated_at BEFORE UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();
CREATE OR REPLACE TRIGGER positions_set_updated_at BEFORE UPDATE ON positions
    FOR EACH ROW EXECUTE FUNCTION set_updated_at();

-- ============================================================================
-- DOWN Migration
-- ============================================================================

-- To rollback, uncomment and run the following:
/*
DROP TABLE IF EXISTS trades;
DROP TABLE IF EXISTS positions;
DROP TABLE IF EXISTS fills;
DROP TABLE IF EXISTS orders;
DROP TABLE IF EXISTS sessions;
DROP TABLE IF EXISTS instruments;
DROP TABLE IF EXISTS accounts;
DROP TABLE IF EXISTS users;
DROP FUNCTION IF EXISTS set_updated_at();
*/
