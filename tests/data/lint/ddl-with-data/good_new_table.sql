-- UP Migration
CREATE TABLE levels (account_id bigint, level int);
INSERT INTO levels (account_id) SELECT id FROM accounts;
INSERT INTO settings (name) VALUES ('levels');

-- DOWN Migration
/*
DROP TABLE levels;
*/
