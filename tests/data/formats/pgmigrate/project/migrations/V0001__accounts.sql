/* pgmigrate-encoding: utf-8 */
CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    name text NOT NULL DEFAULT 'a;b'
);
