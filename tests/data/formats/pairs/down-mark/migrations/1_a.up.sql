CREATE TABLE a ();
-- +migrate Down
DROP TABLE a;
