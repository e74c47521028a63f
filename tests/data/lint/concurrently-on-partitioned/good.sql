-- UP Migration
CREATE TABLE events (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX events_at ON ONLY events (at);
CREATE INDEX CONCURRENTLY events_2026_at ON events_2026 (at);
ALTER INDEX events_at ATTACH PARTITION events_2026_at;

-- DOWN Migration
/*
DROP TABLE events;
*/
