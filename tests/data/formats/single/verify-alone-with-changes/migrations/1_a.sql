CREATE TABLE a (id int);
-- verify
SELECT count(*) = 0 FROM a;
INSERT INTO a VALUES (1);
