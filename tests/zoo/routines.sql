-- Functions, aggregates, operators, casts, triggers, statistics, text search.
CREATE FUNCTION zoo.old_style(a integer, b text DEFAULT E'it''s; $$', VARIADIC rest integer[] DEFAULT '{}') RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE COST 7 SET search_path = pg_catalog, zoo SET "TimeZone" = 'Europe/Berlin'
    AS $body$ SELECT a || b || $$ dollars $$ || rest::text -- a comment; with a semicolon
    $body$;
CREATE FUNCTION zoo.atomic(n integer) RETURNS TABLE (id integer, name text) LANGUAGE sql ROWS 5
    BEGIN ATOMIC
        SELECT animals.id, animals.name FROM zoo.animals WHERE animals.id > n;
        SELECT dogs.id, dogs.bark FROM zoo.dogs WHERE dogs.id > n;
    END;
CREATE FUNCTION zoo.returned(zoo.point3) RETURNS double precision LANGUAGE sql IMMUTABLE RETURN ($1).x + ($1).y;
CREATE FUNCTION zoo.poly(anyarray, anyelement, OUT a anyelement, OUT b anyarray) LANGUAGE plpgsql SECURITY DEFINER AS
    $$ BEGIN a := $2; b := $1 || $2; END $$;
CREATE PROCEDURE zoo.work(INOUT n integer, OUT m text) LANGUAGE plpgsql AS $$ BEGIN n := n + 1; m := 'done'; END $$;
CREATE PROCEDURE zoo.atomic_work(n integer) LANGUAGE sql BEGIN ATOMIC
    INSERT INTO zoo.checked VALUES (n, n + 1); DELETE FROM zoo.checked WHERE a = n; END;
CREATE FUNCTION zoo."Odd "" name; $$"("an argument" integer DEFAULT 3) RETURNS SETOF integer LANGUAGE plpgsql STRICT AS
    $_$ BEGIN RETURN QUERY EXECUTE 'SELECT $1' USING "an argument"; END $_$;
COMMENT ON FUNCTION zoo.atomic(integer) IS 'a function';
COMMENT ON PROCEDURE zoo.work(integer) IS 'a procedure';

CREATE FUNCTION zoo.sum_step(numeric[], numeric) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $2';
CREATE FUNCTION zoo.sum_end(numeric[]) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT sum(x) FROM unnest($1) x';
CREATE FUNCTION zoo.sum_combine(numeric[], numeric[]) RETURNS numeric[] LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $2';
CREATE AGGREGATE zoo.total(numeric) (sfunc = zoo.sum_step, stype = numeric[], finalfunc = zoo.sum_end,
    combinefunc = zoo.sum_combine, initcond = '{}', parallel = safe, finalfunc_modify = shareable);
COMMENT ON AGGREGATE zoo.total(numeric) IS 'an aggregate';

CREATE FUNCTION zoo.nearly(double precision, double precision) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS 'SELECT abs($1 - $2) < 0.001';
CREATE OPERATOR zoo.~~~ (function = zoo.nearly, leftarg = double precision, rightarg = double precision,
    commutator = OPERATOR(zoo.~~~), restrict = eqsel, join = eqjoinsel);
CREATE FUNCTION zoo.not_nearly(double precision, double precision) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS 'SELECT NOT abs($1 - $2) < 0.001';
CREATE OPERATOR zoo.!~~~ (function = zoo.not_nearly, leftarg = double precision, rightarg = double precision,
    negator = OPERATOR(zoo.~~~));
COMMENT ON OPERATOR zoo.~~~ (double precision, double precision) IS 'an operator';
CREATE FUNCTION zoo.mood_number(zoo.mood) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT CASE $1 WHEN 'sad' THEN 1 ELSE 2 END $$;
CREATE CAST (zoo.mood AS integer) WITH FUNCTION zoo.mood_number(zoo.mood) AS ASSIGNMENT;
CREATE CAST (zoo.point3 AS json) WITH INOUT;
COMMENT ON CAST (zoo.mood AS integer) IS 'a cast';
CREATE CONVERSION zoo.to_latin1 FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
COMMENT ON CONVERSION zoo.to_latin1 IS 'a conversion';

CREATE TABLE zoo.audited (id integer PRIMARY KEY, t text, changes integer NOT NULL DEFAULT 0);
CREATE TABLE zoo.audit (n serial, what text);
CREATE FUNCTION zoo.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_LEVEL = 'STATEMENT' THEN INSERT INTO zoo.audit (what) VALUES (TG_NAME || TG_OP); RETURN NULL; END IF;
    NEW.changes := NEW.changes + 1; RETURN NEW;
END $$;
CREATE TRIGGER count_changes BEFORE INSERT OR UPDATE OF t ON zoo.audited FOR EACH ROW
    WHEN (NEW.t IS NOT NULL) EXECUTE FUNCTION zoo.note_change('an "argument"', E'it''s\\');
CREATE TRIGGER after_all AFTER INSERT ON zoo.audited REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
    EXECUTE FUNCTION zoo.note_change();
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON zoo.audited DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (false) EXECUTE FUNCTION zoo.note_change();
CREATE TRIGGER never BEFORE DELETE ON zoo.audited FOR EACH STATEMENT EXECUTE FUNCTION zoo.note_change();
ALTER TABLE zoo.audited DISABLE TRIGGER never;
CREATE TRIGGER on_replicas BEFORE TRUNCATE ON zoo.audited EXECUTE FUNCTION zoo.note_change();
ALTER TABLE zoo.audited ENABLE REPLICA TRIGGER on_replicas;
CREATE TRIGGER on_partitions AFTER UPDATE ON zoo.trades FOR EACH ROW WHEN (false) EXECUTE FUNCTION zoo.note_change();
ALTER TABLE zoo.trades_old DISABLE TRIGGER on_partitions;
COMMENT ON TRIGGER never ON zoo.audited IS 'a trigger';
INSERT INTO zoo.audited (id, t) VALUES (1, 'one'), (2, NULL);

CREATE STATISTICS zoo.together (ndistinct, dependencies, mcv) ON a, b FROM zoo.stored;
CREATE STATISTICS zoo.expressed ON (a + 1), (lower(b)), a FROM zoo.stored;
ALTER STATISTICS zoo.together SET STATISTICS 200;
COMMENT ON STATISTICS zoo.together IS 'a statistics object';

CREATE TEXT SEARCH DICTIONARY zoo.plain (TEMPLATE = pg_catalog.simple, stopwords = 'english', accept = false);
CREATE TEXT SEARCH CONFIGURATION zoo.searching (COPY = pg_catalog.english);
ALTER TEXT SEARCH CONFIGURATION zoo.searching ALTER MAPPING FOR asciiword, word WITH zoo.plain, english_stem;
ALTER TEXT SEARCH CONFIGURATION zoo.searching DROP MAPPING FOR email;
COMMENT ON TEXT SEARCH DICTIONARY zoo.plain IS 'a dictionary';
COMMENT ON TEXT SEARCH CONFIGURATION zoo.searching IS 'a text search configuration';
CREATE TABLE zoo.documents (body text, words tsvector GENERATED ALWAYS AS (to_tsvector('zoo.searching', body)) STORED);
CREATE INDEX documents_words ON zoo.documents USING gin (words);
INSERT INTO zoo.documents VALUES ('the quick brown foxes jumped');

-- an index and a check that call functions of one's own, and a default that calls a later one
CREATE FUNCTION zoo.normal(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(btrim($1))';
CREATE INDEX texts_normal ON zoo.texts (zoo.normal(free) text_pattern_ops) WHERE zoo.normal(free) <> '';
ALTER TABLE zoo.audited ADD CONSTRAINT is_normal CHECK (t = zoo.normal(t)), ALTER t SET DEFAULT zoo.normal(' Default ');
