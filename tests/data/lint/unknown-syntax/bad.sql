-- UP Migration
CREATE TABLE a (id bigint);
CREATE TABEL b (id bigint);

-- DOWN Migration
/*
DROP TABLE a;
*/
