-- a comment
SELECT 0;
-- migrate:up
SELECT 1;
-- migrate:down
