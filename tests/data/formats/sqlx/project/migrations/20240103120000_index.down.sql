-- no-transaction
DROP INDEX CONCURRENTLY accounts_name;
