"""Codes by pattern, and account numbers with check digits."""

from __future__ import annotations

import re

import pytest

from dbops.seeding.pools import expand, iban


def test_signs_become_digits_and_letters() -> None:
    """# is any digit, @ never 0, ? a letter, the rest as it is; these codes are pinned."""
    codes = expand("AB-@#/?", 42, "test", count=2_000)
    assert all(re.fullmatch(r"AB-[1-9]\d/[AEHNPRTX]", code) for code in codes)
    assert {code[3:5] for code in codes} == {str(number) for number in range(10, 100)}
    assert codes[:3] == ["AB-65/R", "AB-65/A", "AB-12/N"]
    assert expand("AB-@#/?", 42, "test", count=10) == codes[:10]
    assert expand("AB-@#/?", 42, "test", block=1, count=10) != codes[:10]
    assert expand("plain", 42, "test", count=2) == ["plain", "plain"]


@pytest.mark.parametrize(("country", "length"), [("DE", 22), ("AT", 20), ("CH", 21), ("DK", 18)])
def test_check_digits_are_right(country: str, length: int) -> None:
    """Moved to the end and read as a number, an IBAN leaves 1 when divided by 97; it has its country's length."""
    for number in (0, 1, 17, 10**12 - 1):
        made = iban(country, number)
        assert len(made) == length
        turned = "".join(str(int(character, 36)) for character in made[4:] + made[:4])
        assert int(turned) % 97 == 1
    assert iban(country, 1) != iban(country, 2)


def test_a_known_account() -> None:
    """The example of the German standard has the check digits that the standard says."""
    assert iban("DE", 370400440532013000) == "DE89370400440532013000"


def test_what_no_account_can_be() -> None:
    """A number too long is refused, as is a country whose accounts have checks of their own."""
    with pytest.raises(ValueError, match="more digits than an account in DE"):
        iban("DE", 10**18)
    with pytest.raises(KeyError):
        iban("FR", 1)
