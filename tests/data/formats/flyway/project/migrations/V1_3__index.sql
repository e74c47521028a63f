CREATE INDEX CONCURRENTLY ${table}_name ON accounts (name);
