-- Description: 001_accounts
-- UP Migration
CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name text NOT NULL DEFAULT 'a;b'
);

-- DOWN Migration
/*
DROP TABLE accounts;
*/
