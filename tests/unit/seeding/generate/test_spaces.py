"""Value spaces: different indices give different values, and values are of the form that they claim."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbops.seeding.generate.spaces.compound import Arrays, Composite, Ranges
from dbops.seeding.generate.spaces.encoded import ENCODED
from dbops.seeding.generate.spaces.patterns import UnknownPattern, parse_pattern
from dbops.seeding.generate.spaces.plain import Encoded, Listed, Numbers, Uuid
from dbops.seeding.generate.spaces.pooled import Person, Pooled
from dbops.seeding.generate.spaces.space import Dice, Space
from dbops.seeding.generate.spaces.strings import Pattern
from dbops.seeding.generate.spaces.times import DAY, Times

DICE = Dice(42, "public.users/email")
PATTERNS = (
    "^[A-Z]{2}$", "^[a-z0-9][a-z0-9_.-]{1,31}$", r"^[^@\s]+@[^@\s]+\.[^@\s]+$", r"^\$[a-z0-9-]{1,32}\$.{20,}$",
    r"^(foo|bar)-[0-9]+$", r"^\+?\d{6,14}$", "^a{3}b?$", r"^\w+(-\w+)*$", "^[^a-z]{4}$", "abc",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pattern_gives_what_the_pattern_matches(pattern: str) -> None:
    """Every string is matched by the expression that it comes from."""
    space = Pattern(pattern)
    indices = range(min(space.size, 300))
    assert all(re.search(pattern, text) for text in space.texts(indices, DICE))


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)b", r"\mword", "a{x}"])
def test_unknown_patterns_are_said_to_be(pattern: str) -> None:
    """What the reader does not know it does not guess."""
    with pytest.raises(UnknownPattern):
        parse_pattern(pattern)


SPACES: tuple[Space, ...] = (
    Listed(("a", "b", "c")), Numbers(-5, 10_000, 5, 2), Times(0, DAY, 4000, "date"), Times(7, 1, 10**15),
    Pattern("^[A-Z]{3}-[0-9]{4}$"), Uuid(), Arrays(Listed(("x", "y", "z"))), Ranges(Numbers(0, 10**6)),
    Composite((Numbers(1, 50), Listed(("p", "q")))), Person("email"), Person("username"),
    Pooled("phrase", numbered=True), Encoded("hex", 12), Encoded("bit", 9),
    *(Encoded(kind) for kind in sorted(ENCODED.keys() - {"bit", "hex"})),
)  # fmt: skip


@pytest.mark.parametrize(
    "space", SPACES, ids=lambda space: f"{space.word} {getattr(space, 'kind', '')}".strip()
)
def test_different_indices_give_different_values(space: Space) -> None:
    """Unique by construction: nothing comes twice."""
    count = min(space.size, 2000)
    assert len(set(space.texts(range(count), DICE))) == count


@given(first=st.integers(0, 10**9), count=st.integers(1, 20))
def test_a_value_does_not_depend_on_its_neighbours(first: int, count: int) -> None:
    """A block gives each row what it would get alone."""
    space = Pooled("slug", numbered=True)
    together = space.texts(range(first, first + count), DICE)
    assert together == [space.texts([index], DICE)[0] for index in range(first, first + count)]


def test_ranges_do_not_overlap() -> None:
    """Each range ends before the next begins, and none is empty."""
    bounds = [
        tuple(map(int, re.findall(r"\d+", text)))
        for text in Ranges(Numbers(0, 10**6)).texts(range(500), DICE)
    ]
    assert all(low < high for low, high in bounds)
    assert all(bounds[place][1] <= bounds[place + 1][0] for place in range(499))
