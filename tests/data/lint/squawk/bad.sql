-- UP Migration
/* é */ CREATE TABLE a (id int, name varchar(10), code char(3), at timestamp);
CREATE INDEX orders_symbol ON orders (symbol);
ALTER TABLE orders ADD COLUMN level int NOT NULL;
ALTER TABLE orders ADD CONSTRAINT positive CHECK (price > 0);
ALTER TABLE orders RENAME COLUMN price TO amount;
ALTER TABLE orders ALTER COLUMN symbol TYPE varchar(3);

-- DOWN Migration
/*
DROP TABLE a;
*/
