-- +goose Up
-- +goose Upp
SELECT 1;
