CREATE TABLE a ();
-- Rollback
-- DROP TABLE a;
-- Validation
SELECT count(*) FROM a;
