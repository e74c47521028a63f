-- no-transaction
CREATE TABLE a ();
-- DOWN
DROP TABLE a;
