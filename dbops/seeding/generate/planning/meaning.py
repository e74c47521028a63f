"""What a column means, guessed from its name, its type and its table: `users.name` is a person's, `products.name` not.

A guess is only a proposal: where a check or the type does not let it pass, something plainer is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from dbops.engines.catalog import Column, DataType, Table, TypeKind
from dbops.seeding.generate.expressions.values import FRACTIONS, INTEGERS
from dbops.seeding.generate.planning.words import (
    COORDINATES,
    FIRMS,
    GOODS,
    NAMES,
    NUMBER_RANGES,
    PERSONS,
    PLACES,
    RARELY,
    TAGS,
    USUALLY,
    WRITTEN,
    words_of,
)
from dbops.seeding.generate.spaces.compound import Ranges
from dbops.seeding.generate.spaces.plain import Encoded, Listed, Numbers
from dbops.seeding.generate.spaces.pooled import UNIQUE_FIELDS, Person, Pooled
from dbops.seeding.generate.spaces.space import Dice, Space
from dbops.seeding.generate.spaces.strings import Pattern
from dbops.seeding.generate.spaces.times import DAY, Times, micros

_TEXT = frozenset({"text", "varchar", "bpchar", "citext"})

_MOST_DAYS = 2_000_000

_ANY = Dice(0, "")

Make = Callable[[int, bool], list[Space]]
"""From a text's longest length (0 for any) and whether many values are needed to the proposals."""


def meanings(table: Table, column: Column, as_of: datetime, needed: int) -> Iterator[Space]:
    """Proposals for a column, the most telling first; none where its name says nothing."""
    base, words = column.type.base, words_of(column.name)
    if base.name in _TEXT:
        words = ("region",) if words == ("state",) and _is_place(table) else words
        yield from _texts(words, words_of(table.name), base.length or 0, needed > 0)
    elif base.name == "bool" and not needed and (mostly := _mostly(words)):
        yield Listed((mostly,) * 9 + ("t" if mostly == "f" else "f",))
    elif base.kind is TypeKind.RANGE and {"valid", "validity"} & {*words}:
        yield from _validity(base, as_of, needed)
    elif base.name in INTEGERS or base.name in FRACTIONS:
        scale = 0 if base.name in INTEGERS else 2 if base.scale is None else max(base.scale, 0)
        if base.name in FRACTIONS and not needed and (degrees := _degrees(words)):
            yield Person(degrees)
        yield from _numbers(words, scale, needed)
    elif base.name in ("date", "timestamp", "timestamptz") and {"birth", "dob", "birthday", "birthdate"} & {
        *words
    }:
        adults = micros(as_of) // DAY * DAY - 90 * 365 * DAY
        yield Times(adults, DAY, 72 * 365, base.name)


def _is_place(table: Table) -> bool:
    """Whether a state is one of a country: beside a city, a street, a postcode."""
    return any(PLACES & {*words_of(column.name)} for column in table.columns)


def _mostly(words: tuple[str, ...]) -> str | None:
    """What most rows have in a column of yes and no."""
    return "f" if RARELY & {*words} else "t" if USUALLY & {*words} else None


def _degrees(words: tuple[str, ...]) -> str | None:
    return next((field for field, names in COORDINATES.items() if names & {*words}), None)


def _validity(base: DataType, as_of: datetime, needed: int) -> Iterator[Space]:
    """What is valid is so for days and weeks."""
    bound = base.element.base.name if base.element else ""
    if bound in ("date", "timestamp", "timestamptz"):
        days = max(660, 30 * (needed + 1))
        if days < _MOST_DAYS:
            yield Ranges(Times(micros(as_of) // DAY * DAY - 600 * DAY, DAY, days, bound), 30)


def _texts(words: tuple[str, ...], table: tuple[str, ...], longest: int, wide: bool) -> Iterator[Space]:
    found = _by_table(words, table) or next((name for test, name in NAMES if test <= {*words}), None)
    if found == "country" and 0 < longest < 4:
        found = "country_code" if longest == 2 else "country_code3"
    if found in _PEOPLE and (longest == 0 or longest >= _PEOPLE[found][1] or (not wide and longest >= 8)):
        field, usual = _PEOPLE[found]
        if not wide or field in UNIQUE_FIELDS:
            yield Person(field, longest if longest and longest < usual else 0)
    for space in _SHAPED.get(found or "", lambda *_: ())(longest, wide):
        if (
            not longest
            or not isinstance(space, Pattern)
            or all(len(one) <= longest for one in space.texts([0], _ANY))
        ):
            yield space
    if found and found not in _SHAPED and (found not in _PEOPLE or found in _IN_POOLS):
        yield Pooled(found, numbered=wide, longest=longest)


def _by_table(words: tuple[str, ...], table: tuple[str, ...]) -> str | None:
    """A bare `name` or `title` means what the table holds."""
    if {*words} & {"name", "title", "label"} and len(words) == 1:
        last = table[-1:] and table[-1]
        if words == ("title",):
            return "headline" if last in WRITTEN else "job" if last in PERSONS else None
        if last in TAGS:
            return "word"
        if words == ("name",) and last in ("category", "categories", "department", "departments"):
            return {"c": "category", "d": "department"}[last[0]]
        for names, kind in ((PERSONS, "full_name"), (FIRMS, "company"), (GOODS, "product")):
            if last in names and words != ("title",):
                return kind
        places = {"country": "country", "countries": "country", "city": "city", "cities": "city",
                  "currency": "currency", "currencies": "currency", "language": "language"}  # fmt: skip
        if words == ("name",) and last in places:
            return places[last]
    return None


_PEOPLE = {
    "email": ("email", 64), "username": ("username", 40), "first_name": ("given", 40), "last_name": ("family", 40),
    "full_name": ("full_name", 80), "city": ("city", 40), "region": ("region", 40), "street": ("street", 60),
    "postcode": ("postcode", 12), "phone": ("phone", 20), "timezone": ("timezone", 40), "gender": ("sex", 8),
    "country": ("country_name", 40), "country_code": ("country", 2), "language": ("language", 3),
    "currency": ("currency", 3), "job": ("job", 60), "locale": ("locale", 8), "company": ("company", 80),
}  # fmt: skip
"""Meanings that a person has: the field of `People`, and the characters that it may take."""
_IN_POOLS = frozenset({"job", "company", "timezone", "language"})


def _country(longest: int, wide: bool) -> list[Space]:
    return [Pooled("country", wide, longest), Pooled("country_code")]


# The form of a hash, and the hash of nothing: nobody logs in with it.
_HASHED = r"^\$argon2id\$v=19\$m=65536,t=3,p=4\$[a-zA-Z0-9]{6}bm9wYXNzd29yZA\$[a-zA-Z0-9]{6}ZGJvcHMgZ2VuZXJhdGVkIHRoaXMgaGFzaC4uLg$"

_SHAPED: dict[str, Make] = {
    "email": lambda longest, wide: [Pooled("slug", wide, longest, "@example.com")],
    "country": _country,
    "password": lambda *_: [Pattern(_HASHED)],
    "hash": lambda longest, _: [Encoded("hex", longest or 64)] if longest != 60 else [],
    "md5": lambda *_: [Encoded("hex", 32)],
    "phone": lambda *_: [Pattern(r"^\+[1-9][0-9]{2}[0-9]{8}$"), Pattern("^[0-9]{10}$")],
    "postcode": lambda *_: [Pattern("^[1-9][0-9]{4}$")],
    "url": lambda longest, wide: [Pooled("url", wide, longest)],
    "host": lambda longest, wide: [Pooled("slug", wide, longest, ".example.com")],
    "file": lambda longest, wide: [Pooled("slug", wide, longest, ".pdf")] if wide else [Pooled("file", longest=longest)],
    "path": lambda longest, wide: [Pooled("path", wide, longest)],
    "ip": lambda *_: [Encoded("inet")],
    "mac": lambda *_: [Encoded("macaddr")],
    "iban": lambda *_: [Encoded("iban")],
    "card": lambda longest, _: [Encoded("card")] if longest == 0 or longest >= 16 else [],
    "code": lambda longest, _: [Pattern(f"^[A-Z]{{2}}[0-9]{{{min(longest - 2, 8) if longest > 3 else 8}}}$")],
    "symbol": lambda longest, wide: [Pattern("^[A-Z]{3}/[A-Z]{3}$")] if wide else [Pooled("symbol", longest=longest)],
    "currency": lambda longest, wide: [Pooled("currency"), *([Pattern("^[A-Z]{3}$")] if wide else [])],
    "country_code": lambda longest, wide: [Pooled("country_code"), *([Pattern("^[A-Z]{2}$")] if wide else [])],
    "username": lambda longest, wide: [Pooled("identifier", wide, longest)],
}  # fmt: skip


def _numbers(words: tuple[str, ...], scale: int, needed: int) -> Iterator[Space]:
    if words[-1:] == ("id",):
        return
    for names, low, high, decimals in NUMBER_RANGES:
        if {*names.split()} & {*words}:
            kept = min(scale, decimals)
            space = Numbers(low * 10**kept, high * 10**kept, 1, kept)
            if space.size >= needed:
                yield space
            return
