-- +goose Up
SELECT 1;
\ir other.sql
