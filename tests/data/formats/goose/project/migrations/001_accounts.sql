-- +goose Up
CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name text NOT NULL DEFAULT 'a;b'
);

-- +goose Down
DROP TABLE accounts;
