-- Extensions that come with PostgreSQL, where they are installed.
CREATE SCHEMA extensions;
CREATE EXTENSION hstore SCHEMA extensions;
CREATE EXTENSION btree_gist SCHEMA extensions;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION file_fdw;
COMMENT ON EXTENSION hstore IS 'a comment of our own on an extension';
REVOKE EXECUTE ON FUNCTION extensions.hstore(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION extensions.hstore(text, text) TO <reader>;
CREATE TABLE zoo.stores (id integer PRIMARY KEY, h extensions.hstore,
    EXCLUDE USING gist (id extensions.gist_int4_ops WITH =, int4range(id, id, '[]') WITH &&));
INSERT INTO zoo.stores VALUES (1, 'a=>1, "b c"=>NULL, ""=>"\"x\""');
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE SERVER itself FOREIGN DATA WRAPPER postgres_fdw OPTIONS (dbname 'nowhere', host '127.0.0.1');
CREATE FOREIGN TABLE zoo.nothing_read (line text) SERVER files OPTIONS (filename '/dev/null');
CREATE FOREIGN TABLE zoo.unreachable (line text) SERVER itself OPTIONS (schema_name 'a', table_name 'b');
