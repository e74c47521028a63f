-- Tables and indexes in another place.
CREATE TABLE zoo.elsewhere (id integer CONSTRAINT elsewhere_key PRIMARY KEY USING INDEX TABLESPACE <space>, t text) TABLESPACE <space>;
INSERT INTO zoo.elsewhere VALUES (1, 'in another place');
CREATE INDEX elsewhere_t ON zoo.elsewhere (t);
CREATE TABLE zoo.elsewhere_parts (a integer) PARTITION BY RANGE (a) TABLESPACE <space>;
CREATE TABLE zoo.elsewhere_part PARTITION OF zoo.elsewhere_parts FOR VALUES FROM (0) TO (10);
INSERT INTO zoo.elsewhere_parts VALUES (1), (2);
CREATE MATERIALIZED VIEW zoo.elsewhere_view TABLESPACE <space> AS SELECT * FROM zoo.elsewhere;
CREATE INDEX here_elsewhere ON zoo.hens (name) TABLESPACE <space>;
