-- +goose Up
-- +goose ENVSUB ON
CREATE TABLE ${T} (id int);
