-- index
-- depends: 20240101_02_Zz9yX-touch
-- transactional: false

CREATE INDEX CONCURRENTLY accounts_name ON accounts (name);
