"""Drawn numbers: the same on every platform and Python, spread as they say, unique where they say so.

The pinned values are the contract: data that people made with a seed must come out again after an upgrade.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbops.seeding import draw


def _fingerprint(values: Sequence[object]) -> str:
    return hashlib.sha256(repr(list(values)).encode()).hexdigest()[:16]


def test_the_first_numbers_are_pinned() -> None:
    """The numbers of a column are these, on every machine."""
    assert list(draw.octets(42, "users/name", 0, 6)) == [3, 146, 252, 26, 255, 206]
    assert list(draw.shorts(42, "users/name", 0, 3)) == [37379, 6908, 52991]
    assert list(draw.shorts(42, "users/name", 0, 3, bits=12)) == [515, 2812, 3839]
    assert list(draw.words(42, "users/name", 0, 3)) == [452760067, 1777127167, 1303153717]
    assert list(draw.words(43, "users/name", 1, 2)) == [2352319740, 2793062434]
    assert list(draw.longs(42, "users/name", 0, 2)) == [7632703063550890499, 14788738631080905781]
    assert draw.normals(42, "p", 0, 1000, 6) == [489, 149, -349, 1132, -1797, -1506]
    assert draw.Permutation(42, "t", 10).block(0, 10) == [4, 6, 5, 8, 9, 3, 1, 2, 7, 0]
    assert draw.Permutation(42, "t", 10**12).block(10**11, 2) == [276917802078, 255026031671]
    assert draw.Permutation(7, "t", 10**30)(5) == 275530959683565576307779877606
    assert draw.Uuids(42, "t")(0) == "36425847-602c-4e84-ac79-7fae58c5f65a"
    assert draw.Uuids(42, "t")(10**15) == "5f383d02-2fce-44d4-bdf0-af03e5acbbf9"


def test_whole_blocks_are_pinned() -> None:
    """Every number of a block is as it was."""
    assert draw.BLOCK == 4096
    assert _fingerprint(draw.words(42, "a/b", 7)) == "a0979df6e51ecb10"
    assert _fingerprint(draw.longs(42, "a/b", 7)) == "426f28d7b6af47bb"
    assert _fingerprint(draw.shorts(42, "a/b", 7)) == "de9608f28b0bcd63"
    assert _fingerprint(draw.normals(42, "a", 7, 10**9)) == "4be4a8f8de7c173e"
    assert _fingerprint(draw.Permutation(42, "a", 10**7).block(0, 4096)) == "a2ff6a03e9e59ab4"
    assert _fingerprint(draw.Uuids(42, "a").block(0, 4096)) == "7ff5bd54ab779428"


def test_a_shorter_column_is_the_beginning_of_the_longer() -> None:
    """The last block of a table is cut short without changing what is in it."""
    assert draw.words(1, "t/c", 3)[:100] == draw.words(1, "t/c", 3, 100)
    assert draw.shorts(1, "t/c", 3, bits=9)[:100] == draw.shorts(1, "t/c", 3, 100, bits=9)
    assert draw.normals(1, "t/c", 3, 500)[:100] == draw.normals(1, "t/c", 3, 500, 100)


def test_seed_stream_and_block_each_change_the_numbers() -> None:
    """No two of them give the same column."""
    columns = [
        draw.words(1, "t/c", 0),
        draw.words(2, "t/c", 0),
        draw.words(1, "t/d", 0),
        draw.words(1, "t/c", 1),
    ]
    assert len({_fingerprint(column) for column in columns}) == 4


@given(low=st.integers(-(2**40), 2**40), size=st.integers(1, 2**33), block=st.integers(0, 2**40))
def test_bounds_hold(low: int, size: int, block: int) -> None:
    """`below`, `between` and `skewed` stay within what was asked for, of words and of longs."""
    for drawn in (
        draw.words(1, "t", block, 50),
        draw.longs(1, "t", block, 50),
        draw.shorts(1, "t", block, 50),
    ):
        assert all(0 <= number < size for number in draw.below(drawn, size))
        assert all(0 <= number < size for number in draw.skewed(drawn, size))
        assert all(low <= number <= low + size - 1 for number in draw.between(drawn, low, low + size - 1))


def test_every_bound_is_reached() -> None:
    """Even numbers are even, and skewed ones have a third in the first tenth."""
    drawn = draw.words(1, "t", 0, 40_000)
    counts = Counter(draw.between(drawn, 5, 8))
    assert set(counts) == {5, 6, 7, 8}
    assert all(9_600 < count < 10_400 for count in counts.values())
    assert 12_200 < sum(number < 10 for number in draw.skewed(drawn, 100)) < 13_100


def test_weights_are_kept() -> None:
    """A table has each value in proportion; a weight of 0 is never chosen."""
    assert Counter(draw.spread("abc", [3, 1, 0], bits=4)) == {"a": 12, "b": 4}
    assert Counter(draw.spread("abcd", bits=8)) == dict.fromkeys("abcd", 64)
    assert draw.thresholds([3, 1], bits=4) == [12, 16]


@pytest.mark.parametrize("weights", [[], [0, 0]])
def test_no_weight_at_all_is_an_error(weights: list[int]) -> None:
    """Nothing can be chosen from nothing."""
    with pytest.raises(ValueError, match="no weight above zero"):
        draw.thresholds(weights)


def test_the_bell() -> None:
    """Mean and deviation are as asked for, to one in a hundred."""
    bell = [number for block in range(30) for number in draw.normals(42, "p", block, 10_000)]
    assert abs(sum(bell) / len(bell)) < 100
    assert 9_900 < (sum(number**2 for number in bell) / len(bell)) ** 0.5 < 10_100
    assert max(map(abs, bell)) < 34_700


@given(size=st.integers(1, 5_000), seed=st.integers())
def test_a_permutation_has_every_number_once(size: int, seed: int) -> None:
    """Whatever the size, nothing is lost and nothing comes twice."""
    assert sorted(draw.Permutation(seed, "t", size).block(0, size)) == list(range(size))


def test_a_permutation_goes_number_by_number() -> None:
    """One number, a block and any numbers are moved alike, and what is outside is refused."""
    permutation = draw.Permutation(42, "t", 10_000)
    block = permutation.block(4_096, 100)
    assert [permutation(number) for number in range(4_096, 4_196)] == block
    assert permutation.of([4_100, 4_096]) == [block[4], block[0]]
    for outside in (-1, 10_000):
        with pytest.raises(IndexError, match="not within 10000"):
            permutation(outside)
    with pytest.raises(ValueError, match="of nothing"):
        draw.Permutation(42, "t", 0)


def test_uuids_are_unique_and_of_version_4() -> None:
    """100,000 of them differ, also in the part that makes them unique, and a database's uuid type takes the form."""
    made = draw.Uuids(42, "t").block(0, 100_000)
    form = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(map(form.fullmatch, made))
    assert len({one[20:] for one in made}) == 100_000
    for place in (0, 7, 15, 20, 35):  # every digit about as often as the others: within five deviations
        assert all(5_860 < count < 6_640 for count in Counter(one[place] for one in made).values())


def test_a_uuid_belongs_to_its_number() -> None:
    """One UUID, a block and any numbers give the same; no numbers give none."""
    uuids = draw.Uuids(42, "t")
    block = uuids.block(1_000, 50)
    assert uuids(1_007) == block[7]
    assert uuids.of([1_049, 1_000]) == [block[49], block[0]]
    assert uuids.of([]) == []
