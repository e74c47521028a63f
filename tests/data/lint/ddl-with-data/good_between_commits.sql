-- UP Migration
-- dbops: no-transaction
ALTER TABLE accounts ADD COLUMN level int;
UPDATE accounts SET level = 1 WHERE id < 1000;

-- DOWN Migration
/*
ALTER TABLE accounts DROP COLUMN level;
*/
