-- UP Migration
BEGIN;
CREATE TABLE a (id bigint);

-- DOWN Migration
/*
DROP TABLE a;
*/
