"""Believable values, kept with the project: names, places, companies, words.

The data are text files under `data/`: `places/` (one per locale, by hand) has the facts of a country, `names/` (made
from Faker by `make pools`) its names by frequency, `lists/` whatever does not depend on a country.  They are part
of what a seed means: a changed line changes everybody's data.

    load("de_DE")                  a Locale: names with weights and Latin forms, cities, streets, forms of companies
    values("jobs")                 a list; rows("currencies") one with several columns
    LOCALES, WORLD                 all locales; weights of a firm with clients everywhere
    expand("PO-####", seed, ...)   a column of codes by pattern; iban("DE", 17) a number with its right check digits
    Crowd(seed, stream, mix)       people, by row number

People come by row number, column by column, and only the columns that are asked for are made:

    crowd = Crowd(42, "users", {"de_DE": 3, "ja_JP": 1})
    people = crowd.people(first=8192, count=4096)
    people.full_name, people.email, people.city      # lists of 4096 strings

A person depends on the seed, the stream, the mix and the row number alone.  Name, place, postcode, telephone,
language and time zone belong together.  Usernames and e-mail addresses are unique by construction, whatever the
case, for up to 2**60 rows of one crowd: the names of a row are a bijection of its number, and a number behind the
name tells those apart that share it ("anna.mueller", "anna.mueller2", ...).

Nothing reaches a stranger: e-mail addresses are at example.com, .org, .net and .example, which are reserved.
Telephone numbers are in the form of E.164.  In the USA, Canada, Britain, Ireland, Germany, France, Sweden and
Australia they are from the ranges reserved for films and books; elsewhere they have the country's form, mostly with
a digit after the area code with which no exchange begins.  They are not unique: a range for films has few numbers.
"""

from dbops.seeding.pools.lists import rows, values
from dbops.seeding.pools.locales import LOCALES, WORLD, City, Locale, Names, load
from dbops.seeding.pools.patterns import expand, iban
from dbops.seeding.pools.people import Crowd, People

__all__ = [
    "LOCALES",
    "WORLD",
    "City",
    "Crowd",
    "Locale",
    "Names",
    "People",
    "expand",
    "iban",
    "load",
    "rows",
    "values",
]
