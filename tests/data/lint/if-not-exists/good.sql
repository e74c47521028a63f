-- UP Migration
CREATE TABLE a (id bigint);
CREATE INDEX a_id ON a (id);
DROP TABLE IF EXISTS made_by_hand;

-- DOWN Migration
/*
DROP TABLE a;
*/
