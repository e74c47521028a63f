-- UP Migration
BEGIN;
CREATE TABLE a (id bigint);
COMMIT;

-- DOWN Migration
/*
DROP TABLE a;
*/
