CREATE TABLE b ();
-- Down
-- DROP TABLE b;
-- Verify
-- -- expect zero
-- SELECT count(*) FROM b;
