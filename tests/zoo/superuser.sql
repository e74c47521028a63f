-- What only a superuser may make, and so only a superuser may restore.
CREATE TABLE zoo.forced (id integer, holder text);
INSERT INTO zoo.forced VALUES (1, 'alice'), (2, 'bob');
ALTER TABLE zoo.forced OWNER TO <owner>;
ALTER TABLE zoo.forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON zoo.forced USING (holder = current_user);

CREATE FUNCTION zoo.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; END $$;
CREATE EVENT TRIGGER on_ddl ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION zoo.on_ddl();
CREATE EVENT TRIGGER "a ""quoted"" one" ON sql_drop EXECUTE FUNCTION zoo.on_ddl();
ALTER EVENT TRIGGER "a ""quoted"" one" DISABLE;
-- one that refuses every statement of DDL while it is there
CREATE FUNCTION zoo.refuse_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no DDL here'; END $$;
CREATE EVENT TRIGGER refusing ON ddl_command_start WHEN TAG IN ('CREATE SERVER') EXECUTE FUNCTION zoo.refuse_ddl();
COMMENT ON EVENT TRIGGER on_ddl IS 'an event trigger';

CREATE PUBLICATION everything FOR ALL TABLES;

CREATE FUNCTION zoo.sealed(integer) RETURNS boolean LANGUAGE sql LEAKPROOF IMMUTABLE AS 'SELECT $1 > 0';
CREATE FUNCTION zoo.internal_length(text) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'textlen';
CREATE FUNCTION zoo.planned(integer) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'int4up';
CREATE TYPE zoo.code;
CREATE FUNCTION zoo.code_in(cstring) RETURNS zoo.code LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION zoo.code_out(zoo.code) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE zoo.code (input = zoo.code_in, output = zoo.code_out, like = text, category = 'S', default = 'none', delimiter = ';');
COMMENT ON TYPE zoo.code IS 'a base type';
CREATE TYPE zoo.shell_only;
CREATE CAST (zoo.code AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE TABLE zoo.coded (c zoo.code, many zoo.code[]);
INSERT INTO zoo.coded VALUES ('x', '{a;b}'), (NULL, NULL), ('', '{}');

CREATE OPERATOR FAMILY zoo.lengths USING btree;
CREATE FUNCTION zoo.compare_length(text, text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS 'SELECT length($1) - length($2)';
CREATE OPERATOR CLASS zoo.by_length FOR TYPE text USING btree FAMILY zoo.lengths AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 zoo.compare_length(text, text);
COMMENT ON OPERATOR FAMILY zoo.lengths USING btree IS 'an operator family';
COMMENT ON OPERATOR CLASS zoo.by_length USING btree IS 'an operator class';
CREATE INDEX texts_by_length ON zoo.texts (limited zoo.by_length);

CREATE ACCESS METHOD zoo_heap TYPE TABLE HANDLER heap_tableam_handler;
COMMENT ON ACCESS METHOD zoo_heap IS 'an access method';
CREATE TABLE zoo.otherwise (a integer) USING zoo_heap;
INSERT INTO zoo.otherwise VALUES (1), (2);
CREATE FUNCTION zoo.handle_call() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION zoo.handle_inline(internal) RETURNS void LANGUAGE c STRICT AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE TRUSTED LANGUAGE zoo_sql HANDLER zoo.handle_call INLINE zoo.handle_inline;
CREATE FUNCTION zoo.prose_in(internal) RETURNS internal LANGUAGE internal IMMUTABLE AS 'int4recv';
CREATE TRANSFORM FOR integer LANGUAGE zoo_sql (FROM SQL WITH FUNCTION zoo.prose_in(internal));
COMMENT ON TRANSFORM FOR integer LANGUAGE zoo_sql IS 'a transform';
CREATE FUNCTION zoo.in_own_language() RETURNS integer LANGUAGE zoo_sql AS $$ BEGIN RETURN 1; END $$;
COMMENT ON LANGUAGE zoo_sql IS 'a language';
GRANT USAGE ON LANGUAGE zoo_sql TO <reader>;
CREATE TEXT SEARCH TEMPLATE zoo.template (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH PARSER zoo.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);

CREATE FOREIGN DATA WRAPPER zoo_wrapper OPTIONS (debug 'true');
COMMENT ON FOREIGN DATA WRAPPER zoo_wrapper IS 'a foreign data wrapper';
ALTER EVENT TRIGGER refusing DISABLE;
CREATE SERVER "far; away" TYPE 'a type' VERSION '1.0' FOREIGN DATA WRAPPER zoo_wrapper OPTIONS (host 'nowhere.example', "odd ""name""" 'it''s');
ALTER EVENT TRIGGER refusing ENABLE ALWAYS;
COMMENT ON SERVER "far; away" IS 'a foreign server';
CREATE USER MAPPING FOR <reader> SERVER "far; away" OPTIONS (password 'not a secret');
CREATE USER MAPPING FOR PUBLIC SERVER "far; away";
GRANT USAGE ON FOREIGN SERVER "far; away" TO <writer> WITH GRANT OPTION;
CREATE FOREIGN TABLE zoo.far_rows (a integer OPTIONS (column_name 'A') NOT NULL, b text COLLATE "C" DEFAULT 'x')
    SERVER "far; away" OPTIONS (table_name 'rows; --');
ALTER FOREIGN TABLE zoo.far_rows OWNER TO <owner>;
CREATE FOREIGN TABLE zoo.far_partition PARTITION OF zoo.without_partitions FOR VALUES FROM (0) TO (10) SERVER "far; away";
COMMENT ON FOREIGN TABLE zoo.far_rows IS 'a foreign table';
