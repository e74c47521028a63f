-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY accounts_name ON accounts (name);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY accounts_name;
