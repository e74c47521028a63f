--! Previous: -
--! Hash: sha1:0

GRANT SELECT ON t TO :DATABASE_OWNER;
