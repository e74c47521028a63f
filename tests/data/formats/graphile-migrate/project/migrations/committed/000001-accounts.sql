--! Previous: -
--! Hash: sha1:0000000000000000000000000000000000000002
--! Message: accounts

CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name text NOT NULL DEFAULT 'a;b'
);
