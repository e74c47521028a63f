-- Indexes, keys and foreign keys with everything that may be said of one; all of it has to come back.
CREATE SCHEMA bulky;
SET search_path = bulky;
CREATE TABLE parent (id bigint PRIMARY KEY, code text UNIQUE NOT NULL, other text);
CREATE TABLE "We ird" (
    id bigint, a text NOT NULL, "B b" text, c integer NOT NULL, d timestamptz, ref bigint, code text, self bigint,
    e numeric, p point, list integer[], span int4range, late bigint,
    CONSTRAINT "pk ""q" PRIMARY KEY (id) INCLUDE (c) WITH (fillfactor = 70),
    CONSTRAINT uq UNIQUE NULLS NOT DISTINCT (a, c) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT no_overlap EXCLUDE USING gist (span WITH &&),
    CONSTRAINT fk1 FOREIGN KEY (ref) REFERENCES parent ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT fk2 FOREIGN KEY (code) REFERENCES parent (code) MATCH FULL ON DELETE SET DEFAULT (code),
    CONSTRAINT fkself FOREIGN KEY (self) REFERENCES "We ird" DEFERRABLE
);
ALTER TABLE "We ird" ADD CONSTRAINT not_valid FOREIGN KEY (late) REFERENCES parent NOT VALID;
CREATE INDEX i1 ON "We ird" (lower(a) DESC NULLS LAST, c) INCLUDE (e) WITH (fillfactor = 50) WHERE c > 5 AND a <> '{}%s%%';
ALTER INDEX i1 ALTER COLUMN 1 SET STATISTICS 77;
COMMENT ON INDEX i1 IS 'it''s {} %s a comment';
CREATE INDEX i2 ON "We ird" USING gin (list) WITH (fastupdate = off);
CREATE INDEX i3 ON "We ird" USING brin (d) WITH (pages_per_range = 16);
CREATE INDEX i4 ON "We ird" ("B b" text_pattern_ops);
CREATE INDEX i5 ON "We ird" (a COLLATE "C" DESC);
CREATE INDEX i6 ON "We ird" USING hash (a);
CREATE INDEX i7 ON "We ird" USING spgist (p);
CREATE UNIQUE INDEX i8 ON "We ird" (code, c) NULLS NOT DISTINCT;
CREATE UNIQUE INDEX i9 ON "We ird" (c, a);
ALTER TABLE "We ird" REPLICA IDENTITY USING INDEX i9;
ALTER TABLE "We ird" CLUSTER ON i5;
COMMENT ON CONSTRAINT fk1 ON "We ird" IS 'fk %s {} comment';
COMMENT ON CONSTRAINT uq ON "We ird" IS 'of the constraint';
COMMENT ON INDEX uq IS 'of its index';
CREATE FUNCTION same(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE INDEX calls ON "We ird" (same(a));
CREATE VIEW grouped AS SELECT id, code, other FROM parent GROUP BY id;
CREATE TABLE pt (id bigint NOT NULL, at date NOT NULL, ref bigint REFERENCES parent, x text, PRIMARY KEY (id, at))
    PARTITION BY RANGE (at);
CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') PARTITION BY LIST (id);
CREATE TABLE pt1a PARTITION OF pt1 FOR VALUES IN (1);
CREATE TABLE pt1b PARTITION OF pt1 DEFAULT;
CREATE TABLE pt2 (LIKE pt);
ALTER TABLE pt2 ADD PRIMARY KEY (id, at);
CREATE INDEX own_name ON pt2 (x) WITH (fillfactor = 33);
COMMENT ON INDEX own_name IS 'mine';
ALTER TABLE pt ATTACH PARTITION pt2 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE INDEX pti ON pt (x);
COMMENT ON INDEX pti IS 'of all';
ALTER TABLE pt1a CLUSTER ON pt1a_x_idx;
CREATE INDEX only_leaf ON pt2 (ref);
CREATE INDEX broken ON ONLY pt (ref);
CREATE TABLE named (id bigint NOT NULL, at date NOT NULL, ref bigint CONSTRAINT own_fk REFERENCES parent);
CREATE TABLE ps (id bigint NOT NULL, at date NOT NULL, ref bigint, CONSTRAINT all_fk FOREIGN KEY (ref) REFERENCES parent)
    PARTITION BY RANGE (at);
ALTER TABLE ps ATTACH PARTITION named FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE UNLOGGED TABLE child (ref bigint REFERENCES "We ird" ON DELETE SET NULL);
CREATE INDEX ON child (ref);
CREATE TABLE fills (id integer PRIMARY KEY, parent bigint REFERENCES parent, note text);
CREATE INDEX fills_note ON fills (note);
