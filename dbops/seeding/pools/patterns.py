"""Codes by pattern: postcodes, telephone numbers, article numbers; and numbers with check digits."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat

from dbops.seeding.draw import BLOCK, octets


def _choice(characters: str) -> bytes:
    """Which character each of the 256 octets becomes."""
    return bytes(ord(characters[octet * len(characters) >> 8]) for octet in range(256))


# The letters are those that the postcodes of all countries use.
_SIGNS = {"#": _choice("0123456789"), "@": _choice("123456789"), "?": _choice("AEHNPRTX")}

# Digits of the part after the check digits, in countries where it has no check of its own.
_ACCOUNTS = {"AT": 16, "CH": 17, "DE": 18, "DK": 14}


def expand(pattern: str, seed: int, stream: str, block: int = 0, count: int = BLOCK) -> list[str]:
    """A column of codes: # becomes a digit, @ a digit but 0, ? a capital letter; the rest stays as it is."""
    signs = sum(sign in _SIGNS for sign in pattern)
    if not signs:
        return [pattern] * count
    drawn = octets(seed, stream, block, signs * count)
    columns: list[Iterable[str]] = []
    place = 0
    for sign in pattern:
        if sign in _SIGNS:
            columns.append(drawn[place::signs].translate(_SIGNS[sign]).decode("ascii"))
            place += 1
        else:
            columns.append(repeat(sign, count))
    return list(map("".join, zip(*columns, strict=True)))


def iban(country: str, number: int) -> str:
    """An account's IBAN with the right check digits, different for each number; the bank it names may not exist.

    For AT, CH, DE and DK.  Raises KeyError for another country, ValueError for a number too long.
    """
    digits = str(number).zfill(_ACCOUNTS[country])
    if len(digits) > _ACCOUNTS[country]:
        raise ValueError(f"{number} has more digits than an account in {country}")
    letters = "".join(str(ord(letter) - ord("A") + 10) for letter in country)
    return f"{country}{98 - int(f'{digits}{letters}00') % 97:02}{digits}"
