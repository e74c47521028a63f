-- UP Migration
DROP TABLE old_orders;
ALTER TABLE accounts DROP COLUMN note;
DELETE FROM log WHERE at < '2020-01-01';
TRUNCATE prices;

-- DOWN Migration
/*
SELECT 1;
*/
