-- UP Migration
CREATE TABLE a (id bigint);
-- squawk-ignore ban-drop-table
DROP TABLE old_a; -- dbops: ignore destructive-without-backup
ALTER TABLE b
    -- squawk-ignore ban-drop-column
    DROP COLUMN c;  -- dbops: ignore destructive-without-backup

-- DOWN Migration
/*
-- dbops: ignore cascade-in-down
DROP TABLE a CASCADE;
*/
