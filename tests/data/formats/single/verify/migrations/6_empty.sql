CREATE TABLE f ();
-- VERIFY Migration
-- nothing to see
