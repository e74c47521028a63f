SELECT 1;
-- VERIFY Migration
SELECT 1;
-- Verify
SELECT 2;
