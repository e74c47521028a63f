SELECT 1;
-- VERIFY Migration
SELECT true;
CREATE TABLE a ();
