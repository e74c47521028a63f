"""People by row number: names, places and addresses that belong together, made column by column.

A row draws its locale and a slot in each table of `tables.py`; a column is one `map` over the slots.

What makes usernames unique: in each cycle of 2**21 rows the pairs (slot of the given name, slot of the family
name) are a permutation of the row numbers, so no two rows have one pair.  Of the slots that hold the same Latin name
each has an ordinal, so (given name, ordinal, family name, ordinal) is unique; the two ordinals and the cycle become
the one number behind the name, which is left out when it is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, cached_property
from itertools import repeat
from operator import add, mul

from dbops.seeding.draw import BLOCK, Permutation, shorts, spread
from dbops.seeding.pools.lists import values
from dbops.seeding.pools.locales import WORLD, Locale, load
from dbops.seeding.pools.tables import FAMILIES, SLOTS, NameTables, PlaceTables, companies

_CYCLE = 1 << SLOTS + FAMILIES  # rows until pairs of names come again; whole blocks
_FAMILY_MASK = (1 << FAMILIES) - 1

_SEPARATORS = spread(".._-", [2, 3, 2, 1], bits=4)  # of usernames
_DOMAIN_WEIGHTS = (8, 5, 5, 5, 3, 3, 2, 1)  # of values("domains")
_TAILS = spread([f"{number:02}" for number in range(100)])  # the last two digits of telephone numbers


class Crowd:
    """All people of one stream ("users", "clients") with this seed.

    `mix` weighs the locales of `LOCALES`; the default is `WORLD`.  The tables take some milliseconds for each
    locale: make one crowd per worker, not one per block.  Raises KeyError for an unknown locale, ValueError if none
    has a weight above zero.
    """

    def __init__(self, seed: int, stream: str, mix: Mapping[str, int] = WORLD) -> None:
        self.seed = seed
        self.stream = stream
        codes = sorted(code for code in mix if mix[code])
        self._codes = tuple(codes)
        self.locales = [load(code) for code in codes]
        self.bases = spread([number << SLOTS for number in range(len(codes))], [mix[code] for code in codes])
        self.pairs = Permutation(seed, f"{stream}/names", _CYCLE)

    def people(self, first: int, count: int) -> People:
        """The people of `count` rows from row `first` on; their columns are made when they are first read."""
        return People(self, first, count)

    @cached_property
    def names(self) -> NameTables:
        """The names of all locales of the mix."""
        return _names(self._codes)

    @cached_property
    def places(self) -> PlaceTables:
        """Their cities and streets."""
        return _places(self._codes)

    @cached_property
    def companies(self) -> list[str]:
        """Their companies, by slot."""
        return [name for locale in self.locales for name in companies(locale)]

    @cached_property
    def jobs(self) -> list[str]:
        """Job titles, in English, by slot."""
        return spread(values("jobs"))

    @cached_property
    def domains(self) -> list[str]:
        """What stands behind the name in an address of e-mail, by slot."""
        return spread([f"@{name}" for name in values("domains")], _DOMAIN_WEIGHTS, bits=8)


@cache
def _names(codes: tuple[str, ...]) -> NameTables:
    """What many crowds share: the tables do not depend on seed or stream."""
    return NameTables([load(code) for code in codes])


@cache
def _places(codes: tuple[str, ...]) -> PlaceTables:
    return PlaceTables([load(code) for code in codes])


class People:
    """The columns of some rows of a crowd: lists with a value for each row, in order."""

    def __init__(self, crowd: Crowd, first: int, count: int) -> None:
        if first < 0 or count < 0:
            raise IndexError(f"no rows {first} to {first + count}")
        self._crowd = crowd
        self._parts = list(_parts(first, count))
        self._rows = range(first, first + count)

    def _drawn(self, what: str, bits: int) -> Iterable[int]:
        seed, stream = self._crowd.seed, f"{self._crowd.stream}/{what}"
        parts = [
            shorts(seed, stream, block, skip + rows, bits=bits)[skip:] for block, skip, rows in self._parts
        ]
        return parts[0] if len(parts) == 1 else [number for part in parts for number in part]

    def _slots(self, what: str) -> list[int]:
        return list(map(add, self._drawn(what, SLOTS), self._bases))

    @cached_property
    def _bases(self) -> list[int]:
        """Where the tables of each row's locale begin."""
        return list(map(self._crowd.bases.__getitem__, self._drawn("locale", 12)))

    @cached_property
    def _place(self) -> list[int]:
        return self._slots("place")

    @cached_property
    def _pair(self) -> list[int]:
        pairs = self._crowd.pairs
        parts = [pairs.block((block * BLOCK + skip) % _CYCLE, rows) for block, skip, rows in self._parts]
        return parts[0] if len(parts) == 1 else [pair for part in parts for pair in part]

    @cached_property
    def _given(self) -> list[int]:
        return [(pair >> FAMILIES) + base for pair, base in zip(self._pair, self._bases, strict=True)]

    @cached_property
    def _family(self) -> list[int]:
        bases = map(self._crowd.names.family_base.__getitem__, self._given)
        return [(pair & _FAMILY_MASK) + base for pair, base in zip(self._pair, bases, strict=True)]

    @cached_property
    def _latin(self) -> tuple[list[str], list[str], list[str]]:
        """Given name and family name in letters a to z, and the number that tells people of one name apart."""
        names, given, family = self._crowd.names, self._given, self._family
        counts = list(map(names.family_count.__getitem__, family))
        ordinals = map(names.family_ordinal.__getitem__, family)
        numbers = map(add, map(mul, map(names.given_ordinal.__getitem__, given), counts), ordinals)
        if self._rows.stop > _CYCLE:
            pairs = map(mul, map(names.given_count.__getitem__, given), counts)
            numbers = map(add, numbers, map(mul, pairs, [row // _CYCLE for row in self._rows]))
        return (
            list(map(names.given_latin.__getitem__, given)),
            list(map(names.family_latin.__getitem__, family)),
            [str(number + 1) if number else "" for number in numbers],
        )

    @cached_property
    def given(self) -> list[str]:
        """Given names, in the script of the country."""
        return list(map(self._crowd.names.given.__getitem__, self._given))

    @cached_property
    def family(self) -> list[str]:
        """Family names, in the form for the person's sex."""
        return list(map(self._crowd.names.family.__getitem__, self._family))

    @cached_property
    def full_name(self) -> list[str]:
        """Full names, in the order of the country."""
        before = map(self._crowd.names.before.__getitem__, self._given)
        after = map(self._crowd.names.after.__getitem__, self._given)
        return list(map("".join, zip(before, self.family, after, strict=True)))

    @cached_property
    def sex(self) -> list[str]:
        """F or M, as the given name says."""
        return list(map(self._crowd.names.sex.__getitem__, self._given))

    @cached_property
    def username(self) -> list[str]:
        """Unique names of a to z, 0 to 9 and one of . _ -, which begin with a letter: at most 32 characters."""
        given, family, numbers = self._latin
        between = map(_SEPARATORS.__getitem__, self._drawn("separator", 4))
        return list(map("".join, zip(given, between, family, numbers, strict=True)))

    @cached_property
    def email(self) -> list[str]:
        """Unique addresses at reserved domains, in small letters: at most 46 characters."""
        given, family, numbers = self._latin
        domains = map(self._crowd.domains.__getitem__, self._drawn("domain", 8))
        return list(map("".join, zip(given, repeat(".", len(given)), family, numbers, domains, strict=True)))

    @cached_property
    def city(self) -> list[str]:
        """Cities, as their country writes them."""
        return list(map(self._crowd.places.city.__getitem__, self._place))

    @cached_property
    def region(self) -> list[str]:
        """The states, provinces or counties of the cities."""
        return list(map(self._crowd.places.region.__getitem__, self._place))

    @cached_property
    def latitude(self) -> list[str]:
        """How far north the cities lie, in degrees: `48.14`."""
        return list(map(self._crowd.places.latitude.__getitem__, self._place))

    @cached_property
    def longitude(self) -> list[str]:
        """How far east the cities lie, in degrees."""
        return list(map(self._crowd.places.longitude.__getitem__, self._place))

    @cached_property
    def postcode(self) -> list[str]:
        """Postcodes of the cities, in the form of the country."""
        return list(map(self._crowd.places.postcode.__getitem__, self._place))

    @cached_property
    def timezone(self) -> list[str]:
        """The cities' time zones, such as Europe/Berlin."""
        return list(map(self._crowd.places.timezone.__getitem__, self._place))

    @cached_property
    def street(self) -> list[str]:
        """Street and house number, in the order of the country."""
        return list(map(self._crowd.places.street.__getitem__, self._slots("street")))

    @cached_property
    def phone(self) -> list[str]:
        """Telephone numbers as E.164 has them: + and digits.  Not unique."""
        begin = map(self._crowd.places.phone.__getitem__, self._place)
        return list(map(add, begin, map(_TAILS.__getitem__, self._drawn("phone", 12))))

    @cached_property
    def company(self) -> list[str]:
        """A company of the country."""
        return list(map(self._crowd.companies.__getitem__, self._slots("company")))

    @cached_property
    def job(self) -> list[str]:
        """A job title, in English."""
        return list(map(self._crowd.jobs.__getitem__, self._drawn("job", 12)))

    def _each(self, fact: Callable[[Locale], str]) -> list[str]:
        by_base = {number << SLOTS: fact(locale) for number, locale in enumerate(self._crowd.locales)}
        return list(map(by_base.__getitem__, self._bases))

    @cached_property
    def locale(self) -> list[str]:
        """Language and country: de_DE."""
        return self._each(lambda locale: locale.code)

    @cached_property
    def country(self) -> list[str]:
        """Countries by their two letters (ISO 3166)."""
        return self._each(lambda locale: locale.country)

    @cached_property
    def country_name(self) -> list[str]:
        """Countries by their English names."""
        return self._each(lambda locale: locale.country_name)

    @cached_property
    def language(self) -> list[str]:
        """Languages by their two letters (ISO 639)."""
        return self._each(lambda locale: locale.language)

    @cached_property
    def currency(self) -> list[str]:
        """The countries' currencies (ISO 4217)."""
        return self._each(lambda locale: locale.currency)


def _parts(first: int, count: int) -> Iterator[tuple[int, int, int]]:
    """The blocks that these rows are in: block, rows of it before the first, rows."""
    end = first + count
    while first < end:
        block, skip = divmod(first, BLOCK)
        rows = min(BLOCK - skip, end - first)
        yield block, skip, rows
        first += rows
