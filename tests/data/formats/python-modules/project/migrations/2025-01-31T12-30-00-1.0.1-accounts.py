"""Accounts."""

version = "1.0.1"
name = "accounts"
description = "Accounts and their names"


def up(db):
    db.execute("CREATE TABLE accounts (id bigint PRIMARY KEY, name text NOT NULL DEFAULT 'a;b')")


def down(db):
    db.execute("DROP TABLE accounts")
