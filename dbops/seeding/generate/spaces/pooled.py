"""Value spaces of believable things: people with all that belongs to them, and words out of pools."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cache, cached_property, lru_cache

from dbops.seeding.draw import BLOCK
from dbops.seeding.generate.spaces.space import MANY, Dice, Space
from dbops.seeding.pools import Crowd, People

_DIGITS = 7  # of the number behind a pooled value
_STRIDE = 1_000_003  # prime, so that values do not come in the order of the pool
_PEOPLE = {"en_US": 5, "en_GB": 4, "de_DE": 3, "fr_FR": 2, "es_ES": 2, "it_IT": 1, "nl_NL": 1, "sv_SE": 1}
"""Whose names: locales with their shares."""

FIELDS = frozenset((
    "city", "company", "country", "country_name", "currency", "email", "family", "full_name", "given", "job", "language",
    "latitude", "locale", "longitude", "phone", "postcode", "region", "sex", "street", "timezone", "username",
))  # fmt: skip
"""What is known of a person: columns of `People`."""
UNIQUE_FIELDS = frozenset({"email", "username"})


@dataclasses.dataclass(frozen=True)
class Person(Space):
    """A fact of the person that a row is about; the columns of a row agree: name, address, e-mail, language.

    The index is the row's number.  `email` and `username` differ from row to row, other fields need not.

    :param field: of `dbops.seeding.pools.People`.
    """

    word = "person"
    field: str
    longest: int = 0

    @property
    def size(self) -> int:
        return MANY

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        rows, stream = list(indices), dice.stream.rpartition("/")[0] or dice.stream
        parts: dict[int, list[int]] = {}
        for row in rows:
            parts.setdefault(row // BLOCK, []).append(row)
        facts: dict[int, str] = {}
        for part in parts.values():
            first, last = min(part), max(part)
            found: list[str] = getattr(_people(dice.seed, stream, first, last + 1 - first), self.field)
            facts.update(zip(range(first, last + 1), found, strict=True))
        chosen = map(facts.__getitem__, rows)
        return [fact[: self.longest].rstrip() for fact in chosen] if self.longest else list(chosen)


@cache
def _crowd(seed: int, stream: str) -> Crowd:
    return Crowd(seed, f"{stream}/people", _PEOPLE)


@lru_cache(maxsize=8)
def _people(seed: int, stream: str, first: int, count: int) -> People:
    return _crowd(seed, stream).people(first, count)


@dataclasses.dataclass(frozen=True)
class Pooled(Space):
    """Values of a pool; `numbered` puts a number behind them, so that there are enough for a unique column.

    :param longest: characters that fit; 0 for any number.
    :param ending: what stands behind the number, for instance `@example.com`.
    """

    word = "pool"
    pool: str
    numbered: bool = False
    longest: int = 0
    ending: str = ""

    @cached_property
    def _values(self) -> tuple[str, ...]:
        from dbops.seeding.generate.spaces.vocabulary import pool

        room = self.longest - len(self.ending) - (_DIGITS if self.numbered else 0)
        values = pool(self.pool)
        return tuple(one for one in values if len(one) <= room) if self.longest else values

    @property
    def size(self) -> int:
        values = len(self._values)
        return values * 10**_DIGITS if self.numbered else values

    def texts(self, indices: Iterable[int], dice: Dice) -> list[str]:
        values, ending = self._values, self.ending
        if not self.numbered:
            chosen = map(values.__getitem__, indices)
            return [value + ending for value in chosen] if ending else list(chosen)
        count = len(values)
        gap = " " if any(" " in value for value in values[:8]) else ""
        numbers = ["", *(f"{gap}{number}" for number in range(2, 100))]
        texts = []
        for index in indices:
            again, place = divmod(index, count)
            number = numbers[again] if again < len(numbers) else f"{gap}{again + 1}"
            texts.append(f"{values[place * _STRIDE % count]}{number}{ending}")
        return texts
