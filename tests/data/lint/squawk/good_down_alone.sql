-- UP Migration
SELECT 1;

-- DOWN Migration
/*
DROP TABLE orders;
ALTER TABLE accounts RENAME TO people;
*/
