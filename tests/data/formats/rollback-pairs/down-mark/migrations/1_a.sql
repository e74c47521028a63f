CREATE TABLE a ();
-- Rollback
DROP TABLE a;
