-- UP Migration
CREATE TABLE orders (
    id bigint PRIMARY KEY REFERENCES parents (id),
    account_id bigint NOT NULL REFERENCES accounts (id),
    symbol text,
    owner_id bigint REFERENCES owners (id),
    FOREIGN KEY (symbol, account_id) REFERENCES listings (symbol, account_id)
);
CREATE INDEX orders_listing ON orders (account_id, symbol);
CREATE INDEX orders_owner ON orders (owner_id) WHERE owner_id IS NOT NULL;

-- DOWN Migration
/*
DROP TABLE orders;
*/
