-- UP Migration
CREATE INDEX CONCURRENTLY orders_symbol ON orders (symbol);
ALTER TABLE orders ADD COLUMN level bigint;

-- DOWN Migration
/*
ALTER TABLE orders DROP COLUMN level;
DROP INDEX CONCURRENTLY orders_symbol;
*/
