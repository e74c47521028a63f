-- Up Migration
CREATE INDEX CONCURRENTLY accounts_name ON accounts (name);

-- Down Migration
DROP INDEX CONCURRENTLY accounts_name;
