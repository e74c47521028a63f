"""A locale's names and places, read from data/names/ and data/places/ when first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("data")

# Where the clients of a firm with offices on several continents live: shares of all clients.
WORLD = {
    "en_US": 160, "en_GB": 110, "de_DE": 90, "fr_FR": 55, "it_IT": 40, "es_ES": 40, "ja_JP": 45, "zh_CN": 45,
    "en_IN": 40, "hi_IN": 10, "pt_BR": 40, "en_AU": 35, "en_CA": 30, "fr_CA": 10, "nl_NL": 25, "pl_PL": 25,
    "es_MX": 25, "ko_KR": 25, "ar_AE": 20, "de_CH": 20, "fr_CH": 8, "de_AT": 15, "sv_SE": 18, "da_DK": 12,
    "no_NO": 12, "fi_FI": 12, "en_IE": 14, "nl_BE": 14, "pt_PT": 12, "cs_CZ": 12, "hu_HU": 10, "el_GR": 10,
    "tr_TR": 18, "he_IL": 12, "id_ID": 15, "en_NZ": 10, "en_KE": 10, "es_AR": 10, "es_CL": 8, "es_CO": 8,
}  # fmt: skip
LOCALES = tuple(sorted(WORLD))


@dataclass(frozen=True)
class Names:
    """Names, the commonest first: as written, in letters a to z, and how often relative to the others."""

    written: tuple[str, ...]
    latin: tuple[str, ...]
    weights: tuple[int, ...]


@dataclass(frozen=True)
class City:
    """A real place.  `postcodes` and `phones` are patterns for `expand`; degrees are hundredths, north and east."""

    weight: int
    name: str
    region: str
    postcodes: tuple[str, ...]
    phones: tuple[str, ...]
    timezone: str
    latitude: int
    longitude: int


@dataclass(frozen=True)
class Locale:
    """A language in a country.

    `name`, `street` and `companies` are forms with the fields {given} and {family}, {street} and {number},
    {family} and {family2}; `numbers` are patterns of house numbers; `streets` begin with the commonest.
    Where families have one form for both sexes, `family_female` is `family_male`.
    """

    code: str
    country: str
    country_name: str
    language: str
    currency: str
    name: str
    street: str
    numbers: tuple[str, ...]
    companies: tuple[str, ...]
    female: Names
    male: Names
    family_female: Names
    family_male: Names
    cities: tuple[City, ...]
    streets: tuple[str, ...]


@cache
def load(code: str) -> Locale:
    """The locale of this code, such as "de_DE".  Raises KeyError if there is none."""
    if code not in WORLD:
        raise KeyError(code)
    places = _sections(_FOLDER / "places" / f"{code}.txt")
    names = {kind: _names(lines) for kind, lines in _sections(_FOLDER / "names" / f"{code}.txt").items()}
    facts = dict(line.split(" ", 1) for line in places[""])
    country, _, country_name = facts["country"].partition(" ")
    return Locale(
        code=code,
        country=country,
        country_name=country_name,
        language=facts["language"],
        currency=facts["currency"],
        name=facts["name"],
        street=facts["street"],
        numbers=tuple(facts["numbers"].split(",")),
        companies=tuple(facts["company"].split("|")),
        female=names["female"],
        male=names["male"],
        family_female=names.get("family_female") or names["family"],
        family_male=names.get("family_male") or names["family"],
        cities=tuple(map(_city, places["cities"])),
        streets=tuple(places["streets"]),
    )


def _sections(path: Path) -> dict[str, list[str]]:
    """The lines under each [heading]; those before the first are under ""."""
    current: list[str] = []
    found = {"": current}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            found[line[1:-1]] = current = []
        else:
            current.append(line)
    return found


def _names(lines: list[str]) -> Names:
    # WEIGHT|NAME|LATIN; the last is left out where it is the name in small letters.
    parts = [line.split("|") for line in lines]
    return Names(
        written=tuple(part[1] for part in parts),
        latin=tuple(part[2] if len(part) == 3 else part[1].lower() for part in parts),
        weights=tuple(int(part[0]) for part in parts),
    )


def _city(line: str) -> City:
    weight, name, region, postcodes, phones, timezone, latitude, longitude = line.split("|")
    return City(
        weight=int(weight),
        name=name,
        region=region,
        postcodes=tuple(postcodes.split(",")),
        phones=tuple(phones.split(",")),
        timezone=timezone,
        latitude=int(latitude.replace(".", "")),
        longitude=int(longitude.replace(".", "")),
    )
