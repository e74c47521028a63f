-- ====================
-- UP Migration
-- ====================
CREATE TABLE a (id int);
-- ====================
-- VERIFY Migration
-- ====================
SELECT count(*) = 0 FROM a;
-- expect no rows
SELECT * FROM a;
SELECT count(*) FROM a; -- Expect zero.
SELECT id FROM a
/* expect no rows */
;
-- ====================
-- DOWN Migration
-- ====================
/*
DROP TABLE a;
*/
