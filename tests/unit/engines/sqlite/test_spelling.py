"""Expressions of SQLite in the grammar of PostgreSQL."""

from __future__ import annotations

import pytest

from dbops.engines.sqlite.spelling import UNREADABLE, spelled


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a == 1", '"a" = 1'),
        ("A != 'it''s'", "\"a\" != 'it''s'"),
        ("[a] > `b`", '"a" > "b"'),
        ('a = "text"', "\"a\" = 'text'"),
        ("a IS NULL AND b IS NOT NULL", '"a" IS NULL AND "b" IS NOT NULL'),
        ("a IS b", '"a" IS NOT DISTINCT FROM "b"'),
        ("a IS NOT b", '"a" IS DISTINCT FROM  "b"'),
        ("a LIKE 'x%'", "\"a\" ILIKE 'x%'"),
        ("a GLOB '[A-Z]?.*'", "\"a\" ~ '^[A-Z].\\..*$'"),
        ("a NOT GLOB '*x'", "\"a\" !~  '^.*x$'"),
        ("length(a) BETWEEN 1 AND 5 -- some", 'length ( "a" ) BETWEEN 1 AND 5'),
        ("date(a) = a", 'date ( "a" ) = "a"'),
    ],
)
def test_what_is_spelled_otherwise(written: str, expected: str) -> None:
    """Operators, quotes and patterns; a name that is called is a function's."""
    assert spelled(written, ["a", "b", "date"]) == expected


@pytest.mark.parametrize(
    "written", ["a MATCH 'x' OR b = 1", "a -> '$.x' ISNULL IS 1 = 2 == (", "a REGEXP '^x'"]
)
def test_what_has_no_words(written: str) -> None:
    """A call of a function that nobody knows, with the columns that it speaks of and its constants."""
    made = spelled(written, ["a", "b"])
    assert made.startswith(UNREADABLE)
    assert '"a"' in made
    assert spelled(written + " AND a", ["a", "b"]) != made
