-- UP Migration
CREATE TABLE events (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX events_2026_id ON events_2026 (id);
CREATE SCHEMA audit;
CREATE TABLE audit.log (id bigint);

-- DOWN Migration
/*
DROP TABLE events;
DROP SCHEMA audit CASCADE;
*/
