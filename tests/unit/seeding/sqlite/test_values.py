"""Values as SQLite keeps them."""

from __future__ import annotations

import pytest

from dbops.engines.sqlite.types import data_type
from dbops.seeding.fixtures.bound import Relative
from dbops.seeding.sqlite.values import Value, stored, text_of


@pytest.mark.parametrize(
    ("declared", "text", "value"),
    [
        ("BOOLEAN", "TRUE", 1),
        ("BOOLEAN", "f", 0),
        ("INTEGER", "-7", -7),
        ("DECIMAL(10,2)", "10.50", 10.5),
        ("DECIMAL(10,2)", "10.00", 10),
        ("REAL", "1e3", 1000.0),
        ("BLOB", "\\x00ff", b"\x00\xff"),
        ("BLOB", "plain", b"plain"),
        ("TEXT", "007", "007"),
        ("STRING", "007", 7),
        ("JSON", "5", 5),
        ("DATETIME", "2026-01-05 08:00:00", "2026-01-05 08:00:00"),
        ("DATETIME", "1767600000", 1767600000),
    ],
)
def test_a_text_of_a_declared_type(declared: str, text: str, value: Value) -> None:
    """It is what the affinity of the column would make of it, so that what is there can be compared."""
    made = stored(text, data_type(declared, "a", None))
    assert (made, type(made)) == (value, type(value))


def test_relative_times_are_in_utc() -> None:
    """As CURRENT_TIMESTAMP has them, whatever the zone that they were given in."""
    kind = data_type("TEXT", "seen_at", None)
    assert stored(Relative("2026-05-31 12:30:00.25+02:00"), kind) == "2026-05-31 10:30:00"
    assert stored(Relative("2026-05-31"), data_type("DATE", "a", None)) == "2026-05-31"


@pytest.mark.parametrize(
    ("declared", "text"), [("INTEGER", "1.0"), ("BOOLEAN", "2"), ("REAL", "NaN"), ("DATE", "x")]
)
def test_no_value_of_the_type(declared: str, text: str) -> None:
    """It is told with the declared type."""
    with pytest.raises(ValueError, match=declared):
        stored(text, data_type(declared, "a", None))


def test_back_to_text() -> None:
    """What is there, in the form that makers and checks read."""
    assert text_of(1, data_type("BOOLEAN", "a", None)) == "t"
    assert text_of(b"\x01", data_type("BLOB", "a", None)) == "\\x01"
    assert text_of(2.5, data_type("REAL", "a", None)) == "2.5"
    assert text_of(None, data_type("REAL", "a", None)) is None
