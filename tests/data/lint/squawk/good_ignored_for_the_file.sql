-- UP Migration
-- squawk-ignore-file
DROP VIEW totals;
ALTER TABLE accounts RENAME TO people;

-- DOWN Migration
/*
ALTER TABLE people RENAME TO accounts;
*/
