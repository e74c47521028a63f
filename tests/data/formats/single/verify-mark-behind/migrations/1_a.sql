SELECT 1;
-- VERIFY Migration
SELECT 1;
-- expect zero
