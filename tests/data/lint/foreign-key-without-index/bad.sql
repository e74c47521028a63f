-- UP Migration
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts (id),
    symbol text,
    FOREIGN KEY (symbol, account_id) REFERENCES listings (symbol, account_id)
);
CREATE INDEX orders_symbol ON orders (symbol, id);
CREATE INDEX orders_some ON orders (account_id) WHERE symbol = 'A';
ALTER TABLE fills ADD CONSTRAINT fills_order FOREIGN KEY (order_id) REFERENCES orders (id) NOT VALID;
ALTER TABLE fills ADD COLUMN venue_id bigint REFERENCES venues (id);

-- DOWN Migration
/*
ALTER TABLE fills DROP COLUMN venue_id, DROP CONSTRAINT fills_order;
DROP TABLE orders;
*/
