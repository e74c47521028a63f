-- UP Migration
CREATE TABLE a (id bigint);
