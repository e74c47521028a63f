"""Versions: their order, their equality, and the key by which a database sorts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbops.errors import UsageError
from dbops.migrations.version import Version

PARTS = st.lists(st.integers(0, 10**20), min_size=1, max_size=4)


@pytest.mark.parametrize(("one", "other"), [("001", "1"), ("1.0.3", "01.00.003"), ("0", "000")])
def test_leading_zeros_do_not_count(one: str, other: str) -> None:
    """Versions are numbers: equal, with one hash and one key, and still shown as written."""
    first, second = Version.parse(one), Version.parse(other)
    assert first == second
    assert hash(first) == hash(second)
    assert first.key == second.key
    assert str(first) == one
    assert str(second) == other


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("2", "10"),
        ("009", "10"),
        ("1.0.9", "1.0.10"),
        ("1.0", "1.0.0"),
        ("1.9", "1.10"),
        ("999", "20250105120000"),
    ],
)
def test_order_is_by_number_part_by_part(lower: str, higher: str) -> None:
    """Not by text: 2 is before 10, 1.0.9 before 1.0.10."""
    assert Version.parse(lower) < Version.parse(higher)
    assert not Version.parse(higher) < Version.parse(lower)
    assert max(Version.parse(higher), Version.parse(lower)).text == higher


@given(PARTS, PARTS)
def test_the_key_sorts_as_the_numbers_do(one: list[int], other: list[int]) -> None:
    """Property: the order of the keys as bytes is the order of the lists of numbers."""
    first, second = (Version.parse(".".join(map(str, parts))) for parts in (one, other))
    assert (first.key.encode() < second.key.encode()) == (one < other)
    assert (first == second) == (one == other)


@pytest.mark.parametrize(
    "text", ["", "a", "1a", "-1", "+1", "1.", ".1", "1..2", "1 ", "\u0661", "1" * 100, "v1", "1_0"]
)
def test_what_is_no_version(text: str) -> None:
    """Anything but digits joined by dots is refused, and the message says how versions look."""
    with pytest.raises(UsageError, match="is not a version") as caught:
        Version.parse(text)
    assert "001" in (caught.value.hint or "")


def test_versions_that_are_no_numbers() -> None:
    """Behind all numbers, in order of text, and behind those the repeatable ones; from the text alone."""
    texts = ["2", "10", "99999999999999", "20240101_01_aB3dE", "a", "b", "R__a", "R__b"]
    versions = [Version.named(text) for text in texts]
    assert sorted([*versions[3:], *versions[:3]]) == versions
    assert Version.named("010") == Version.parse("10")
    assert [version.text for version in versions if version.repeatable] == ["R__a", "R__b"]
