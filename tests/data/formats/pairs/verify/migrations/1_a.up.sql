CREATE TABLE a ();
-- Verify
SELECT 1;
