CREATE TABLE e ();
-- Validation
SELECT count(*) FROM e;
