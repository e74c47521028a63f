CREATE TABLE zoo.since18 (
    id integer CONSTRAINT named_not_null NOT NULL, net numeric, twice numeric GENERATED ALWAYS AS (net * 2) VIRTUAL,
    implicitly text GENERATED ALWAYS AS ('v' || net), u uuid, late integer,
    CONSTRAINT not_enforced CHECK (net > 0) NOT ENFORCED, CONSTRAINT own NOT NULL net NO INHERIT);
INSERT INTO zoo.since18 (id, net, late) VALUES (1, 1.5, NULL), (2, -2, 3);
ALTER TABLE zoo.since18 ADD CONSTRAINT late_not_null NOT NULL late NOT VALID;
COMMENT ON CONSTRAINT named_not_null ON zoo.since18 IS 'a NOT NULL with a comment';
COMMENT ON CONSTRAINT late_not_null ON zoo.since18 IS 'a NOT NULL that is not valid, with a comment';
ALTER TABLE zoo.since18 ALTER u SET DEFAULT uuidv7();
CREATE TABLE zoo.since18_child () INHERITS (zoo.since18);
INSERT INTO zoo.since18_child (id, net, late) VALUES (3, 3, 3);
CREATE TABLE zoo.rooms (room int4range, valid daterange, PRIMARY KEY (room, valid WITHOUT OVERLAPS),
    UNIQUE (valid, room WITHOUT OVERLAPS));
CREATE TABLE zoo.bookings (room int4range, valid daterange, FOREIGN KEY (room, PERIOD valid) REFERENCES zoo.rooms (room, PERIOD valid));
INSERT INTO zoo.rooms VALUES ('[1,2)', '[2024-01-01,2024-02-01)'), ('[1,2)', '[2024-02-01,2024-03-01)');
INSERT INTO zoo.bookings VALUES ('[1,2)', '[2024-01-20,2024-02-10)');
CREATE TABLE zoo.unenforced (room integer REFERENCES zoo.hens NOT ENFORCED);
INSERT INTO zoo.unenforced VALUES (12345);
CREATE COLLATION zoo.unicode_fast (provider = builtin, locale = 'PG_UNICODE_FAST');
CREATE FUNCTION zoo.old_and_new() RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC
    UPDATE zoo.hens SET name = upper(name) RETURNING WITH (OLD AS o, NEW AS n) o.name || n.name; END;
CREATE PUBLICATION generated_columns FOR TABLE zoo.derived WITH (publish_generated_columns = stored);
ALTER DEFAULT PRIVILEGES GRANT SELECT ON LARGE OBJECTS TO <reader>;
