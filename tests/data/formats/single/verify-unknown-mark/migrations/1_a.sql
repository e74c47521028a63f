SELECT 1;
-- VERIFY Migration
-- expect no row
SELECT 1;
