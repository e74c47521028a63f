"""Lists that do not depend on a country: data/lists/NAME.txt, a value per line, columns separated by a bar."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).with_name("data") / "lists"


@cache
def values(name: str) -> tuple[str, ...]:
    """The values of a list, of its first column where it has several.

    categories, colours, countries, currencies, departments, domains, file_names, jobs, languages, mime_types,
    products, sentences, user_agents, words.  Raises KeyError for another name.
    """
    return tuple(row[0] for row in rows(name))


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """The rows of a list with several columns.

    colours: name, #rrggbb; countries: two-letter code, three-letter code, name; currencies and languages: code,
    name.  Raises KeyError for a name that no list has.
    """
    path = _FOLDER / f"{name}.txt"
    if not path.is_file():
        raise KeyError(name)
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(tuple(line.split("|")) for line in lines)
