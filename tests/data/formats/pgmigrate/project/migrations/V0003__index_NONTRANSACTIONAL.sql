/* pgmigrate-encoding: utf-8 */
CREATE INDEX CONCURRENTLY accounts_name ON accounts (name);
