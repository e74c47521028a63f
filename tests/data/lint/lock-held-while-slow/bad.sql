-- UP Migration
ALTER TABLE accounts ADD COLUMN level int;
CREATE INDEX accounts_level ON accounts (level);
ALTER TABLE orders VALIDATE CONSTRAINT positive;

-- DOWN Migration
/*
ALTER TABLE accounts DROP COLUMN level;
*/
