"""The tables from which a crowd's columns are picked: values by slot, each as often as its weight says.

Every locale has 2**SLOTS slots in a table, the locales stand one behind the other.  What stands in the slots does not
depend on the seed: a street is where it is, whoever lives there.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain, groupby, repeat

from dbops.seeding.draw import below, shorts, skewed, spread
from dbops.seeding.pools.locales import City, Locale, Names
from dbops.seeding.pools.patterns import expand

SLOTS = 11  # bits: slots of a locale; of given names, one half is for women, the other for men
FAMILIES = 10  # bits: slots of family names, of a locale or, where they differ, of a sex

# Letters of a name in a username: with one between, and a number of up to six digits, they are 32.
_LONGEST_GIVEN, _LONGEST_FAMILY = 12, 13


class NameTables:
    """Given and family names of some locales.

    `ordinal` says how many slots before one hold the same Latin name, `count` how many there are in all: a slot is
    known by its Latin name and its ordinal.
    """

    def __init__(self, locales: Iterable[Locale]) -> None:
        self.given: list[str] = []
        self.family: list[str] = []
        self.before: list[str] = []  # by slot of the given name: what a full name has before the family name
        self.after: list[str] = []
        self.sex: list[str] = []
        self.family_base: list[int] = []  # by slot of the given name: where the family names that fit begin
        self.given_latin: list[str] = []
        self.family_latin: list[str] = []
        for locale in locales:
            female = self._add_families(locale.family_female)
            one_form = locale.family_female is locale.family_male
            male = female if one_form else self._add_families(locale.family_male)
            self._add_given(locale.name, "F", locale.female, female)
            self._add_given(locale.name, "M", locale.male, male)
        self.given_ordinal, self.given_count = _ordinals(self.given_latin)
        self.family_ordinal, self.family_count = _ordinals(self.family_latin)

    def _add_families(self, names: Names) -> int:
        base = len(self.family)
        slots = _slots(names, FAMILIES)
        self.family += map(names.written.__getitem__, slots)
        self.family_latin += map([latin[:_LONGEST_FAMILY] for latin in names.latin].__getitem__, slots)
        return base

    def _add_given(self, form: str, sex: str, names: Names, family_base: int) -> None:
        slots = _slots(names, SLOTS - 1)
        before, _, after = form.partition("{family}")
        # One string for each name, not for each slot: picking is as fast as the processor's caches allow.
        self.given += map(names.written.__getitem__, slots)
        self.given_latin += map([latin[:_LONGEST_GIVEN] for latin in names.latin].__getitem__, slots)
        self.before += map([before.replace("{given}", name) for name in names.written].__getitem__, slots)
        self.after += map([after.replace("{given}", name) for name in names.written].__getitem__, slots)
        self.sex += [sex] * len(slots)
        self.family_base += [family_base] * len(slots)


class PlaceTables:
    """Cities with what belongs to them, and streets, of some locales; a table is made when it is first read."""

    def __init__(self, locales: Iterable[Locale]) -> None:
        self._locales = tuple(locales)
        self._slots = [  # of each city how many
            (locale, city, len(list(slots)))
            for locale in self._locales
            for city, slots in groupby(
                spread(locale.cities, [one.weight for one in locale.cities], bits=SLOTS)
            )
        ]

    @cached_property
    def city(self) -> list[str]:
        """Names of cities."""
        return self._each(lambda city: city.name)

    @cached_property
    def region(self) -> list[str]:
        """Their states, provinces or counties."""
        return self._each(lambda city: city.region)

    @cached_property
    def latitude(self) -> list[str]:
        """How far north they lie, in degrees."""
        return self._each(lambda city: _degrees(city.latitude))

    @cached_property
    def longitude(self) -> list[str]:
        """How far east they lie, in degrees."""
        return self._each(lambda city: _degrees(city.longitude))

    @cached_property
    def timezone(self) -> list[str]:
        """Their time zones."""
        return self._each(lambda city: city.timezone)

    @cached_property
    def postcode(self) -> list[str]:
        """Postcodes."""
        made = (
            _alternately(city.postcodes, f"{locale.code}/{city.name}/postcode", count)
            for locale, city, count in self._slots
        )
        return list(chain.from_iterable(made))

    @cached_property
    def phone(self) -> list[str]:
        """Telephone numbers, but for the last two digits."""
        made = (
            _alternately([one[:-2] for one in city.phones], f"{locale.code}/phone", count)
            for locale, city, count in self._slots
        )
        return list(chain.from_iterable(made))

    @cached_property
    def street(self) -> list[str]:
        """Streets with house numbers."""
        return list(chain.from_iterable(map(_streets, self._locales)))

    def _each(self, fact: Callable[[City], str]) -> list[str]:
        return [value for _, city, count in self._slots for value in repeat(fact(city), count)]


def _degrees(hundredths: int) -> str:
    whole, rest = divmod(abs(hundredths), 100)
    return f"{'-' if hundredths < 0 else ''}{whole}.{rest:02}"


def companies(locale: Locale) -> list[str]:
    """Names of companies by slot: those of families, in the legal forms of the country."""
    size = 1 << SLOTS
    names = locale.family_male
    families = list(map(names.written.__getitem__, _slots(names, SLOTS)))
    drawn = (below(shorts(0, f"{locale.code}/company/{what}", 0, size), size) for what in ("one", "two"))
    forms = below(shorts(0, f"{locale.code}/company/form", 0, size), len(locale.companies))
    return [
        locale.companies[form].format(family=families[one], family2=families[two])
        for form, one, two in zip(forms, *drawn, strict=True)
    ]


def _slots(names: Names, bits: int) -> list[int]:
    return spread(range(len(names.weights)), names.weights, bits=bits)


def _ordinals(slots: Sequence[str]) -> tuple[array[int], array[int]]:
    """For each slot how many before it hold the same, and how many there are in all."""
    seen: Counter[str] = Counter()
    ordinals = array("i")
    for value in slots:
        ordinals.append(seen[value])
        seen[value] += 1
    return ordinals, array("i", map(seen.__getitem__, slots))


def _alternately(patterns: Sequence[str], stream: str, count: int) -> list[str]:
    columns = [expand(pattern, 0, f"{stream}/{pattern}", count=count) for pattern in patterns]
    return [columns[place % len(columns)][place] for place in range(count)]


def _streets(locale: Locale) -> list[str]:
    size = 1 << SLOTS
    streets = skewed(shorts(0, f"{locale.code}/street", 0, size), len(locale.streets))
    numbers = _alternately(locale.numbers, f"{locale.code}/number", size)
    line = locale.street.format
    return [
        line(street=locale.streets[street], number=number)
        for street, number in zip(streets, numbers, strict=True)
    ]
