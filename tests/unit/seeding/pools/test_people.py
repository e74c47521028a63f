"""People: the same on every machine, unique where it counts, and of one piece."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections import Counter
from zoneinfo import ZoneInfo

import pytest

from dbops.seeding.pools import LOCALES, Crowd, People, load, values

CYCLE = 2**21  # rows until the pairs of names come again
COLUMNS = (
    "given", "family", "full_name", "sex", "username", "email", "city", "region", "postcode", "timezone", "street",
    "phone", "company", "job", "locale", "country", "country_name", "language", "currency",
)  # fmt: skip


@pytest.fixture(scope="module")
def world() -> Crowd:
    """A crowd of all locales; its tables are made once."""
    return Crowd(42, "users")


def _columns(people: People) -> dict[str, list[str]]:
    return {name: getattr(people, name) for name in COLUMNS}


def test_people_are_pinned(world: Crowd) -> None:
    """Nobody becomes another person by an upgrade: whoever changes the data says so in the changelog."""
    columns = _columns(world.people(0, 4096))
    assert columns["full_name"][1:4] == ["Brian Warren", "Tammy Knight", "Anirudh Ghosh"]
    assert columns["email"][:3] == [
        "prakash.chaturvedi383@example.net",
        "brian.warren454@example.org",
        "tammy.knight87@example.com",
    ]
    assert hashlib.sha256(repr(columns).encode()).hexdigest()[:16] == "917f13ef9dd93175"


def test_a_person_depends_on_the_row_alone(world: Crowd) -> None:
    """Whoever asks for which rows, and in what order, gets the same people."""
    whole = _columns(world.people(4_000, 5_000))
    piece = _columns(world.people(8_100, 200))
    assert all(piece[name] == whole[name][4_100:4_300] for name in COLUMNS)
    other = Crowd(42, "users")
    assert other.people(8_100, 200).email == piece["email"]  # without the columns before it
    assert all(column == [] for column in _columns(world.people(10, 0)).values())
    with pytest.raises(IndexError, match="no rows -1 to 4"):
        world.people(-1, 5)


def test_seed_stream_and_mix_change_the_people() -> None:
    """Each of them gives other people."""
    mix = {"de_DE": 1, "fr_FR": 1}
    crowds = [Crowd(1, "a", mix), Crowd(2, "a", mix), Crowd(1, "b", mix), Crowd(1, "a", {"de_DE": 1})]
    assert len({tuple(crowd.people(0, 50).full_name) for crowd in crowds}) == 4


def test_a_crowd_travels_to_a_worker(world: Crowd) -> None:
    """A pickled crowd makes the same people; before its tables are made it is small."""
    fresh = Crowd(42, "users")
    assert len(pickle.dumps(fresh)) < 1_500_000
    assert pickle.loads(pickle.dumps(fresh)).people(7, 3).email == world.people(7, 3).email


def test_usernames_and_addresses_are_unique(world: Crowd) -> None:
    """Over many blocks, and where pairs of names come again, no two are alike; and their form is narrow."""
    usernames: list[str] = []
    emails: list[str] = []
    for first, count in ((0, 200_000), (CYCLE - 50_000, 100_000), (2 * CYCLE, 50_000), (9 * CYCLE, 50_000)):
        people = world.people(first, count)
        usernames += people.username
        emails += people.email
    assert len(set(usernames)) == len(usernames)
    assert len(set(emails)) == len(emails)
    assert all(re.fullmatch("[a-z]+[._-][a-z]+[0-9]*", name) for name in usernames)
    assert max(map(len, usernames)) <= 32
    assert max(map(len, emails)) <= 46


def test_where_names_are_few_usernames_are_unique_nevertheless() -> None:
    """In a crowd of one country where a fifth have one of three families, 500,000 usernames differ."""
    crowd = Crowd(7, "clients", {"ko_KR": 1})
    usernames: list[str] = []
    for first, count in ((0, 300_000), (CYCLE - 50_000, 100_000), (5 * CYCLE, 100_000)):
        usernames += crowd.people(first, count).username
    assert len(set(usernames)) == 500_000


def test_mail_is_for_nobody(world: Crowd) -> None:
    """Every address is at a reserved domain, and each of them is used."""
    domains = Counter(email.partition("@")[2] for email in world.people(0, 4096).email)
    assert set(domains) == set(values("domains"))
    assert all(re.fullmatch(r"example\.(com|org|net)|[a-z]+\.example", domain) for domain in domains)


def test_an_address_fits_the_name(world: Crowd) -> None:
    """The address and the username begin with the same Latin name, which is the name where that is in a to z."""
    people = world.people(0, 4096)
    for given, username, email in zip(people.given, people.username, people.email, strict=True):
        assert re.split("[._-]", username)[0] == email.split(".")[0]
        if given.isascii() and given.isalpha():
            assert email.startswith(f"{given.lower()[:12]}.")


def test_what_belongs_together_is_together(world: Crowd) -> None:
    """City, region, time zone, country, language and names are of one locale, for every locale."""
    people = world.people(0, 8192)
    seen = set()
    facts = zip(
        people.locale, people.country, people.language, people.city, people.region, people.timezone, people.given,
        people.family, people.sex, strict=True,
    )  # fmt: skip
    for code, country, language, city, region, timezone, given, family, sex in facts:
        locale = load(code)
        seen.add(code)
        assert (country, language) == (locale.country, locale.language)
        assert any((city, region, timezone) == (one.name, one.region, one.timezone) for one in locale.cities)
        names = (locale.female, locale.family_female) if sex == "F" else (locale.male, locale.family_male)
        assert given in names[0].written
        assert family in names[1].written
    assert seen == set(LOCALES)


def test_names_are_written_as_the_country_writes_them() -> None:
    """The family comes first in Hungary and Japan; a Czech woman has the form of the name for women."""
    for code, form in {"hu_HU": "{f} {g}", "ja_JP": "{f} {g}", "zh_CN": "{f}{g}", "de_DE": "{g} {f}"}.items():
        people = Crowd(1, "t", {code: 1}).people(0, 200)
        names = zip(people.full_name, people.given, people.family, strict=True)
        assert all(full == form.format(g=given, f=family) for full, given, family in names)
    czech = Crowd(1, "t", {"cs_CZ": 1}).people(0, 500)
    women = [family for family, sex in zip(czech.family, czech.sex, strict=True) if sex == "F"]
    assert all(family.endswith(("á", "í")) for family in women)
    assert 200 < len(women) < 300


def test_common_names_are_common() -> None:
    """Every 25th German is called Müller, and there are hundreds of names beside."""
    families = Counter(Crowd(1, "t", {"de_DE": 1}).people(0, 50_000).family)
    assert families.most_common(1)[0][0] == "Müller"
    assert 0.03 < families["Müller"] / 50_000 < 0.05
    assert len(families) > 250


def test_forms_of_values(world: Crowd) -> None:
    """Telephone numbers are as in E.164, time zones exist, nothing is empty, nothing needs escaping in COPY."""
    people = world.people(0, 4096)
    assert all(re.fullmatch(r"\+[1-9]\d{7,14}", phone) for phone in people.phone)
    assert all(ZoneInfo(zone) for zone in set(people.timezone))
    for column in _columns(people).values():
        assert all(value and value.isprintable() and "\\" not in value for value in column)


@pytest.mark.parametrize(
    ("mix", "error"), [({"xx_XX": 1}, KeyError), ({"de_DE": 0}, ValueError), ({}, ValueError)]
)
def test_a_mix_that_cannot_be(mix: dict[str, int], error: type[Exception]) -> None:
    """An unknown locale, and no locale at all, are refused at once."""
    with pytest.raises(error):
        Crowd(1, "t", mix)
