-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TABLE t (id int)
-- +goose StatementEnd
