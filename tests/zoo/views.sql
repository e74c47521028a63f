-- Views, materialized views, rules.
CREATE VIEW zoo.guarded WITH (security_barrier) AS SELECT id, name FROM zoo.animals WHERE weight > 1;
CREATE VIEW zoo.checked_view AS SELECT * FROM zoo.hens WHERE id < 100 WITH LOCAL CHECK OPTION;
CREATE VIEW zoo.joined ("a column", "say ""hi""", n) AS
    SELECT a.id, b.bark, count(*) OVER (PARTITION BY a.id ORDER BY b.bark NULLS FIRST ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
    FROM zoo.animals a LEFT JOIN LATERAL (SELECT bark FROM zoo.dogs d WHERE d.id = a.id LIMIT 1) b ON true;
ALTER VIEW zoo.joined ALTER COLUMN n SET DEFAULT 5;
CREATE RECURSIVE VIEW zoo.descent (id, path) AS
    SELECT id, ARRAY[id] FROM zoo.tree WHERE parent IS NULL
    UNION ALL SELECT t.id, d.path || t.id FROM zoo.tree t JOIN descent d ON t.parent = d.id;
CREATE VIEW zoo.hard AS
    SELECT DISTINCT ON (x.a) x.a, (x.p).*, x.m::integer AS number, x.t COLLATE "C" AS t, array_agg(x.a) FILTER (WHERE x.a > 1) AS many,
        zoo.total(x.a::numeric) AS total, x.f OPERATOR(zoo.~~~) 1 AS near
    FROM (VALUES (1, ROW(1, 2, 3)::zoo.point3, 'sad'::zoo.mood, E'a\'b\n', 1.0::double precision)) x (a, p, m, t, f)
    GROUP BY GROUPING SETS ((x.a, x.p, x.m, x.t, x.f)) HAVING count(*) > 0 ORDER BY x.a, t;
-- primary keys that a GROUP BY leans on: the view depends on the constraint
CREATE VIEW zoo.leaning AS SELECT h.id, h.name, count(e.id) FROM zoo.hens h LEFT JOIN zoo.eggs e ON e.hen_id = h.id GROUP BY h.id;
COMMENT ON VIEW zoo.guarded IS 'a view';
COMMENT ON COLUMN zoo.guarded.name IS 'a column of a view';
CREATE FUNCTION zoo.redirect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER instead INSTEAD OF DELETE ON zoo.joined FOR EACH ROW EXECUTE FUNCTION zoo.redirect();

CREATE MATERIALIZED VIEW zoo.totals WITH (fillfactor = 90) AS
    SELECT symbol, zoo.total(amount) AS amount FROM zoo.trades GROUP BY symbol;
CREATE UNIQUE INDEX totals_symbol ON zoo.totals (symbol);
ALTER MATERIALIZED VIEW zoo.totals CLUSTER ON totals_symbol;
CREATE MATERIALIZED VIEW zoo.unfilled AS SELECT * FROM zoo.totals WITH NO DATA;
CREATE INDEX unfilled_symbol ON zoo.unfilled (symbol);
CREATE MATERIALIZED VIEW zoo.of_a_view AS SELECT * FROM zoo.leaning;
CREATE VIEW zoo.of_a_materialized_view AS SELECT sum(amount) FROM zoo.totals;
-- filled from the one above, though its name sorts before it
CREATE MATERIALIZED VIEW zoo.a_total AS SELECT * FROM zoo.of_a_materialized_view;
COMMENT ON MATERIALIZED VIEW zoo.totals IS 'a materialized view';

CREATE RULE keep_hens AS ON DELETE TO zoo.hens WHERE old.id = 1 DO INSTEAD NOTHING;
CREATE RULE also_note AS ON UPDATE TO zoo.hens DO ALSO
    (INSERT INTO zoo.audit (what) VALUES (old.name || ' -> ' || new.name); NOTIFY zoo_changed);
CREATE RULE insert_joined AS ON INSERT TO zoo.joined DO INSTEAD
    INSERT INTO zoo.animals (id) VALUES (new."a column") RETURNING id, name, 1::bigint;
ALTER TABLE zoo.hens DISABLE RULE also_note;
COMMENT ON RULE keep_hens ON zoo.hens IS 'a rule';
-- two views that need each other, as pg_dump has to break up
CREATE VIEW zoo.circle_a AS SELECT 1 AS n;
CREATE VIEW zoo.circle_b AS SELECT n FROM zoo.circle_a;
CREATE RULE circle AS ON INSERT TO zoo.circle_a DO INSTEAD INSERT INTO zoo.checked SELECT n, n FROM zoo.circle_b;
