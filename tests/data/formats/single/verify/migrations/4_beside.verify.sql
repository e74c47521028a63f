-- Verify d on pg

BEGIN;

SELECT 1 FROM d WHERE false;

ROLLBACK;
