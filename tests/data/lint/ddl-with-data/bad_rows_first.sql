-- UP Migration
UPDATE accounts SET note = '' WHERE note IS NULL;
ALTER TABLE accounts ALTER COLUMN note SET DEFAULT '';

-- DOWN Migration
/*
ALTER TABLE accounts ALTER COLUMN note DROP DEFAULT;
*/
