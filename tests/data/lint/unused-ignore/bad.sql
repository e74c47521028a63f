-- UP Migration
-- squawk-ignore-file ban-drop-database
-- dbops: ignore ddl-with-data, no-such-rule
CREATE TABLE a (id bigint);
-- squawk-ignore ban-drop-table
DROP INDEX CONCURRENTLY IF EXISTS b;

-- DOWN Migration
/*
DROP TABLE a;
*/
