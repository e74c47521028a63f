-- UP Migration
-- dbops: ignore down-missing
DELETE FROM log WHERE at < '2020-01-01';
