-- UP Migration
-- squawk-ignore ban-drop-view
DROP VIEW v;
-- dbops: ignore unknown-syntax
CREATE TABEL b (id bigint);
-- DOWN Migration
-- SELECT 1;
