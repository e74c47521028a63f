-- UP Migration
-- dbops: lock-timeout off
ALTER TABLE orders ADD COLUMN level bigint;

-- DOWN Migration
/*
ALTER TABLE orders DROP COLUMN level;
*/
