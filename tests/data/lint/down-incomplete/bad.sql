-- UP Migration
CREATE TYPE side AS ENUM ('buy', 'sell');
CREATE SEQUENCE numbers;
CREATE TABLE orders (id bigint PRIMARY KEY, side side NOT NULL, owner_id bigint);
CREATE INDEX ON accounts (owner_id, name);
ALTER TABLE accounts ADD COLUMN note text, ADD CONSTRAINT positive CHECK (balance >= 0) NOT VALID;
CREATE VIEW open_orders AS SELECT id FROM orders;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touch BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY own ON accounts USING (owner_id = 1);
ALTER TABLE people RENAME TO persons;

-- DOWN Migration
/*
DROP TABLE orders;
*/
