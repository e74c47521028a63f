-- Partitions: by range, list and hash, in each other, a default one, one with other columns.
CREATE TABLE zoo.trades (
    id bigint, symbol text NOT NULL, at timestamptz NOT NULL, amount numeric DEFAULT 0,
    CONSTRAINT trades_key PRIMARY KEY (symbol, at, id), CHECK (amount >= 0)
) PARTITION BY RANGE (at);
CREATE TABLE zoo.trades_old PARTITION OF zoo.trades FOR VALUES FROM (MINVALUE) TO ('2024-01-01 00:00+00');
CREATE TABLE zoo.trades_2024 PARTITION OF zoo.trades (amount DEFAULT 24, CONSTRAINT own_check CHECK (amount < 1000000))
    FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2025-01-01 00:00+00') PARTITION BY LIST (symbol);
CREATE TABLE zoo.trades_2024_de PARTITION OF zoo.trades_2024 FOR VALUES IN ('SAP', 'BMW', 'it''s');
CREATE TABLE zoo.trades_2024_rest PARTITION OF zoo.trades_2024 DEFAULT PARTITION BY HASH (id, symbol);
CREATE TABLE zoo.trades_2024_rest_0 PARTITION OF zoo.trades_2024_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE zoo.trades_2024_rest_1 PARTITION OF zoo.trades_2024_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE zoo.trades_new (note text, at timestamptz NOT NULL, amount numeric, symbol text NOT NULL,
    gone integer, id bigint NOT NULL, CONSTRAINT trades_amount_check CHECK (amount >= 0));
ALTER TABLE zoo.trades_new DROP COLUMN gone, DROP COLUMN note;
ALTER TABLE zoo.trades ATTACH PARTITION zoo.trades_new FOR VALUES FROM ('2025-01-01 00:00+00') TO (MAXVALUE);
CREATE TABLE zoo.trades_default PARTITION OF zoo.trades DEFAULT;
CREATE INDEX trades_amount ON zoo.trades (amount, at DESC);
CREATE INDEX trades_only ON ONLY zoo.trades (lower(symbol));
CREATE INDEX trades_old_attached ON zoo.trades_old (id);
CREATE INDEX trades_id ON zoo.trades (id);
INSERT INTO zoo.trades (id, symbol, at, amount)
    SELECT n, (ARRAY['SAP', 'BMW', 'it''s', 'AAPL', 'Ärger', ''])[n % 6 + 1], timestamptz '2023-06-01 00:00+00' + n * interval '8 days', n
    FROM generate_series(1, 120) n;
COMMENT ON TABLE zoo.trades IS 'a partitioned table';
COMMENT ON TABLE zoo.trades_2024_de IS 'a partition of a partition';
CREATE TABLE zoo.fills (trade_symbol text, trade_at timestamptz, trade_id bigint, n integer,
    FOREIGN KEY (trade_symbol, trade_at, trade_id) REFERENCES zoo.trades) PARTITION BY HASH (n);
CREATE TABLE zoo.fills_0 PARTITION OF zoo.fills FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO zoo.fills SELECT symbol, at, id, id FROM zoo.trades WHERE id < 10;
CREATE TABLE zoo.by_expression (a text, b integer) PARTITION BY LIST (lower(a) COLLATE "C");
CREATE TABLE zoo.by_expression_null PARTITION OF zoo.by_expression FOR VALUES IN (NULL, 'x');
INSERT INTO zoo.by_expression VALUES (NULL, 1), ('X', 2);
CREATE TABLE zoo.by_enum (m zoo.mood, n numeric, f double precision) PARTITION BY RANGE (m, n);
CREATE TABLE zoo.by_enum_low PARTITION OF zoo.by_enum FOR VALUES FROM (MINVALUE, MINVALUE) TO ('ok', 5);
CREATE TABLE zoo.by_enum_high PARTITION OF zoo.by_enum FOR VALUES FROM ('ok', 5) TO (MAXVALUE, MAXVALUE);
INSERT INTO zoo.by_enum VALUES ('sad', 'NaN', 'NaN'), ('ok', 4, 1), ('ok', 5, 2), ('it''s', 0, 3);
CREATE TABLE zoo.without_partitions (a integer) PARTITION BY RANGE (a);
