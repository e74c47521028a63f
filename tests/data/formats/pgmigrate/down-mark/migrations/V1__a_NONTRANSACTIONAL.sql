CREATE TABLE a ();
-- DOWN Migration
DROP TABLE a;
