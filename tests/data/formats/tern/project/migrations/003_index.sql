---- tern: disable-tx ----
CREATE INDEX CONCURRENTLY accounts_name ON accounts (name);

---- create above / drop below ----
---- tern: disable-tx ----

DROP INDEX CONCURRENTLY accounts_name;
