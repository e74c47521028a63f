-- UP Migration
CREATE TABLE events (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE INDEX CONCURRENTLY events_at ON events (at);

-- DOWN Migration
/*
DROP TABLE events;
*/
