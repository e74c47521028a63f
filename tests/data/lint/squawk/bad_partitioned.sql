-- UP Migration
CREATE TABLE events (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
ALTER TABLE orders ADD CONSTRAINT positive CHECK (price > 0) NOT VALID;
CREATE INDEX orders_symbol ON orders (symbol);

-- DOWN Migration
/*
DROP TABLE events;
ALTER TABLE orders DROP CONSTRAINT positive;
DROP INDEX orders_symbol;
*/
