-- UP Migration
CREATE TABLE a (id bigint);
-- dbops: ignore unknown-syntax
CREATE TABEL b (id bigint);

-- DOWN Migration
/*
DROP TABLE a;
*/
