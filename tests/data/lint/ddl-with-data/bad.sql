-- UP Migration
ALTER TABLE accounts ADD COLUMN level int;
UPDATE accounts SET level = 1;
INSERT INTO levels (account_id) SELECT id FROM accounts;

-- DOWN Migration
/*
ALTER TABLE accounts DROP COLUMN level;
*/
