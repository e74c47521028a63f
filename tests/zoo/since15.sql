CREATE TABLE zoo.since15 (id integer PRIMARY KEY, negative_scale numeric(5, -2), parent integer, also integer,
    CONSTRAINT since15_unique UNIQUE NULLS NOT DISTINCT (also) INCLUDE (parent) WITH (fillfactor = 80), UNIQUE (id, also),
    FOREIGN KEY (parent, also) REFERENCES zoo.since15 (id, also) ON DELETE SET NULL (also) NOT VALID);
INSERT INTO zoo.since15 VALUES (1, 12300, NULL, 1), (2, 99900, 1, NULL), (3, -100, NULL, 3);
CREATE VIEW zoo.invoked15 WITH (security_barrier, security_invoker = true) AS SELECT id FROM zoo.since15 WHERE id > 1;
CREATE PUBLICATION since15 FOR TABLE zoo.since15 WHERE (id > 1), zoo.stored (a, b) WITH (publish = 'insert, delete');
CREATE PUBLICATION one_schema FOR TABLES IN SCHEMA writers WITH (publish = 'truncate');
CREATE UNLOGGED SEQUENCE zoo.unlogged_sequence;
SELECT nextval('zoo.unlogged_sequence');
CREATE UNLOGGED TABLE zoo.unlogged15 (id serial PRIMARY KEY, t text);
INSERT INTO zoo.unlogged15 (t) VALUES ('one'), ('two');
