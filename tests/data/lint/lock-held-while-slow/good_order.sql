-- UP Migration
ALTER TABLE orders VALIDATE CONSTRAINT positive;
ALTER TABLE accounts ADD COLUMN level int;

-- DOWN Migration
/*
ALTER TABLE accounts DROP COLUMN level;
*/
