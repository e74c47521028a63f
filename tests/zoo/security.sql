-- Who may do what: owners, privileges, row security; large objects and publications.
GRANT USAGE ON SCHEMA zoo TO <reader>, <writer>;
GRANT ALL ON SCHEMA zoo TO <lion> WITH GRANT OPTION;
GRANT SELECT ON ALL TABLES IN SCHEMA zoo TO <reader>;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON zoo.hens TO <writer> WITH GRANT OPTION;
REVOKE ALL ON zoo.audit FROM <owner>;
GRANT SELECT ON zoo.audit TO <owner>;
GRANT SELECT (id, name), UPDATE (name), REFERENCES (id) ON zoo.animals TO <lion>, PUBLIC;
GRANT USAGE ON SEQUENCE zoo.huge TO <reader>;
GRANT SELECT, UPDATE ON SEQUENCE zoo.descending TO PUBLIC;
REVOKE EXECUTE ON FUNCTION zoo.atomic(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION zoo.atomic(integer) TO <writer>;
GRANT EXECUTE ON PROCEDURE zoo.work(integer) TO <lion> WITH GRANT OPTION;
REVOKE USAGE ON TYPE zoo.mood FROM PUBLIC;
GRANT USAGE ON TYPE zoo.mood TO <reader>;
GRANT USAGE ON DOMAIN zoo.positive TO <lion>;
GRANT SELECT ON zoo.guarded, zoo.totals TO <writer>;

ALTER DEFAULT PRIVILEGES IN SCHEMA zoo GRANT SELECT ON TABLES TO <reader>;
ALTER DEFAULT PRIVILEGES IN SCHEMA zoo GRANT ALL ON SEQUENCES TO <lion> WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO <writer>;
ALTER DEFAULT PRIVILEGES FOR ROLE <writer> GRANT ALL ON TABLES TO <reader>;

-- made after the defaults, owned by others
CREATE SCHEMA writers AUTHORIZATION <writer>;
CREATE TABLE writers.things (id serial PRIMARY KEY, t text);
ALTER TABLE writers.things OWNER TO <writer>;
INSERT INTO writers.things (t) VALUES ('a'), ('b');
CREATE TABLE zoo.revoked (a integer);
REVOKE ALL ON zoo.revoked FROM <owner>, <reader>;
GRANT SELECT, INSERT ON zoo.revoked TO <owner>;
CREATE VIEW writers.seen AS SELECT t FROM writers.things;
ALTER VIEW writers.seen OWNER TO <writer>;
CREATE FUNCTION writers.act() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
ALTER FUNCTION writers.act() OWNER TO <writer>;

CREATE TABLE zoo.accounts (id integer PRIMARY KEY, holder text, secret text);
INSERT INTO zoo.accounts SELECT n, (ARRAY['alice', 'bob'])[n % 2 + 1], 'secret ' || n FROM generate_series(1, 6) n;
ALTER TABLE zoo.accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON zoo.accounts TO <reader>, <lion> USING (holder = current_user) WITH CHECK (id > 0);
CREATE POLICY "never; ""these""" ON zoo.accounts AS RESTRICTIVE FOR UPDATE TO PUBLIC
    USING (EXISTS (SELECT FROM zoo.animals a WHERE a.id = accounts.id));
COMMENT ON POLICY own_rows ON zoo.accounts IS 'a policy';
CREATE TABLE zoo.nobodys (id integer);
INSERT INTO zoo.nobodys VALUES (1);
ALTER TABLE zoo.nobodys ENABLE ROW LEVEL SECURITY;

SELECT lo_from_bytea(700001, 'a large object'), lo_from_bytea(700002, '\x00ff'), lo_create(700003),
    lo_from_bytea(700004, convert_to(repeat('0123456789abcdef', 12500), 'UTF8')), lo_create(4294967295);
SELECT lo_put(700003, 3000000, 'the end of a sparse one');
COMMENT ON LARGE OBJECT 700001 IS 'a large object';
GRANT SELECT ON LARGE OBJECT 700001 TO <reader>;
GRANT ALL ON LARGE OBJECT 700002 TO PUBLIC;
ALTER LARGE OBJECT 700004 OWNER TO <writer>;

CREATE PUBLICATION some_tables FOR TABLE zoo.hens, zoo.stored, ONLY zoo.animals
    WITH (publish = 'insert, delete');
CREATE PUBLICATION "through ""the root""" FOR TABLE zoo.trades WITH (publish_via_partition_root);
CREATE PUBLICATION of_nothing;
COMMENT ON PUBLICATION some_tables IS 'a publication';
