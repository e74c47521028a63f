-- UP Migration
CREATE VIEW v AS SELECT 1;
DROP VIEW v;
-- DOWN Migration
-- SELECT 1;
