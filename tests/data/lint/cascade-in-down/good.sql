-- UP Migration
CREATE TABLE a (id bigint);

-- DOWN Migration
/*
DROP TABLE IF EXISTS a;
*/
