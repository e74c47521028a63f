-- +migrate Up
CREATE TABLE c ();
