-- UP Migration
DROP VIEW a; -- dbops: ignore ban-drop-view
DROP VIEW b;
CREATE TABLE c (id bigint); -- dbops: ignore ban-drop-view -- of the next one?
DROP VIEW d;
COPY c (id) FROM stdin;
-- dbops: ignore ban-drop-view isn't a mark
\.
-- DOWN Migration
/*
DROP TABLE c;
*/
