CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name text NOT NULL DEFAULT 'a;b'
);

---- create above / drop below ----

DROP TABLE accounts;
