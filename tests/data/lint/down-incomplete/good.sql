-- UP Migration
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TYPE side AS ENUM ('buy', 'sell');
CREATE TABLE orders (id bigint PRIMARY KEY, side side NOT NULL);
CREATE INDEX orders_side ON orders (side);
CREATE TEMPORARY TABLE scratch (id bigint);
CREATE TABLE made_and_dropped (id bigint);
DROP TABLE made_and_dropped;
ALTER TABLE accounts ADD COLUMN note text;
CREATE INDEX accounts_note ON accounts (note);
CREATE VIEW open_orders AS SELECT id FROM orders;
CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER touch BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION touch();
CREATE SEQUENCE numbers OWNED BY orders.id;
CREATE SEQUENCE others;
ALTER SEQUENCE others OWNED BY orders.id;
ALTER TABLE people RENAME TO persons;
ALTER TABLE persons RENAME COLUMN name TO full_name;

-- DOWN Migration
/*
ALTER TABLE persons RENAME COLUMN full_name TO name;
ALTER TABLE persons RENAME TO people;
DROP FUNCTION touch CASCADE;
DROP TABLE public.orders CASCADE;
ALTER TABLE accounts DROP COLUMN note;
DROP TYPE side;
*/
