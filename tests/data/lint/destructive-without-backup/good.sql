-- UP Migration
CREATE TABLE staging (id bigint);
INSERT INTO staging VALUES (1);
TRUNCATE staging;
DROP TABLE staging;
DROP CAST (int AS side);
DROP INDEX CONCURRENTLY accounts_note;

-- DOWN Migration
/*
CREATE INDEX accounts_note ON accounts (note);
*/
