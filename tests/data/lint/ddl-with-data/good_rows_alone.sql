-- UP Migration
UPDATE accounts SET level = 1;

-- DOWN Migration
/*
SELECT 1;
*/
