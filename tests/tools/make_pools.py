"""Makes dbops/seeding/pools/data/names/ and the lists that come from Faker: `make pools`.

The files are kept in git, so that what is seeded does not change with Faker's release.  Run this to add a country
or to take in better names, look at the difference, and know that it changes everybody's data: the changelog
has to say so.

Names come in order of frequency, each line WEIGHT|NAME|ASCII (the last left out where NAME has only the letters
a to z).  Where Faker has weights they are taken; where it has none, `common_names.txt` beside this file says what
is common, three quarters of all people have these names, and the rest of Faker's names share the last quarter.

By hand are data/places/ (cities, regions, postcodes, time zones, streets, telephone numbers) and the lists
that are not in `LISTS` below.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.tools.romanise import romanise

DATA = Path(__file__).resolve().parents[2] / "dbops" / "seeding" / "pools" / "data"
COMMON = Path(__file__).with_name("common_names.txt")

GIVEN, FAMILY = 220, 400  # how many names of a kind are kept
TAIL = 4  # names without known frequency: one person in so many has one

# Whose names a country takes where Faker has none of its own.
SOURCES = {"en_CA": "en_US", "en_AU": "en_NZ", "ar_AE": "ar_AA"}
# Lists of Faker that are in order of frequency though they have no weights.
ORDERED = {
    ("en_GB", "female"), ("en_GB", "male"), ("de_CH", "female"), ("de_CH", "male"), ("fr_FR", "family"),
    ("fr_CA", "family"), ("da_DK", "family"), ("ja_JP", "family"), ("zh_CN", "female"), ("zh_CN", "male"),
    ("ko_KR", "family"),
}  # fmt: skip
ATTRIBUTES = {
    "female": ("first_names_female",),
    "male": ("first_names_male",),
    "family": ("last_names",),
    "family_female": ("last_names_female", "unisex_last_names"),
    "family_male": ("last_names_male", "male_last_names"),
}
GENDERED = {"cs_CZ", "el_GR", "id_ID", "pl_PL"}  # families have one form for women and one for men


def main() -> None:
    """Writes all files anew."""
    common = _common()
    for places in sorted((DATA / "places").glob("*.txt")):
        locale = places.stem
        text = "".join(_names(locale, common.get(locale, {})))
        (DATA / "names" / f"{locale}.txt").write_text(text, encoding="utf-8")
    for name, values in _lists().items():
        (DATA / "lists" / f"{name}.txt").write_text(
            "".join(f"{value}\n" for value in values), encoding="utf-8"
        )
    print(f"{sum(path.stat().st_size for path in DATA.rglob('*.txt')):,} bytes in {DATA}")


def _common() -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Locale, kind of name, and the names with their Latin forms (empty where they follow by rule)."""
    found: dict[str, dict[str, list[tuple[str, str]]]] = {}
    current: dict[str, list[tuple[str, str]]] = {}
    for line in COMMON.read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            found[line[3:]] = current = {}
        elif line and not line.startswith("#"):
            kind, _, names = line.partition(" ")
            pairs = (name.strip().partition("=") for name in names.split(",") if name)
            current[kind] = [(name, ascii_form) for name, _, ascii_form in pairs]
    return found


def _names(locale: str, common: Mapping[str, Sequence[tuple[str, str]]]) -> Iterator[str]:
    families = ("family_female", "family_male") if locale in GENDERED else ("family",)
    for kind in ("female", "male", *families):
        head = list(common.get(kind, ()))
        fakers = {} if "only" in common else _of_faker(locale, kind)
        forms = {**_romanised(locale, kind), **{name: form for name, form in head if form}}
        weighed = _weighed(locale, kind, [name for name, _ in head], fakers)
        yield f"[{kind}]\n"
        for name, weight in weighed:
            form = forms.get(name) or romanise(name, locale, family=kind.startswith("family"))
            if form is not None:
                plain = name.isascii() and name.isalpha() and name.lower() == form
                yield f"{weight}|{name}\n" if plain else f"{weight}|{name}|{form.replace(' ', '')}\n"


def _of_faker(locale: str, kind: str) -> dict[str, float]:
    """Faker's names of a kind with their weights, 0 where it has none."""
    provider = _provider("person", SOURCES.get(locale, locale))
    found: dict[str, float] = {}
    for attribute in ATTRIBUTES[kind]:
        names = getattr(provider, attribute, ())
        weights = names if isinstance(names, Mapping) else dict.fromkeys(names, 0.0)
        even = len(set(weights.values())) < 3  # weights that are all the same say nothing
        clean = ((_clean(name), weight) for name, weight in weights.items())
        found |= {name: 0.0 if even else float(weight) for name, weight in clean if _usable(name)}
    return found


def _provider(kind: str, locale: str) -> Any:
    return importlib.import_module(f"faker.providers.{kind}.{locale}").Provider


def _clean(text: str) -> str:
    """Letters composed, one blank between words."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _usable(name: str) -> bool:
    return len(name) <= 20 and all(
        part.isalpha() for part in name.replace("-", " ").replace("'", " ").split()
    )


def _romanised(locale: str, kind: str) -> dict[str, str]:
    """Faker's own Latin forms, which the Japanese names have."""
    if locale != "ja_JP":
        return {}
    provider = _provider("person", locale)
    native = ATTRIBUTES[kind][0]
    latin = native.replace("first_names", "first_romanized_names").replace(
        "last_names", "last_romanized_names"
    )
    pairs = zip(getattr(provider, native), getattr(provider, latin), strict=True)
    return {name: form.lower() for name, form in pairs}


def _weighed(
    locale: str, kind: str, head: Sequence[str], fakers: Mapping[str, float]
) -> list[tuple[str, int]]:
    """Names and weights, the commonest first."""
    kept = FAMILY if kind.startswith("family") else GIVEN
    if not head and any(fakers.values()):
        top = max(fakers.values())
        best = sorted(fakers.items(), key=lambda pair: -pair[1])[:kept]
        return [(name, max(1, round(1000 * weight / top))) for name, weight in best]
    rest = [name for name in sorted(fakers, key=lambda name: -fakers[name]) if name not in head]
    if not head or (locale, kind) in ORDERED:
        return _by_rank([*head, *rest][:kept])
    weighed = _by_rank(head)
    tail = _sample(rest, kept - len(head))
    share = sum(weight for _, weight in weighed) // ((TAIL - 1) * len(tail)) if tail else 0
    return weighed + [(name, max(1, share)) for name in tail]


def _by_rank(names: Sequence[str]) -> list[tuple[str, int]]:
    """Weights that fall as those of names do: the tenth is about half as common as the first."""
    return [(name, 10_000 // (rank + 8)) for rank, name in enumerate(dict.fromkeys(names))]


def _sample(names: Sequence[str], count: int) -> list[str]:
    """Names spread evenly over a list, which is mostly in alphabetical order."""
    if len(names) <= count:
        return list(names)
    return [names[place * len(names) // count] for place in range(count)]


# What Faker has beside the currencies of ISO 4217 that are in use.
_NO_CURRENCIES = {
    "BYR", "CUC", "EEK", "GGP", "HRK", "IMP", "JEP", "LTL", "LVL", "MRO", "SLL", "SPL", "STD", "TVD", "VEF", "XBT",
    "XDR", "ZMK", "ZWD",
}  # fmt: skip


def _lists() -> dict[str, Iterable[str]]:
    from faker.providers import color, currency, file, job
    from faker.providers.lorem import en_US as lorem

    mime_types = {kind for group in file.Provider.mime_types.values() for kind in group}
    currencies = (pair for pair in currency.Provider.currencies if pair[0] not in _NO_CURRENCIES)
    return {
        "colours": [f"{_apart(name)}|{code.lower()}" for name, code in color.Provider.all_colors.items()],
        "currencies": sorted(f"{code}|{name}" for code, name in currencies),
        "jobs": [name for name in job.Provider.jobs if len(name) < 40 and not set(",/(") & set(name)],
        "mime_types": sorted(mime_types),
        "words": sorted(word for word in set(lorem.Provider.word_list) - {"drug", "gun"} if word.isalpha()),
    }


def _apart(name: str) -> str:
    """AliceBlue -> Alice Blue."""
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", name)


if __name__ == "__main__":
    main()
