-- +migrate Up
CREATE TABLE b ();
