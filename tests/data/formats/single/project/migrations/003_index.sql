-- Description: 003_index
-- UP Migration
CREATE INDEX CONCURRENTLY accounts_name ON accounts (name);

-- DOWN Migration
/*
DROP INDEX CONCURRENTLY accounts_name;
*/
