CREATE INDEX CONCURRENTLY accounts_name ON accounts (name);

-- DOWN
DROP INDEX CONCURRENTLY accounts_name;
