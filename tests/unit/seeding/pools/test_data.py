"""The files of names, places and lists: complete, clean, and nothing in them that reaches a stranger."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dbops.seeding import pools
from dbops.seeding.pools import LOCALES, Locale, Names, expand, load, rows, values

DATA = Path(pools.__file__).with_name("data")
FILES = sorted(DATA.rglob("*.txt"))

POSTCODES = {
    "US": r"\d{5}", "CA": r"[A-Z]\d[A-Z] \d[A-Z]\d", "MX": r"\d{5}", "BR": r"\d{5}-\d{3}", "AR": r"[A-Z]\d{4}[A-Z]{3}",
    "CL": r"\d{7}", "CO": r"\d{6}", "GB": r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}", "IE": r"[A-Z]\d\d [A-Z]{2}\d\d",
    "DE": r"\d{5}", "AT": r"\d{4}", "CH": r"\d{4}", "FR": r"\d{5}", "NL": r"\d{4} [A-Z]{2}", "BE": r"\d{4}",
    "IT": r"\d{5}", "ES": r"\d{5}", "PT": r"\d{4}-\d{3}", "SE": r"\d{3} \d\d", "DK": r"\d{4}", "NO": r"\d{4}",
    "FI": r"\d{5}", "PL": r"\d\d-\d{3}", "CZ": r"\d{3} \d\d", "HU": r"\d{4}", "GR": r"\d{3} \d\d", "TR": r"\d{5}",
    "IL": r"\d{7}", "AE": "00000", "JP": r"\d{3}-\d{4}", "CN": r"\d{6}", "KR": r"\d{5}", "IN": r"\d{6}",
    "ID": r"\d{5}", "AU": r"\d{4}", "NZ": r"\d{4}", "KE": r"\d{5}",
}  # fmt: skip

CALLING = {
    "US": "1", "CA": "1", "MX": "52", "BR": "55", "AR": "54", "CL": "56", "CO": "57", "GB": "44", "IE": "353",
    "DE": "49", "AT": "43", "CH": "41", "FR": "33", "NL": "31", "BE": "32", "IT": "39", "ES": "34", "PT": "351",
    "SE": "46", "DK": "45", "NO": "47", "FI": "358", "PL": "48", "CZ": "420", "HU": "36", "GR": "30", "TR": "90",
    "IL": "972", "AE": "971", "JP": "81", "CN": "86", "KR": "82", "IN": "91", "ID": "62", "AU": "61", "NZ": "64",
    "KE": "254",
}  # fmt: skip

# The ranges that the countries' regulators keep free for films and books, as far as the files use them.
FICTION = {
    "US": r"1\d{3}55501\d\d",
    "CA": r"1\d{3}55501\d\d",
    "GB": r"44(2079460\d{3}|2920180\d{3}|2896496\d{3}|1914980\d{3}|1632960\d{3}|1[1-6]\d4960\d{3})",
    "IE": r"3532091\d{5}",
    "DE": r"49(3023125|6990009|4066969|2214710|8999998)\d{3}|49(17139200|176040690)\d\d",
    "FR": r"33(19900|26191|35301|46571|53649)\d{4}",
    "SE": r"46(8465004|3139006|4062804|9803192)\d\d",
    "AU": r"61[2378](5550|7010)\d{4}",
}


@pytest.fixture(params=LOCALES)
def locale(request: pytest.FixtureRequest) -> Locale:
    """Each locale in turn."""
    return load(request.param)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_files_are_clean(path: Path) -> None:
    """No tab, no control character, no blank at an end, letters composed, every line different under its heading."""
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    assert lines.pop() == ""
    assert lines == text.splitlines()
    assert all(line.isprintable() and line == line.strip() and line for line in lines)
    assert unicodedata.is_normalized("NFC", text)
    assert "  " not in text
    # Data for COPY may be put together without escaping.
    assert "\\" not in text


def test_the_data_stay_small() -> None:
    """All files together are less than a megabyte."""
    assert sum(path.stat().st_size for path in FILES) < 1_000_000


def test_locales_are_the_files() -> None:
    """Every locale has its two files, and every file is of a locale; they are of all inhabited continents."""
    for folder in ("names", "places"):
        assert {path.stem for path in (DATA / folder).glob("*.txt")} == set(LOCALES)
    assert len({load(code).country for code in LOCALES}) >= 35
    assert {"US", "BR", "DE", "JP", "AU", "KE"} <= {load(code).country for code in LOCALES}
    with pytest.raises(KeyError):
        load("xx_XX")


def test_a_locale_is_complete(locale: Locale) -> None:
    """Names, places, streets and companies in numbers that do not look poor; codes in the standards' form."""
    assert locale.code == f"{locale.language}_{locale.country}"
    assert re.fullmatch("[A-Z]{3}", locale.currency)
    assert len(locale.cities) >= 7
    assert len(locale.streets) == len(set(locale.streets)) >= 14
    assert len(locale.companies) >= 4
    assert all("{family}" in form for form in locale.companies)
    assert sorted(re.findall(r"{\w+}", locale.name)) == ["{family}", "{given}"]
    assert sorted(re.findall(r"{\w+}", locale.street)) == ["{number}", "{street}"]
    for names in (locale.female, locale.male, locale.family_female, locale.family_male):
        _check(names)


def _check(names: Names) -> None:
    assert len(names.written) == len(names.latin) == len(names.weights) >= 30
    assert len(set(names.written)) == len(names.written)
    assert all(re.fullmatch("[a-z]+", latin) for latin in names.latin)
    assert list(names.weights) == sorted(names.weights, reverse=True)
    assert names.weights[-1] > 0
    assert not any(re.search(r"[\d|{}@]", name) for name in names.written)


def test_names_are_in_the_script_of_the_language(locale: Locale) -> None:
    """Greek names in Greek, Japanese ones in kanji or kana, Latin elsewhere."""
    scripts = {
        "el": "GREEK", "he": "HEBREW", "ar": "ARABIC", "hi": "DEVANAGARI", "ko": "HANGUL", "ja": "CJK|IDEO|HIRAGANA",
        "zh": "CJK",
    }  # fmt: skip
    script = scripts.get(locale.language, "LATIN")
    for name in (*locale.female.written, *locale.male.written, *locale.family_female.written):
        assert all(re.match(script, unicodedata.name(letter)) for letter in name if letter.isalpha()), name


def test_places_fit_their_country(locale: Locale) -> None:
    """Time zones exist, postcodes and telephone numbers have the country's form, degrees are on the globe."""
    for city in locale.cities:
        ZoneInfo(city.timezone)
        assert city.weight > 0
        assert -9_000 < city.latitude < 9_000
        assert -18_000 < city.longitude < 18_000
        for pattern in city.postcodes:
            postcode = expand(pattern, 1, "test", count=1)[0]
            assert re.fullmatch(POSTCODES[locale.country], postcode), (city.name, pattern)
        for pattern in city.phones:
            assert pattern.endswith("##")
            assert set(pattern[1:]) <= set("0123456789#")
            assert re.fullmatch(rf"\+{CALLING[locale.country]}[\d#]{{7,11}}", pattern), (city.name, pattern)
            assert len(pattern) <= 16


@pytest.mark.parametrize("country", sorted(FICTION))
def test_no_telephone_rings(country: str) -> None:
    """Where a country keeps numbers free for fiction, only such are used, whatever digits are drawn."""
    cities = [city for code in LOCALES if load(code).country == country for city in load(code).cities]
    for pattern in {pattern for city in cities for pattern in city.phones}:
        for number in expand(pattern, 1, "test", count=50):
            assert re.fullmatch(FICTION[country], number[1:]), pattern


def test_no_mail_arrives() -> None:
    """Every domain is one of those that are reserved for examples (RFC 2606)."""
    reserved = re.compile(r"([a-z]+\.)?example|example\.(com|org|net)")
    assert all(map(reserved.fullmatch, values("domains")))
    texts = [path.read_text(encoding="utf-8") for path in FILES]
    assert not any("@" in text for text in texts if "\nnumbers " not in text)


def test_lists_have_the_form_of_their_standards() -> None:
    """Codes have their letters, colours their digits; no value twice."""
    forms = {
        "colours": r"[\w ]+\|#[0-9a-f]{6}",
        "countries": r"[A-Z]{2}\|[A-Z]{3}\|.+",
        "currencies": r"[A-Z]{3}\|.+",
        "languages": r"[a-z]{2}\|[A-Z].+",
        "mime_types": r"[a-z]+/[\w.+-]+",
        "file_names": r"[a-z_]+\.[a-z0-9.]+",
        "words": r"[A-Za-z]+",
        "sentences": r"[A-Z][^|]+\.",
    }
    for path in sorted((DATA / "lists").glob("*.txt")):
        form = re.compile(forms.get(path.stem, "[^|]+"))
        assert all(form.fullmatch("|".join(row)) for row in rows(path.stem)), path.stem
        assert len(set(values(path.stem))) == len(values(path.stem)) >= 8, path.stem
    with pytest.raises(KeyError):
        values("nothing")


def test_lists_and_locales_know_each_other() -> None:
    """What a locale says of country, currency and language is in the lists."""
    for locale in map(load, LOCALES):
        assert locale.country_name == {row[0]: row[2] for row in rows("countries")}[locale.country]
        assert locale.currency in values("currencies")
        assert locale.language in values("languages")
