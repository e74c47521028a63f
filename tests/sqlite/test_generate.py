"""`bin/seed-test-data generate` on SQLite: schemas as its applications write them."""

from __future__ import annotations

import pytest

from tests.contract.seeding import Seeded
from tests.contract.site import Site

# As Django, Chinook and a trading bot write them, and what SQLite alone knows.
SCHEMAS = {
    "framework": """
CREATE TABLE "auth_user" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "last_login" datetime NULL,
    "is_staff" bool NOT NULL, "username" varchar(150) NOT NULL UNIQUE, "email" varchar(254) NOT NULL);
CREATE TABLE "profile" ("id" char(32) NOT NULL PRIMARY KEY,
    "user_id" integer NOT NULL UNIQUE REFERENCES "auth_user" ("id") DEFERRABLE INITIALLY DEFERRED,
    "age" integer unsigned NOT NULL CHECK ("age" >= 0), "rating" decimal NOT NULL, "birthday" date NOT NULL,
    "data" text NOT NULL CHECK ((JSON_VALID("data") OR "data" IS NULL)));
CREATE UNIQUE INDEX "once" ON "profile" ("birthday", "user_id") WHERE "age" > 5;
""",
    "brackets": """
CREATE TABLE [Artist] ([ArtistId] INTEGER NOT NULL, [Name] NVARCHAR(120), CONSTRAINT [PK_Artist] PRIMARY KEY ([ArtistId]));
CREATE TABLE [Listed] ([A] INTEGER NOT NULL, [B] INTEGER NOT NULL, PRIMARY KEY ([A], [B]),
    FOREIGN KEY ([A]) REFERENCES [artist], FOREIGN KEY ([B]) REFERENCES [Artist] ([artistid]));
""",
    "bot": """
CREATE TABLE positions (id TEXT PRIMARY KEY, symbol TEXT NOT NULL, side TEXT NOT NULL CHECK(side IN ("long", "short")),
    size REAL NOT NULL CHECK(size > 0), opened_at TEXT NOT NULL, closed_at TEXT, meta TEXT DEFAULT '{}',
    CHECK (closed_at IS NULL OR closed_at > opened_at), UNIQUE (symbol, opened_at));
CREATE TABLE candles (symbol TEXT NOT NULL, ts INTEGER NOT NULL, open REAL, high REAL, low REAL,
    PRIMARY KEY (symbol, ts), CHECK (high >= low), CHECK (open BETWEEN low AND high)) WITHOUT ROWID;
""",
    "checks": """
CREATE TABLE checked (id INTEGER PRIMARY KEY, mac TEXT NOT NULL CHECK (mac GLOB '[0-9a-f][0-9a-f]:[0-9a-f][0-9a-f]'),
    mail TEXT CHECK (mail LIKE '%_@__%.__%'), half INTEGER NOT NULL CHECK (half % 5 == 0 AND half BETWEEN 1 AND 100),
    other TEXT NOT NULL CHECK (other IS NOT 'x' AND other = upper(other) AND length(other) = 3), x CHECK (x IN (1, 2)),
    doc TEXT CHECK (json_valid(doc)), kind TEXT NOT NULL, payload JSON,
    CHECK (kind = 'a' AND payload IS NOT NULL OR kind = 'b' AND payload IS NULL));
CREATE TABLE tree (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES tree (id) ON DELETE CASCADE,
    path TEXT NOT NULL COLLATE NOCASE UNIQUE, depth INTEGER GENERATED ALWAYS AS (length(path)) VIRTUAL,
    CHECK (parent IS NULL OR parent <> id));
""",
}


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_schemas_of_applications(site: Site, schema: str) -> None:
    """Every table is filled, and again beside the rows that are there; every reference leads somewhere."""
    site.migration("001_schema", schema)
    site.ran("up")
    site.engine.mark()
    seeded = Seeded(site)
    for _ in range(2):
        result = seeded.ran("generate", "--rows", "120", "--json").json
        assert result["unfilled"] == []
        assert {one["rows"] for one in result["tables"]} == {120}
    assert seeded.query("PRAGMA foreign_key_check") == []
    assert seeded.query("PRAGMA integrity_check") == [("ok",)]


def test_what_cannot_be_satisfied_is_named(site: Site) -> None:
    """A table whose check nothing passes is left out with the reason, and so is its child; the others are filled."""
    site.migration(
        "001_schema",
        "CREATE TABLE never (id INTEGER PRIMARY KEY, x TEXT NOT NULL CHECK (hex(x) = '00FF00FF17'));"
        "CREATE TABLE child (id INTEGER PRIMARY KEY, of_it INTEGER NOT NULL REFERENCES never (id));"
        "CREATE TABLE refusing (id INTEGER PRIMARY KEY);"
        "CREATE TRIGGER no BEFORE INSERT ON refusing WHEN new.id > 7 BEGIN SELECT RAISE(ABORT, 'eighth'); END;"
        "CREATE TABLE fine (id INTEGER PRIMARY KEY, x TEXT NOT NULL);",
    )
    site.ran("up")
    site.engine.mark()
    seeded = Seeded(site)
    outcome = seeded.run("generate", "--rows", "20", "--json")
    assert outcome.code == 3
    result = outcome.events[-2]
    assert {one["table"]: one["rows"] for one in result["tables"]} == {"fine": 20}
    reasons = {one["table"]: one["reason"] for one in result["unfilled"]}
    assert reasons["never"] == "no values are known for x (TEXT)"
    assert reasons["child"].endswith("needs rows of never, which has none: no values are known for x (TEXT)")
    assert reasons["refusing"] == "refusing, row 8: eighth"
    assert seeded.query("SELECT count(*) FROM refusing") == [(0,)]


def test_times_and_booleans_as_sqlite_keeps_them(site: Site) -> None:
    """Generated times are what datetime() reads, booleans 1 and 0, decimals numbers, UUIDs text, blobs blobs."""
    site.migration(
        "001_schema",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, created_at TEXT NOT NULL, on_off BOOLEAN NOT NULL,"
        " price DECIMAL(8,2) NOT NULL, token UUID NOT NULL UNIQUE, raw BLOB NOT NULL, day DATE NOT NULL, doc JSON NOT NULL);",
    )
    site.ran("up")
    site.engine.mark()
    seeded = Seeded(site)
    seeded.ran("generate", "--rows", "50")
    assert seeded.query(
        "SELECT count(*), sum(datetime(created_at) = created_at), sum(on_off IN (0, 1)),"
        " sum(typeof(price) IN ('real', 'integer')), sum(length(token) = 36), sum(typeof(raw) = 'blob'),"
        " sum(date(day) = day), sum(json_valid(doc)) FROM t"
    ) == [(50,) * 8]
