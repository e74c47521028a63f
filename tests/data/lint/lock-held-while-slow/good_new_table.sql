-- UP Migration
CREATE TABLE levels (account_id bigint, level int);
ALTER TABLE levels ADD COLUMN note text;
CREATE INDEX levels_level ON levels (level);

-- DOWN Migration
/*
DROP TABLE levels;
*/
